"""The best models once more, on all rows: what a holdout, or folds in time, left out is learned from in the end."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from automl.engines import Engine, JobResult
from automl.plan import Plan
from automl.search.best import Blend
from automl.search.budget import Clock
from automl.search.jobs import whole_job
from automl.search.ledger import Ledger
from automl.trial import Trial
from automl.typography import counted

_FIRST_JOB = 2_000_000
_TICK = 0.25
# Refits do not pack evenly, and fits of the search may end a moment after it.
_MARGIN = 1.3
_FAREWELL_SECONDS = 1.0
# A fifth more rows are worth about a third of the search: more than another dozen of trials in it.
_WORTH = 1.6
_MOST_HELD = 0.35
_CUT_SHORT = "cut short by the clock"
_NO_TIME = "no time left"


def seconds_to_hold(plan: Plan, ledger: Ledger, blend: Blend, clock: Clock) -> float:
    """What the search should leave to refits: what they will take, and no more than the rows they add are worth."""
    unseen = plan.validation.unseen_share
    if not unseen:
        return 0.0
    expected = [_expected(ledger, trial) for trial in blend.trials if _can_be_refitted(trial)]
    needed = _MARGIN * max(sum(expected) / plan.n_workers, max(expected, default=0.0)) + _FAREWELL_SECONDS
    return min(needed, min(_MOST_HELD, _WORTH * unseen) * (clock.seconds - clock.reserve))


def refit(
    plan: Plan, ledger: Ledger, blend: Blend, engine: Engine, clock: Clock, stop: Callable[[], bool]
) -> tuple[Blend, str]:
    """Fit the blend's trials on all rows, heaviest first, as far as the time goes.

    Returns:
        The blend with the trials that have a model of all rows, and a sentence on those that have none.

    Rounds and epochs are the median of what the folds found best. A trial whose folds were cut short by the clock has
    no such number and is left as it is, and so is one whose refit would not end in time.
    """
    waiting = deque(trial for trial in blend.trials if _can_be_refitted(trial))
    problems = {trial.number: _CUT_SHORT for trial in blend.trials if not _can_be_refitted(trial)}
    flying: dict[int, Trial] = {}
    done: list[int] = []
    while (waiting or flying) and not stop() and (left := clock.refit_deadline - time.monotonic()) > 0:
        if waiting and len(flying) < engine.n_workers:
            trial = waiting.popleft()
            if _expected(ledger, trial) > left:
                problems[trial.number] = _NO_TIME
                continue
            number = _FIRST_JOB + trial.number
            flying[number] = trial
            engine.submit(
                whole_job(plan, ledger, trial, number=number, n_iterations=_n_iterations(trial), seconds=left)
            )
            continue
        for result in engine.wait(min(_TICK, left)):
            if result.number not in flying:
                continue
            trial, problem = flying.pop(result.number), _problem(result)
            if problem:
                problems[trial.number] = problem
            else:
                done.append(trial.number)
    for number in flying:
        engine.cancel(number)
    problems |= {trial.number: _NO_TIME for trial in (*flying.values(), *waiting)}
    return replace(blend, refitted=tuple(sorted(done))), _sentence(blend, problems)


def _can_be_refitted(trial: Trial) -> bool:
    return bool(trial.scores) and not any(score.truncated for score in trial.scores)


def _expected(ledger: Ledger, trial: Trial) -> float:
    """Seconds of one fit on all rows, in proportion to what the folds took."""
    n_learned = sum(len(ledger.splits[score.fold].train) for score in trial.scores)
    return trial.seconds / n_learned * len(ledger.y) if n_learned else math.inf


def _n_iterations(trial: Trial) -> int | None:
    found = [score.n_iterations for score in trial.scores if score.n_iterations is not None]
    return round(float(np.median(found))) if found else None


def _problem(result: JobResult) -> str:
    if result.outcome != "done":
        return (result.message or result.outcome).splitlines()[0]
    return _NO_TIME if result.value.truncated else ""


def _sentence(blend: Blend, problems: dict[int, str]) -> str:
    if not problems:
        return ""
    why = ", ".join(sorted(set(problems.values())))
    n = len(blend.trials)
    return (
        f"{len(problems)} of the blend's {counted(n, 'model')} learned from the training rows of the split only, "
        f"not refitted on all rows: {why}"
    )
