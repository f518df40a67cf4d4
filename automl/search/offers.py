"""What a family may try next: a good default there is time for, then what its study asks for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from automl import registry
from automl.plan import Plan
from automl.profile import Profile
from automl.search.ledger import Ledger
from automl.search.prices import Prices
from automl.search.studies import Studies
from automl.search.turns import origin_of
from automl.space import Params
from automl.trial import Trial


class Offers:
    """The trials that are to be had of each family, and those that were passed over for want of time.

    Args:
        plan: The candidates with their defaults.
        profile: For spaces.
        ledger: What was tried so far; what is passed over is entered.
        prices: What there is time for.
    """

    def __init__(self, plan: Plan, profile: Profile, ledger: Ledger, prices: Prices) -> None:
        self._profile, self._ledger, self._prices = profile, ledger, prices
        self._first = {c.family: dict(c.portfolio[0]) for c in plan.candidates}
        self._defaults = {c.family: deque(dict(params) for params in c.portfolio) for c in plan.candidates}
        self._studies = Studies(plan, profile, ledger)
        self._skipped: list[Trial] = []

    @property
    def defaults(self) -> Mapping[str, Sequence[Params]]:
        """By family, those that have not been tried."""
        return self._defaults

    def has(self, family: str) -> bool:
        """Whether there is a trial of the family, and time for it."""
        waiting = self._defaults[family]
        params = waiting[0] if waiting else self._first[family]
        return bool(waiting or registry.family(family).space(self._profile)) and not self._no_time(family, params)

    def take(self, family: str) -> Trial | None:
        """The family's next default, or else a trial of its study; None if there is no time for one."""
        return self.take_default(family) if self._defaults[family] else self._take_tuned(family)

    def take_default(self, family: str) -> Trial | None:
        """The family's next default that there is time for; None, which is noted of the quickest, if there is none."""
        waiting = self._defaults[family]
        for params in waiting:
            if not self._no_time(family, params):
                waiting.remove(params)
                return Trial(number=self._number, family=family, params=params, origin=origin_of(family))
        quickest = min(waiting, key=lambda params: self._prices.price(family, params))
        others = f", the quickest of {len(waiting)} defaults" if len(waiting) > 1 else ""
        waiting.clear()
        self._pass_over(family, quickest, self._no_time(family, quickest) + others)
        return None

    def _take_tuned(self, family: str) -> Trial | None:
        if self._no_time(family, self._first[family]):
            return None
        number = self._number
        return Trial(number=number, family=family, params=self._studies.ask(family, number), origin="search")

    def tell(self, trial: Trial) -> None:
        """What came of a trial."""
        self._studies.tell(trial)

    def skipped(self) -> list[Trial]:
        """Defaults that were passed over since the last call, with the reason."""
        skipped, self._skipped = self._skipped, []
        return skipped

    def untried(self) -> list[Trial]:
        """The first defaults of families whose turn has not come, passed over for good."""
        tried = {trial.family for trial in self._ledger.trials.values()}
        for family, waiting in self._defaults.items():
            if waiting and family not in tried:
                self._pass_over(family, waiting.popleft(), "the search ended before its turn")
        return self.skipped()

    def resume(self) -> None:
        """Leave out the defaults that an earlier process has tried."""
        tried = {(t.family, repr(sorted(t.params.items()))) for t in self._ledger.trials.values()}
        for family, defaults in self._defaults.items():
            left = [params for params in defaults if (family, repr(sorted(params.items()))) not in tried]
            self._defaults[family] = deque(left)

    def _no_time(self, family: str, params: Params) -> str:
        """Why there is no time for a trial; empty if there is."""
        trials = self._ledger.trials.values()
        is_first = all(trial.family != family or trial.state == "skipped" for trial in trials)
        running = [trial for trial in trials if trial.state == "running"]
        return self._prices.no_time(family, params, len(self._ledger.splits), is_first=is_first, running=running)

    def _pass_over(self, family: str, params: Params, reason: str) -> None:
        number, origin = self._number, origin_of(family)
        skipped = Trial(number=number, family=family, params=params, origin=origin, state="skipped", reason=reason)
        self._ledger.open_trial(skipped)
        self._skipped.append(skipped)

    @property
    def _number(self) -> int:
        """That of the run's next trial."""
        return max(self._ledger.trials, default=-1) + 1
