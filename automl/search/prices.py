"""What a fold costs: expected by the plan, corrected by what was measured in this run, and what it may cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from automl import registry
from automl.plan import Plan
from automl.profile import Profile
from automl.search.budget import Clock
from automl.search.refit import most_to_hold
from automl.space import Params
from automl.trial import Trial
from automl.typography import counted

_LEAST_SECONDS = 2.0
_MARGIN = 1.5
_GROWING = frozenset({"neural", "boosting", "bagging"})
_LEAST_PART = 0.3


@dataclass(slots=True)
class _Spent:
    """Of a family: seconds over all its folds, measured and expected."""

    seconds: float = 0.0
    expected: float = 0.0


class Prices:
    """Seconds of folds and trials.

    Args:
        plan: Costs and shares of the candidates. Where the run is to be deterministic, its costs are taken for what
            fits took, and its budget for what is left of it.
        profile: For cost models.
        clock: The time there is now is what the shares are of.

    Attributes:
        total: Seconds of all workers that the shares are of; what refits may take is not.
    """

    def __init__(self, plan: Plan, profile: Profile, clock: Clock) -> None:
        self._plan, self._profile, self._clock = plan, profile, clock
        self._candidates = {c.family: c for c in plan.candidates}
        self._spent = {c.family: _Spent() for c in plan.candidates}
        self._is_timed = not plan.wishes.deterministic
        self.total = max(0.0, self._left - most_to_hold(plan, clock)) * plan.n_workers

    def note(self, trial: Trial, seconds: float) -> None:
        """Take note of what a fold took."""
        spent = self._spent.get(trial.family)
        if spent is not None:
            expected = self._expected(trial.family, trial.params)
            spent.seconds += seconds if self._is_timed else expected
            spent.expected += expected

    def limit(self, trial: Trial, n_folds: int) -> float:
        """Seconds a fold of a trial may take: what it should take with a margin, if all its folds then fit.

        A fit that its limit cuts short tells little of what it could be, so the family's share of the search is no
        limit where there is time for more; it is what a fold may take where there is not.
        """
        left = self._clock.search_left
        if not self._is_timed:
            return left
        for_each = left / math.ceil((n_folds - len(trial.scores)) / self._plan.n_workers)
        wanted = min(_MARGIN * self.price(trial.family, trial.params), for_each)
        return min(left, max(wanted, self._fair(trial.family, n_folds)))

    def can_begin(self, trial: Trial) -> bool:
        """Whether there is time for another fold of a trial: one that is cut off early spoils what the others told."""
        expected = trial.seconds / len(trial.scores) if trial.scores else self.price(trial.family, trial.params)
        return not self._is_timed or _LEAST_PART * expected <= self._clock.search_left

    def no_time(
        self, family: str, params: Params, n_folds: int, *, is_first: bool, running: Sequence[Trial] = ()
    ) -> str:
        """Why there is no time for all folds of a trial; empty if there is.

        A family's first may be cut short to its share of the search, and to a part of what it needs where it gets
        better the longer it is fitted. Any other would be called off if refits came to need the time, those of itself
        or of the trials that are running.
        """
        price, left = self.price(family, params), self._left
        if is_first:
            grows = registry.family(family).traits & _GROWING
            price = min(price, self._fair(family, n_folds)) * (_LEAST_PART if grows else 1.0)
        elif self._is_timed:
            refits = price + sum(self.price(trial.family, trial.params) for trial in running)
            left -= min(max(0.0, most_to_hold(self._plan, self._clock) - self._clock.held), refits)
        needed = price * math.ceil(n_folds / self._plan.n_workers)
        if needed <= left:
            return ""
        return f"needs about {needed:.1f} s for {counted(n_folds, 'fit')}, and {max(0.0, left):.1f} s are left"

    def price(self, family: str, params: Params) -> float:
        """Seconds a fold should take, by the plan and by what the family's folds took so far."""
        spent = self._spent[family]
        ratio = spent.seconds / spent.expected if spent.expected > 0 else 1.0
        return self._expected(family, params) * ratio

    @property
    def _left(self) -> float:
        """Seconds of one worker that are left of the search, or that it began with as long as there are any."""
        left = self._clock.search_left
        return left if self._is_timed or not left else self._clock.seconds - self._clock.reserve

    def _expected(self, family: str, params: Params) -> float:
        """Seconds a fold should take by the plan, in proportion to the cost model for other parameters."""
        candidate = self._candidates[family]
        cost = registry.family(family).cost
        here, default = (cost(self._profile, p, self._plan.hardware).seconds for p in (params, candidate.portfolio[0]))
        return candidate.cost.seconds * (here / default if default > 0 else 1.0)

    def _fair(self, family: str, n_folds: int) -> float:
        """A family's share of the search over the folds of one trial, or a little where that is next to nothing."""
        candidate = self._candidates.get(family)
        share = candidate.share if candidate is not None else 0.0
        return max(share * self.total / n_folds, _LEAST_SECONDS)
