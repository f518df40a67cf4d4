"""One attempt: a family with parameters, how far it came and how well it did."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from automl.space import Params

State: TypeAlias = Literal["running", "done", "pruned", "failed", "skipped"]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one fold.

    Attributes:
        fold: Index of the split.
        value: In the task's metric, its own sign.
        seconds: Wall time of fit and prediction.
        n_iterations: Rounds or epochs kept, where the family counts them.
        n_tried: Those gone through to know which to keep, where that is known to be more.
        learning_rate: Where the clock made the fit take another than its parameters say.
        curve: Validation metric over iterations, at most 100 points.
        truncated: Whether its deadline cut it short.
    """

    fold: int
    value: float
    seconds: float
    n_iterations: int | None = None
    n_tried: int | None = None
    learning_rate: float | None = None
    curve: tuple[float, ...] = ()
    truncated: bool = False


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A family with parameters, its folds so far and why it ended.

    Attributes:
        number: Order of the start, from 0.
        origin: portfolio (a good default), search (asked of the optimiser) or baseline.
        value: Metric over all out-of-fold rows seen; None before the first fold.
        reason: Why it was pruned, failed or skipped.
    """

    number: int
    family: str
    params: Params
    origin: Literal["baseline", "portfolio", "search"]
    state: State = "running"
    scores: tuple[Score, ...] = ()
    value: float | None = None
    reason: str = ""

    @property
    def seconds(self) -> float:
        """Wall seconds over the folds so far."""
        return sum(score.seconds for score in self.scores)
