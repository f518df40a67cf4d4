"""When to stop: nothing has come of enough time and enough trials."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from automl.search.best import Blend, improvement
from automl.search.ledger import Ledger
from automl.trial import Trial

_SECONDS = 5.0
_SHARE = 0.2
_SHARE_OF_BUDGET = 0.05
_TRIALS = 8
_TRIALS_OF_THE_BEST = 3
_LARGE_SHARE = 0.25
_TRIALS_OF_A_DEAR_ONE = 2


@dataclass(slots=True)
class Patience:
    """When the best model last improved by more than the noise.

    Attributes:
        budget: Seconds of the whole command.
        best: The blend that the next ones are held against.
        n_trials, n_of_the_best: Trials that ended since, and those of them whose family is in the best blend.
        n_ended: Trials that ended at all, by family.
    """

    budget: float
    best: Blend | None = None
    since: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    n_trials: int = 0
    n_of_the_best: int = 0
    n_ended: Counter[str] = field(default_factory=Counter)

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
        self.n_of_the_best += trial.family in self._shares()
        self.n_ended[trial.family] += 1

    def is_out(self) -> bool:
        """Whether nothing has come of enough time and enough trials, some of them of families that are in the blend."""
        now = time.monotonic()
        enough = max(_SECONDS, _SHARE * (now - self.began), _SHARE_OF_BUDGET * self.budget)
        is_tried = self.n_trials >= _TRIALS and self.n_of_the_best >= _TRIALS_OF_THE_BEST
        return is_tried and now - self.since > enough

    def awaited(self) -> set[str]:
        """Families that carry much of the blend and were tried once, because each trial takes long.

        Trials of others do not tell what another of theirs may bring.
        """
        shares = self._shares().items()
        return {f for f, share in shares if share >= _LARGE_SHARE and self.n_ended[f] < _TRIALS_OF_A_DEAR_ONE}

    def _shares(self) -> dict[str, float]:
        return dict(self.best.by_family()) if self.best is not None else {}

    def renew(self) -> None:
        """Wait as long again."""
        self.since, self.n_trials, self.n_of_the_best = time.monotonic(), 0, 0
