"""A plan that was written to a file and comes back: `automl plan -o plan.json`, `automl fit --plan plan.json`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from automl.errors import UsageError
from automl.plan import Plan
from automl.profile import Profile


def plan_json(plan: Plan) -> bytes:
    """The plan as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def read_plan(path: str, profile: Profile, families: Iterable[str]) -> Plan:
    """Read a plan back; a person may have edited it.

    Args:
        profile: Of the data it is to run on.
        families: Names of the families there are.

    Raises:
        UsageError: It cannot be read, is not a plan, or does not fit the data or this version.
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
    names = [column.name for column in profile.columns]
    wanted = (plan.task.target, plan.task.group, plan.task.time, plan.task.weight)
    missing = [name for name in wanted if name is not None and name not in names]
    if missing:
        raise UsageError(
            f"--plan {path}: it was made for other data: no column {missing[0]!r} in {profile.source}",
            f"make one for these data: automl plan {profile.source} -o plan.json",
        )
    if min(plan.n_workers, plan.threads_per_fit, plan.max_models, plan.validation.n_folds) < 1:
        raise UsageError(f"--plan {path}: n_workers, threads_per_fit, max_models and n_folds are 1 or more")
    return plan
