"""When to stop: nothing has come of enough time and enough trials."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from automl.search.best import Blend, improvement
from automl.search.ledger import Ledger
from automl.trial import Trial

_SECONDS = 8.0
_SHARE = 0.35
# Of the budget, where there is room and where there is little.
_SHARE_OF_BUDGET, _SHARE_IN_LITTLE_ROOM = 0.15, 0.05
_TRIALS = 8
_LARGE_SHARE = 0.25
_TRIALS_OF_LARGE_ONES = 2
# In standard errors of the score: with fewer left to the best there is, what is to be had is hardly more than noise.
_LITTLE_ROOM = 2.5
# In the same: gains that are worth searching on for, where there is room and where there is little.
_WORTH, _WORTH_IN_LITTLE_ROOM = 0.05, 1.0


@dataclass(slots=True)
class Patience:
    """When the best model last improved by more than the noise.

    Attributes:
        budget: Seconds of the whole command.
        best: The blend that the next ones are held against.
        last: The blend that was noted last.
        has_room: Whether there is much between the score of the best one and the best there is.
        n_ended: Trials that ended since, by family.
        last_ones: Trials that no comparison had stopped by the time that patience was out; None before.
    """

    budget: float
    best: Blend | None = None
    last: Blend | None = None
    has_room: bool = True
    since: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    n_ended: Counter[str] = field(default_factory=Counter)
    last_ones: set[int] | None = None

    def note(self, ledger: Ledger, blend: Blend) -> None:
        """Take note of a blend, and whether it is better than the best one by more than noise."""
        self.last = blend
        if self.best is None or self._is_better(ledger, self.best, blend):
            self.best = blend
            self.has_room = ledger.metric.error(blend.value) > _LITTLE_ROOM * blend.error
            self.renew()

    def count(self, trial: Trial) -> None:
        """Take note of a trial that came to its end."""
        self.n_ended[trial.family] += 1

    def is_out(self) -> bool:
        """Whether nothing has come of enough time and enough trials."""
        now = time.monotonic()
        share = _SHARE_OF_BUDGET if self.has_room else _SHARE_IN_LITTLE_ROOM
        enough = max(_SECONDS, _SHARE * (now - self.began), share * self.budget)
        return self.n_ended.total() >= _TRIALS and now - self.since > enough

    def awaited(self) -> set[str]:
        """Families that carry much of the last blend and had few trials since.

        Trials of others, which may be many and cheap, do not tell what another of theirs may bring.
        """
        shares = self.last.by_family() if self.last is not None else ()
        return {f for f, share in shares if share >= _LARGE_SHARE and self.n_ended[f] < _TRIALS_OF_LARGE_ONES}

    def awaits(self, ledger: Ledger) -> bool:
        """Whether a trial still runs that had scores when patience was first out: it may be better than all before."""
        running = {number for number, t in ledger.trials.items() if t.state == "running" and t.scores}
        if self.last_ones is None:
            self.last_ones = running
        return bool(self.last_ones & running)

    def is_worth(self, gain: float, noise: float) -> bool:
        """Whether a gain of the metric, whose standard error is the noise, is worth searching on for."""
        return gain > noise * (_WORTH if self.has_room else _WORTH_IN_LITTLE_ROOM)

    def renew(self) -> None:
        """Wait as long again."""
        self.since, self.n_ended, self.last_ones = time.monotonic(), Counter(), None

    def _is_better(self, ledger: Ledger, before: Blend, after: Blend) -> bool:
        """By a standard error of the difference; where there is little room by one of the score, too."""
        gain, error = improvement(ledger, before, after)
        rise = ledger.metric.gain(after.value) - ledger.metric.gain(before.value)
        return gain > error and (self.has_room or rise > before.error)
