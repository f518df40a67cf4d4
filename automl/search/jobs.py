"""Fits as jobs for an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automl import registry
from automl.engines import Job
from automl.plan import Plan
from automl.search.ledger import ALL_ROWS, Ledger
from automl.search.objective import warm_families
from automl.space import Params
from automl.trial import Trial

_LOAD_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """One fold of one trial for one worker.

    Attributes:
        seconds: For the fit, once what the family needs is loaded.
        share: Of the fold's training rows; below 1 for a point of a learning curve, whose model is not kept.
    """

    trial: Trial
    fold: int
    seconds: float
    share: float = 1.0


def modules_of(plan: Plan) -> set[str]:
    """What the fits of a plan load that takes long to load."""
    return {module for candidate in plan.candidates for module in registry.family(candidate.family).modules}


def first_modules() -> set[str]:
    """What the families that any run begins with load."""
    return {module for family in warm_families() for module in family.modules}


def fold_job(plan: Plan, ledger: Ledger, assignment: Assignment, *, number: int, left: float) -> Job:
    """A trial's fit on one fold.

    Args:
        number: Of the job.
        left: Seconds until the search ends, whatever is loaded.
    """
    trial, fold = assignment.trial, assignment.fold
    arguments = _arguments(plan, ledger, trial, fold, trial.params, assignment.seconds)
    arguments["fold"] = fold
    if assignment.share == 1.0:
        return _job("fit_fold", arguments, number, left)
    del arguments["out"]
    return _job("fit_share", arguments | {"share": assignment.share}, number, left)


def whole_job(
    plan: Plan, ledger: Ledger, trial: Trial, place: int, *, number: int, found: Params, seconds: float
) -> Job:
    """A trial's fit on all rows.

    Args:
        place: In the books, `ALL_ROWS` or below; the seed follows it.
        found: What its folds found best (rounds or epochs), in place of the trial's own parameters.
    """
    arguments = _arguments(plan, ledger, trial, place, trial.params | found, seconds)
    return _job("fit_all", arguments, number, seconds)


def _arguments(plan: Plan, ledger: Ledger, trial: Trial, fold: int, params: Params, seconds: float) -> dict[str, Any]:
    return {
        "work": str(ledger.run.work),
        "family": trial.family,
        "params": params,
        "seconds": seconds,
        "limits": {
            "n_threads": plan.threads_per_fit,
            "seed": plan.task.seed + (fold if fold >= 0 else ALL_ROWS - fold),
            "device": device_for(plan, trial.family),
        },
        "out": str(ledger.state_path(trial.number, fold)),
    }


def _job(action: str, arguments: dict[str, Any], number: int, left: float) -> Job:
    modules = registry.family(arguments["family"]).modules
    loading = _LOAD_SECONDS if modules else 0.0
    return Job(
        number=number,
        action=f"automl.search.objective:{action}",
        arguments=arguments,
        seconds=min(arguments["seconds"] + loading, left),
        modules=modules,
    )


def device_for(plan: Plan, family: str) -> str:
    """Where a family's fits run: nets on the device asked for or the first one found, everything else on the CPU."""
    if registry.family(family).kind != "neural":
        return "cpu"
    found = [accelerator.name for accelerator in plan.hardware.accelerators]
    return plan.wishes.device if plan.wishes.device != "auto" else next(iter(found), "cpu")
