"""When to stop: nothing has come of enough time and enough trials."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from automl.search.best import Blend, improvement
from automl.search.ledger import Ledger
from automl.trial import Trial

_SECONDS = 5.0
_SHARE = 0.2
_SHARE_OF_BUDGET = 0.05
_TRIALS = 8
_TRIALS_OF_THE_BEST = 3


@dataclass(slots=True)
class Patience:
    """When the best model last improved by more than the noise.

    Attributes:
        budget: Seconds of the whole command.
        best: The blend that the next ones are held against.
    """

    budget: float
    best: Blend | None = None
    since: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    n_trials: int = 0
    n_of_the_best: int = 0

    def note(self, ledger: Ledger, blend: Blend) -> None:
        """Take note of a blend; better by a quarter of the standard error of the difference is better."""
        if self.best is not None:
            gain, error = improvement(ledger, self.best, blend)
            if gain <= 0.25 * error:
                return
        self.best = blend
        self.renew()

    def count(self, trial: Trial) -> None:
        """Take note of a trial that came to its end."""
        self.n_trials += 1
        self.n_of_the_best += self.best is not None and trial.family in dict(self.best.by_family())

    def is_out(self) -> bool:
        """Whether nothing has come of enough time and enough trials, some of them of families that are in the blend."""
        now = time.monotonic()
        enough = max(_SECONDS, _SHARE * (now - self.began), _SHARE_OF_BUDGET * self.budget)
        is_tried = self.n_trials >= _TRIALS and self.n_of_the_best >= _TRIALS_OF_THE_BEST
        return is_tried and now - self.since > enough

    def renew(self) -> None:
        """Wait as long again."""
        self.since, self.n_trials, self.n_of_the_best = time.monotonic(), 0, 0
