"""How far boosting goes: rounds, early stopping and the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Rounds:
    """How far boosting came: the best round (from 1), the curve, and whether the clock ended it."""

    rate: float
    n_most: int
    deadline: float
    maximize: bool
    best: int = 0
    truncated: bool = False
    curve: list[float] = field(default_factory=list)

    def note(self, value: float) -> bool:
        """Take the metric of a round in; whether to go on."""
        sign = 1 if self.maximize else -1
        if not self.curve or sign * value > sign * self.curve[self.best - 1]:
            self.best = len(self.curve) + 1
        self.curve.append(value)
        return len(self.curve) - self.best < max(20, 5 / self.rate)


def boost(booster: Any, rounds: Rounds, has_valid: bool) -> None:
    """Add rounds to a `lightgbm.Booster` until it stops improving, they are done, or the deadline is near.

    Args:
        rounds: How far it may go; filled with how far it came.
        has_valid: Whether the booster has rows to stop by.
    """
    start = time.monotonic()
    for n_done in range(1, rounds.n_most + 1):
        exhausted = booster.update()
        now = time.monotonic()
        if has_valid:
            go_on = rounds.note(float(booster.eval_valid()[0][2]))
        else:
            rounds.best, go_on = n_done, True
        if exhausted or not go_on:
            return
        seconds = (now - start) / n_done
        if now + 2 * seconds > rounds.deadline:
            rounds.truncated |= n_done < rounds.n_most
            return
        if n_done == 5:
            _hurry(booster, rounds, (rounds.deadline - now) / seconds)


def _hurry(booster: Any, rounds: Rounds, n_affordable: float) -> None:
    """Larger steps where the clock would end boosting far too early: about 10 / rate rounds are needed to converge.

    Such a fit counts as cut short: neither its time nor its number of rounds is what the parameters would give.
    """
    rate = min(0.3, 10 / max(n_affordable, 1.0))
    if rate > rounds.rate and rounds.n_most > n_affordable:
        rounds.rate, rounds.truncated = rate, True
        booster.reset_parameter({"learning_rate": rate})
