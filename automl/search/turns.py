"""Whose turn it is: which family gets the next seconds, by what it costs beside its share of the search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from automl import registry
from automl.plan import Plan
from automl.profile import Profile
from automl.search.ledger import Ledger
from automl.search.prices import LEAST_SECONDS, Prices
from automl.space import Params
from automl.trial import Trial

_FIRST_TRIALS = 2
_LEAST_SHARE = 1e-3
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
    """

    def __init__(self, plan: Plan, profile: Profile, ledger: Ledger, prices: Prices) -> None:
        self._profile, self._ledger, self._prices = profile, ledger, prices
        self._candidates = {c.family: c for c in plan.candidates}

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

        What a family may add to the blend goes by its share of the plan, times how near its best trial is to the best
        of all (exp of minus half the gap in standard errors). Trials of c seconds each bring t / (t + c) of it in t
        seconds, so that the first brings half, the second a sixth, the third a twelfth.
        """
        best = next(iter(self._ledger.complete()), None)
        rates: dict[str, float] = {}
        for family, candidate in self._candidates.items():
            mine, waiting = self._best_of(family), defaults[family]
            if not waiting and (mine is None or not registry.family(family).space(self._profile)):
                continue
            gap = _gap(self._ledger, mine, best) if mine is not None and best is not None else 0.0
            weight = max(candidate.share, _LEAST_SHARE) * math.exp(-0.5 * min(20.0, gap))
            params = waiting[0] if waiting else candidate.portfolio[0]
            price = max(self._prices.price(family, params) * len(self._ledger.splits), LEAST_SECONDS)
            spent = self._prices.spent(family) + self._promised(family)
            rates[family] = weight * price / ((spent + price) * (spent + 2 * price))
        return sorted(rates, key=lambda family: -rates[family])

    def _promised(self, family: str) -> float:
        """Seconds that the folds to come of the family's trials should take."""
        running = [t for t in self._ledger.trials.values() if t.family == family and t.state == "running"]
        n_folds = len(self._ledger.splits)
        return sum((n_folds - len(t.scores)) * self._prices.price(family, t.params) for t in running)

    def _best_of(self, family: str) -> Trial | None:
        """The family's best complete trial, or else its last one that was stopped for being behind."""
        complete = (trial for trial in self._ledger.complete() if trial.family == family)
        stopped = (t for t in reversed(self._ledger.trials.values()) if t.family == family and t.state == "pruned")
        return next(chain(complete, stopped), None)


def _gap(ledger: Ledger, mine: Trial, best: Trial) -> float:
    """By how many standard errors a trial is behind the best, on the losses of the rows it has seen."""
    rows = ledger.rows(mine.number)
    difference = ledger.losses(mine.number, rows) - ledger.losses(best.number, rows)
    error = float(difference.std()) / math.sqrt(len(rows))
    return max(0.0, float(difference.mean()) / error) if error > 0 else 0.0


def origin_of(family: str) -> Literal["baseline", "portfolio"]:
    """Where a default of the family comes from."""
    return "baseline" if "baseline" in registry.family(family).traits else "portfolio"
