"""The learning curve over rows: a good trial once more, on a half and on a quarter of its training rows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from automl.engines import JobResult
from automl.forecast import next_doubling
from automl.plan import Plan
from automl.search.budget import Clock
from automl.search.jobs import Assignment
from automl.search.ledger import Ledger
from automl.trial import Trial

SHARES = (0.25, 0.5)
_AFTER_TRIALS = 3
_MOST_FOLDS = 4
_MOST_OF_SEARCH = 0.04
_FEWEST_ROWS = 100


@dataclass(slots=True)
class RowsCurve:
    """Measures once, as soon as some trials are complete, what fewer rows would have cost.

    Attributes:
        plan: For the workers.
        ledger: The books.
        clock: All points together may take a twenty-fifth of the search, unless trials are counted.
    """

    plan: Plan
    ledger: Ledger
    clock: Clock
    _waiting: deque[Assignment] = field(default_factory=deque)
    _values: dict[tuple[float, int], float] = field(default_factory=dict)
    _trial: Trial | None = None
    _has_begun: bool = False

    def next(self) -> Assignment | None:
        """The next point to measure, or None."""
        if not self._has_begun and len(self.ledger.complete()) >= _AFTER_TRIALS:
            self._begin()
        return self._waiting.popleft() if self._waiting else None

    def _begin(self) -> None:
        """Choose the best complete trial whose points can be paid, and as many of its folds."""
        self._has_begun = True
        seconds = self.clock.search_left * self.plan.n_workers
        most = _MOST_OF_SEARCH * seconds if not self.plan.wishes.deterministic else seconds
        if len(self.ledger.splits[0].train) < _FEWEST_ROWS:
            return
        for trial in self.ledger.complete():
            each = sum(SHARES) * trial.seconds / len(trial.scores)
            n_folds = min(_MOST_FOLDS, len(trial.scores), int(most / each) if each > 0 else _MOST_FOLDS)
            if n_folds and not any(score.truncated for score in trial.scores):
                self._trial = trial
                self._waiting = deque(
                    Assignment(trial, fold, most, share) for fold in range(n_folds) for share in SHARES
                )
                return

    def take(self, point: Assignment, result: JobResult) -> None:
        """Enter what a point came to; one that failed is left out."""
        if result.outcome == "done":
            self._values[point.share, point.fold] = result.value

    def gain_of_twice(self) -> float | None:
        """Gain expected of twice the rows; None until both shares of one fold at least were measured."""
        if self._trial is None:
            return None
        gain, whole = self.ledger.metric.gain, {score.fold: score.value for score in self._trial.scores}
        quarter, half = SHARES
        folds = [f for f in whole if (quarter, f) in self._values and (half, f) in self._values]
        if not folds:
            return None
        points = ((gain(self._values[quarter, f]), gain(self._values[half, f]), gain(whole[f])) for f in folds)
        means = [sum(column) / len(folds) for column in zip(*points, strict=True)]
        return next_doubling(*means)
