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
_LARGE_SHARE = 0.25
_TRIALS_OF_LARGE_ONES = 2


@dataclass(slots=True)
class Patience:
    """When the best model last improved by more than the noise.

    Attributes:
        budget: Seconds of the whole command.
        best: The blend that the next ones are held against.
        n_ended: Trials that ended since, by family.
    """

    budget: float
    best: Blend | None = None
    since: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
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
        self.n_ended[trial.family] += 1

    def is_out(self) -> bool:
        """Whether nothing has come of enough time and enough trials."""
        now = time.monotonic()
        enough = max(_SECONDS, _SHARE * (now - self.began), _SHARE_OF_BUDGET * self.budget)
        return self.n_ended.total() >= _TRIALS and now - self.since > enough

    def awaited(self) -> set[str]:
        """Families that carry much of the best blend and had hardly another trial since.

        Trials of others, which may be many and cheap, do not tell what another of theirs may bring.
        """
        shares = self.best.by_family() if self.best is not None else ()
        return {f for f, share in shares if share >= _LARGE_SHARE and self.n_ended[f] < _TRIALS_OF_LARGE_ONES}

    def renew(self) -> None:
        """Wait as long again."""
        self.since, self.n_ended = time.monotonic(), Counter()
