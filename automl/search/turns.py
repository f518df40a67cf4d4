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
    """When a first default begins: the least first."""

    is_loading: bool
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

    def next_untried(
        self, defaults: Mapping[str, Sequence[Params]], is_ready: Callable[[str], bool], *, only_baselines: bool
    ) -> str | None:
        """The family of which nothing was tried whose share of the search is the first to pay for its first default.

        One that its share never pays for waits, as tuning does, for what the others leave. Baselines come third: a run
        that is cut short needs a model before it needs something to compare it with.
        """
        begun = {trial.family for trial in self._ledger.trials.values()}
        turns: dict[str, _Turn] = {}
        for family, waiting in defaults.items():
            is_baseline = origin_of(family) == "baseline"
            if not waiting or family in begun or (only_baselines and not is_baseline):
                continue
            due = self._due_of_baselines() if is_baseline else self._due(family, waiting[0])
            if due <= self._prices.total:
                turns[family] = _Turn(not is_ready(family), due)
        return min(turns, key=lambda family: turns[family], default=None)

    def _due_of_baselines(self) -> float:
        """At once when two others have begun, else last."""
        return 0.0 if len(self._ledger.trials) >= _FIRST_TRIALS else self._prices.total

    def _due(self, family: str, params: Params) -> float:
        """Seconds of all workers of which the family's share pays for its first trial."""
        share = self._candidates[family].share
        due = len(self._ledger.splits) * self._prices.price(family, params) / max(share, _LEAST_SHARE)
        is_small = share < _SMALL * max(candidate.share for candidate in self._candidates.values())
        is_paced = registry.family(family).traits & _PACED and not is_small and not self._has_sibling(family)
        return min(due, self._prices.total) if is_paced else due

    def _has_sibling(self, family: str) -> bool:
        """Whether another family of the kind, whose fits come to a proper end as well, has begun."""
        kind = registry.family(family).kind
        begun = {registry.family(trial.family) for trial in self._ledger.trials.values() if trial.family != family}
        return any(other.kind == kind and other.traits & _PACED for other in begun)

    def by_claim(self, defaults: Mapping[str, Sequence[Params]]) -> list[str]:
        """Families in the order of their claim on the next seconds: who is expected to gain most a second goes first.

        What a family may add to the blend goes by its share of the plan, or once it was tried by the mean of that and
        of its share of the blend. A first trial brings half of it, the second a sixth, the n-th 1 / (n (n + 1)).
        """
        trials = self._ledger.trials.values()
        begun = Counter(trial.family for trial in trials if trial.state != "skipped")
        tried = {trial.family for trial in trials if trial.state in ("done", "pruned")}
        rates: dict[str, float] = {}
        for family, candidate in self._candidates.items():
            waiting, n = defaults[family], begun[family]
            if not waiting and not (family in tried and registry.family(family).space(self._profile)):
                continue
            share = max(candidate.share, _LEAST_SHARE)
            if family in tried and self.earned:
                share = (share + self.earned.get(family, 0.0)) / 2
            params = waiting[0] if waiting else candidate.portfolio[0]
            seconds = max(self._prices.price(family, params) * len(self._ledger.splits), _LEAST_SECONDS)
            rates[family] = share / ((n + 1) * (n + 2) * seconds)
        return sorted(rates, key=lambda family: -rates[family])


def origin_of(family: str) -> Literal["baseline", "portfolio"]:
    """Where a default of the family comes from."""
    return "baseline" if "baseline" in registry.family(family).traits else "portfolio"
