"""The studies of a run: one a family, begun when the family is first tuned, all told gains over the same trial."""

from __future__ import annotations

import math

from automl import registry
from automl.plan import Plan
from automl.profile import Profile
from automl.search.ledger import Ledger
from automl.search.study import FamilyStudy
from automl.space import Params
from automl.trial import Trial


class Studies:
    """What is asked for in each family, and what came of it.

    Args:
        plan: The candidates, whose defaults are known besides what was asked for.
        profile: For spaces.
        ledger: The books.
    """

    def __init__(self, plan: Plan, profile: Profile, ledger: Ledger) -> None:
        self._seed, self._profile, self._ledger = plan.task.seed, profile, ledger
        self._defaults = {c.family: c.portfolio[0] for c in plan.candidates}
        self._begun: dict[str, FamilyStudy] = {}
        self._reference: int | None = None

    def ask(self, family: str, number: int) -> Params:
        """Parameters for the run's trial of that number."""
        if family not in self._begun:
            self._begun[family] = self._begin(family)
        return self._begun[family].ask(number)

    def tell(self, trial: Trial) -> None:
        """A trial has ended, whether it was asked for or not."""
        study = self._begun.get(trial.family)
        if study is None:
            return
        gain = self._gain(trial)
        if trial.origin == "search":
            study.tell(trial.number, gain)
        elif gain is not None:
            study.add(trial.params, gain)

    def _begin(self, family: str) -> FamilyStudy:
        space = registry.family(family).space(self._profile)
        fixed = {name: value for name, value in self._defaults[family].items() if name not in space}
        study = FamilyStudy(space, fixed, self._seed)
        for trial in self._ledger.trials.values():
            if trial.family == family and trial.state != "running" and (gain := self._gain(trial)) is not None:
                study.add(trial.params, gain)
        return study

    def _gain(self, trial: Trial) -> float | None:
        """A trial's gain over the first that was complete, on the rows it has seen; None before there is one."""
        rows = self._ledger.rows(trial.number)
        if self._reference is None:
            self._reference = min((t.number for t in self._ledger.complete()), default=None)
        if self._reference is None or not len(rows):
            return None
        metric, y = self._ledger.metric, self._ledger.y[rows]
        predictions = [self._ledger.prediction(n, rows) for n in (trial.number, self._reference)]
        mine, reference = (metric.gain(metric(y, prediction)) for prediction in predictions)
        return mine - reference if math.isfinite(mine) and math.isfinite(reference) else None
