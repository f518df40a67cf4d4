"""A plan that was written to a file and comes back: `automl plan -o plan.json`, `automl fit --plan plan.json`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from automl.errors import UsageError
from automl.plan import Plan
from automl.policy.organisation import read_policy
from automl.settings import WISHES, Settings
from automl.task import UNSTRUCTURED, Task

# What may be another from one run of a plan to the next.
_BUDGET = frozenset({"time_limit", "trials", "jobs", "memory_limit", "device"})
# What the task of a run tells, so that it is compared as it was understood and not as it was typed.
_OF_TASK = frozenset({"target", "task", "metric", "positive", "group", "time", "weight", "window", "seed"})


def plan_json(plan: Plan) -> bytes:
    """The plan as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def read_plan(path: str, families: Iterable[str]) -> Plan:
    """Read a plan back; a person may have edited it.

    Args:
        families: Names of the families there are.

    Raises:
        UsageError: It cannot be read, is not a plan, or does not fit this version.
    """
    try:
        plan = msgspec.json.decode(Path(path).read_bytes(), type=Plan)
    except OSError as error:
        raise UsageError(f"--plan {path}: cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--plan {path}: not a plan: {error}", "write one with: automl plan DATA -o plan.json"
        ) from None
    known = sorted(families)
    for candidate in plan.candidates:
        if candidate.family not in known:
            near = difflib.get_close_matches(candidate.family, known, 1)
            hint = f"nearest: {near[0]}" if near else f"there are: {', '.join(known)}"
            raise UsageError(f"--plan {path}: no family {candidate.family!r}", hint)
        if not candidate.portfolio:
            raise UsageError(f"--plan {path}: candidate {candidate.family!r} has an empty portfolio")
    if not plan.candidates:
        raise UsageError(f"--plan {path}: it has no candidates")
    if min(plan.n_workers, plan.threads_per_fit, plan.max_models, plan.validation.n_folds) < 1:
        raise UsageError(f"--plan {path}: n_workers, threads_per_fit, max_models and n_folds are 1 or more")
    return plan


def with_plan(settings: Settings, plan: Plan) -> Settings:
    """The settings with what the plan was made for, and with its budget where no other is asked for.

    Raises:
        UsageError: A flag asks for what the plan was not made with.
    """
    task, columns = plan.task, plan.columns
    alone = None if task.history else UNSTRUCTURED
    made_with = {name: getattr(plan.wishes, wish) for name, wish in WISHES.items()} | {
        "target": task.target,
        "task": task.kind,
        "metric": task.metric,
        "positive": task.positive,
        "group": task.group or alone,
        "time": task.time or alone,
        "weight": task.weight,
        "window": task.history.window if task.history else None,
        "seed": task.seed,
        "types": columns.types,
        "drop": columns.drop,
        "id": columns.id,
    }
    taken = {}
    for name, value in made_with.items():
        source, asked = settings.sources.get(name, ""), getattr(settings, name)
        is_typed = source.startswith("flag ")
        if is_typed and name not in _BUDGET | _OF_TASK and asked != value:
            raise UsageError(
                f"--plan {settings.plan}: it was made with another {source.removeprefix('flag ')}",
                f"make one with it: automl plan {settings.data} {source.removeprefix('flag ')} … -o plan.json",
            )
        if not (is_typed or (source and name in _BUDGET)):
            taken[name] = value
    return msgspec.structs.replace(settings, **taken)


def for_task(plan: Plan, task: Task, settings: Settings) -> Plan:
    """The plan for the task that the data of this run hold, within the budget of this run.

    Classes may be others than those of the data it was made for.

    Raises:
        UsageError: It was made for another task.
    """
    for name in ("target", "kind", "metric", "positive", "group", "time", "weight", "history"):
        made_for, here = getattr(plan.task, name), getattr(task, name)
        if made_for != here:
            raise UsageError(
                f"--plan {settings.plan}: it was made for {name} {made_for}, and here it is {here}",
                f"make one for these data: automl plan {settings.data} -o plan.json",
            )
    task = msgspec.structs.replace(task, evidence=plan.task.evidence)
    return within(msgspec.structs.replace(plan, task=task), settings)


def within(plan: Plan, settings: Settings) -> Plan:
    """The plan with the budget of this run: its time, as far as the organisation allows, its trials and its machine.

    There are never more workers than were planned for, for there would not be the memory.
    """
    most = read_policy(plan.wishes.policy).max_seconds if plan.wishes.policy else None
    wishes = msgspec.structs.replace(
        plan.wishes,
        seconds=settings.time_limit if most is None else min(most, settings.time_limit),
        n_trials=settings.trials or plan.wishes.n_trials,
        n_jobs=settings.jobs,
        memory_limit_bytes=settings.memory_limit,
        device=settings.device,
    )
    return msgspec.structs.replace(plan, wishes=wishes, n_workers=min(plan.n_workers, settings.jobs or plan.n_workers))
