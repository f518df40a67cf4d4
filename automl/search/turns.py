"""Whose turn it is: which family gets the next seconds, by what it costs beside its share of the search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from automl import registry
from automl.plan import Plan
from automl.profile import Profile
from automl.search.ledger import Ledger
from automl.search.prices import Prices
from automl.space import Params

_FIRST_TRIALS = 2
_LEAST_SHARE = 1e-3
# That a trial is taken to cost: hundreds of a cheap family tell no more than some.
_LEAST_SECONDS = 0.25
# Their fits come to a proper end in whatever time they are given, so that the first one of a kind is never beyond the
# share, unless that is small beside the largest.
_PACED = frozenset({"neural", "boosting"})
_SMALL = 0.25


class _Turn(NamedTuple):
    """When a default begins: the least first."""

    is_loading: bool
    has_begun: bool
    due: float


class Turns:
    """The order of families.

    Args:
        plan: Candidates with their shares.
        profile: For spaces.
        ledger: What they reached so far.
        prices: What their fits cost.

    Attributes:
        earned: Shares of the best blend by family; none while there is no blend, or where it hangs on the clock when
            there is one.
    """

    def __init__(self, plan: Plan, profile: Profile, ledger: Ledger, prices: Prices) -> None:
        self._profile, self._ledger, self._prices = profile, ledger, prices
        self._candidates = {c.family: c for c in plan.candidates}
        self.earned: Mapping[str, float] = {}

    def next_default(
        self, defaults: Mapping[str, Sequence[Params]], is_ready: Callable[[str], bool], *, only_baselines: bool
    ) -> str | None:
        """The family whose share of the search is the first to pay for its next default.

        All families have had one before any has a second. One that its share never pays for waits, as tuning does, for
        what the others leave. Baselines come third: a run that is cut short needs a model before it needs something to
        compare it with.
        """
        begun = {trial.family for trial in self._ledger.trials.values()}
        turns: dict[str, _Turn] = {}
        for family, waiting in defaults.items():
            is_baseline = origin_of(family) == "baseline"
            if not waiting or (only_baselines and not is_baseline):
                continue
            due = self._due_of_baselines() if is_baseline else self._due(family, waiting[0])
            if due <= self._prices.total:
                turns[family] = _Turn(not is_ready(family), family in begun, due)
        return min(turns, key=lambda family: turns[family], default=None)

    def _due_of_baselines(self) -> float:
        """At once when two others have begun, else last."""
        return 0.0 if len(self._ledger.trials) >= _FIRST_TRIALS else self._prices.total

    def _due(self, family: str, params: Params) -> float:
        """Seconds of all workers of which the family's share pays for its trials so far and one more."""
        n_folds = len(self._ledger.splits)
        seconds = n_folds * self._prices.price(family, params)
        mine = [trial for trial in self._ledger.trials.values() if trial.family == family]
        for trial in mine:
            n_paid = n_folds if trial.state == "running" else len(trial.scores)
            seconds += n_paid * self._prices.price(family, trial.params)
        share = self._candidates[family].share
        due = seconds / self._weight(family)
        is_small = share < _SMALL * max(candidate.share for candidate in self._candidates.values())
        is_first = not mine and not self._has_sibling(family)
        is_paced = is_first and not is_small and registry.family(family).traits & _PACED
        return min(due, self._prices.total) if is_paced else due

    def _has_sibling(self, family: str) -> bool:
        """Whether another family of the kind, whose fits come to a proper end as well, has begun."""
        kind = registry.family(family).kind
        begun = {registry.family(trial.family) for trial in self._ledger.trials.values() if trial.family != family}
        return any(other.kind == kind and other.traits & _PACED for other in begun)

    def by_claim(self, defaults: Mapping[str, Sequence[Params]]) -> list[str]:
        """Families in the order of their claim on the next seconds: who is expected to gain most a second goes first.

        A family's first trial brings half of what it may add to the blend, the second a sixth, the n-th
        1 / (n (n + 1)).
        """
        trials = self._ledger.trials.values()
        begun = Counter(trial.family for trial in trials if trial.state != "skipped")
        rates: dict[str, float] = {}
        for family, candidate in self._candidates.items():
            waiting, n = defaults[family], begun[family]
            if not waiting and not (self._is_tried(family) and registry.family(family).space(self._profile)):
                continue
            params = waiting[0] if waiting else candidate.portfolio[0]
            seconds = max(self._prices.price(family, params) * len(self._ledger.splits), _LEAST_SECONDS)
            rates[family] = self._weight(family) / ((n + 1) * (n + 2) * seconds)
        return sorted(rates, key=lambda family: -rates[family])

    def _weight(self, family: str) -> float:
        """Its share of the plan, or once it was tried the mean of that and of its share of the blend."""
        share = self._candidates[family].share
        if self.earned and self._is_tried(family):
            share = (share + self.earned.get(family, 0.0)) / 2
        return max(share, _LEAST_SHARE)

    def _is_tried(self, family: str) -> bool:
        return any(t.family == family and t.state in ("done", "pruned") for t in self._ledger.trials.values())


def origin_of(family: str) -> Literal["baseline", "portfolio"]:
    """Where a default of the family comes from."""
    return "baseline" if "baseline" in registry.family(family).traits else "portfolio"
