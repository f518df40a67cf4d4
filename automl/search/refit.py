"""The best models once more, on all rows: what a holdout, or folds in time, left out is learned from in the end.

So are those of folds where one fit is to ship in place of five.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from automl import registry
from automl.engines import Engine, JobResult
from automl.plan import Plan
from automl.search.best import Blend, n_shipped
from automl.search.budget import Clock
from automl.search.jobs import whole_job
from automl.search.ledger import ALL_ROWS, Ledger
from automl.space import Params
from automl.trial import Score, Trial
from automl.typography import counted

_FIRST_JOB = 2_000_000
_TICK = 0.25
_FAREWELL_SECONDS = 1.0
_MOST_COPIES = 3
_PACED = 1.25
# A fifth more rows are worth about a third of the search: more than another dozen of trials in it.
_WORTH = 1.6
_MOST_HELD = 0.35
# A round of boosting that no row is left out of is not scored after it: of 13 fits on four tables half took less than
# 0.7 of the time, and 11 no more than this.
_UNWATCHED = 0.75
_CUT_SHORT = "cut short by the clock"
_NO_TIME = "no time left"


def most_to_hold(plan: Plan, clock: Clock) -> float:
    """Seconds of the search that refits of the whole blend are worth; 0 where there are none."""
    if not plan.has_refits:
        return 0.0
    worth = 1.0 if plan.wishes.is_lean else _WORTH * plan.validation.unseen_share
    return min(_MOST_HELD, worth) * (clock.seconds - clock.reserve)


def seconds_to_hold(plan: Plan, ledger: Ledger, blend: Blend, clock: Clock) -> float:
    """What the search should leave to refits: what they will take, and no more than the rows they add are worth.

    That is in proportion to the part of the blend that learns from them. Nothing is held for a refit that would not end
    in that time.
    """
    most = most_to_hold(plan, clock)
    copies = _copies(plan, blend)
    whole = [(t, weight) for t, weight in zip(blend.trials, blend.weights, strict=True) if _can_be_refitted(t)]

    def fitting(seconds: float) -> list[tuple[Trial, float]]:
        return [(t, weight) for t, weight in whole if _least(ledger, t) + _FAREWELL_SECONDS <= seconds]

    most *= sum(weight for _, weight in fitting(most))
    priced = [(min(_expected(ledger, t), most - _FAREWELL_SECONDS), copies[t.number]) for t, _ in fitting(most)]
    if not priced:
        return 0.0
    longest = max(seconds * math.ceil(n / plan.n_workers) for seconds, n in priced)
    needed = max(sum(seconds * n for seconds, n in priced) / plan.n_workers, longest)
    return min(needed + _FAREWELL_SECONDS, most)


def refit(
    plan: Plan, ledger: Ledger, blend: Blend, engine: Engine, clock: Clock, stop: Callable[[], bool]
) -> tuple[Blend, str]:
    """Fit the blend's trials on all rows, heaviest first, then again with other seeds, as far as the time goes.

    Rounds and epochs are the median of what the folds found best. More rows carry more rounds of boosting, which
    therefore grow with the root of the rows. A trial whose folds were cut short by the clock is left as it is, unless
    it is a net, whose schedules end in time whatever that is, or of boosting, whose rounds and learning rate are told;
    and so is one whose refit would not end in time. Models of one trial that differ in their seed are averaged, as
    those of folds would have been.

    Returns:
        The blend with the places of its models of all rows, and a sentence on the trials that have none.
    """
    whole = [trial for trial in blend.trials if _can_be_refitted(trial)]
    problems = {trial.number: _CUT_SHORT for trial in blend.trials if not _can_be_refitted(trial)}
    copies = _copies(plan, blend)
    waiting = deque((trial, ALL_ROWS - i) for i in range(_MOST_COPIES) for trial in whole if i < copies[trial.number])
    flying: dict[int, tuple[Trial, int, float]] = {}
    took: dict[int, float] = {}
    done: dict[int, tuple[int, ...]] = {}
    while (waiting or flying) and not stop() and (left := clock.refit_deadline - time.monotonic()) > 0:
        if waiting and len(flying) < engine.n_workers:
            trial, place = waiting.popleft()
            seconds = left - _FAREWELL_SECONDS if _is_paced(trial) else left
            if took.get(trial.number, _least(ledger, trial)) > seconds:
                problems.setdefault(trial.number, _NO_TIME)
                continue
            number = _FIRST_JOB + _MOST_COPIES * trial.number - place
            flying[number] = trial, place, time.monotonic()
            if _was_cut(trial) and _is_paced(trial):
                seconds = min(seconds, _PACED * _expected(ledger, trial))
            engine.submit(
                whole_job(plan, ledger, trial, place, number=number, found=_found(ledger, trial), seconds=seconds)
            )
            continue
        for result in engine.wait(min(_TICK, left)):
            if result.number not in flying:
                continue
            trial, place, began = flying.pop(result.number)
            took[trial.number] = time.monotonic() - began
            problem = _problem(result, trial)
            if problem:
                problems.setdefault(trial.number, problem)
            else:
                done[trial.number] = (*done.get(trial.number, ()), place)
    for number in flying:
        engine.cancel(number)
    for number in (*(trial.number for trial, _, _ in flying.values()), *(trial.number for trial, _ in waiting)):
        problems.setdefault(number, _NO_TIME)
    none = {number: problem for number, problem in problems.items() if number not in done}
    return replace(blend, refitted=done), _sentence(blend, none)


def _copies(plan: Plan, blend: Blend) -> dict[int, int]:
    """Models of each trial, by number.

    More than one where other seeds fit otherwise, the weight is worth it, and no lean model was asked for.
    """
    found = {}
    for trial, weight in zip(blend.trials, blend.weights, strict=True):
        is_random = registry.family(trial.family).traits & {"neural", "boosting"}
        found[trial.number] = n_shipped(_MOST_COPIES, weight) if is_random and not plan.wishes.is_lean else 1
    return found


def _can_be_refitted(trial: Trial) -> bool:
    is_told = bool(registry.family(trial.family).traits & {"neural", "boosting"})
    return bool(trial.scores) and (is_told or not _was_cut(trial))


def _was_cut(trial: Trial) -> bool:
    return any(score.truncated for score in trial.scores)


def _is_paced(trial: Trial) -> bool:
    """Whether the family's fits come to a proper end in whatever time they are given."""
    return registry.family(trial.family).kind == "neural"


def _is_boosting(trial: Trial) -> bool:
    return "boosting" in registry.family(trial.family).traits


def _expected(ledger: Ledger, trial: Trial) -> float:
    """Seconds of one fit on all rows, in proportion to what the rounds that are kept took in the folds."""
    n_learned = sum(len(ledger.splits[score.fold].train) for score in trial.scores)
    seconds = sum(score.seconds * _share_kept(score) for score in trial.scores)
    unwatched = _UNWATCHED if _is_boosting(trial) else 1.0
    return unwatched * seconds / n_learned * len(ledger.y) if n_learned else math.inf


def _least(ledger: Ledger, trial: Trial) -> float:
    """Seconds in which such a fit comes to a proper end: of a net those of as many steps as in a fold, on more rows."""
    return _expected(ledger, trial) / (_more_rows(ledger, trial) if _is_paced(trial) else 1.0)


def _more_rows(ledger: Ledger, trial: Trial) -> float:
    """How many times as many rows there are in all as a fold learned from."""
    return len(ledger.y) / float(np.mean([len(ledger.splits[score.fold].train) for score in trial.scores]))


def _share_kept(score: Score) -> float:
    return score.n_iterations / score.n_tried if score.n_iterations and score.n_tried else 1.0


def _found(ledger: Ledger, trial: Trial) -> Params:
    """Rounds or epochs that the folds found best, and the learning rate where the clock changed it."""
    found: Params = {}
    iterations = [score.n_iterations for score in trial.scores if score.n_iterations is not None]
    rates = [score.learning_rate for score in trial.scores if score.learning_rate is not None]
    if iterations:
        found["n_iterations"] = round(
            float(np.median(iterations)) * (math.sqrt(_more_rows(ledger, trial)) if _is_boosting(trial) else 1.0)
        )
    if rates:
        found["learning_rate"] = float(np.median(rates))
    return found


def _problem(result: JobResult, trial: Trial) -> str:
    if result.outcome != "done":
        return (result.message or result.outcome).splitlines()[0]
    return _NO_TIME if result.value.truncated and not _is_paced(trial) else ""


def _sentence(blend: Blend, problems: dict[int, str]) -> str:
    if not problems:
        return ""
    why = ", ".join(sorted(set(problems.values())))
    n = len(blend.trials)
    return (
        f"{len(problems)} of the blend's {counted(n, 'model')} learned from the training rows of the split only, "
        f"not refitted on all rows: {why}"
    )
