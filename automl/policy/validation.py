"""How models are compared: by folds, or by holdouts where their time is worth more elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from automl.errors import DataError, UsageError
from automl.plan import Validation
from automl.policy.effects import Case
from automl.policy.units import seconds_text
from automl.profile import Profile
from automl.task import Task
from automl.typography import counted, format_share

_MANY = 50_000
# A scheme is affordable where all its fits of the main learners' first defaults take at most such a share of the
# search, by rows that tell. A fifth of few rows tells models apart too poorly, so folds are worth all of it there
# (trials that are behind are stopped after their first). With more rows it is better spent on more models, and on
# fitting the best of them on all rows; two holdouts are less at the mercy of chance than one, until one is precise.
_FEW = 500
_FOLDS = ((_FEW, 1.0), (800, 0.1))
_TWO_HOLDOUTS = ((800, 1.0), (8_000, 0.4), (15_000, 0.2), (_MANY, 0.1))
# Groups and stretches of time differ by more than rows do, which one holdout of some does not tell.
_FOLDS_OF_UNITS = ((1_000, 1.0), (8_000, 0.6), (15_000, 0.3), (_MANY, 0.15))
_N_MAIN = 4


def choose_validation(case: Case, costs: tuple[float, ...], n_workers: int, *, is_sample: bool = False) -> Validation:
    """Choose folds, repeats or a holdout.

    Args:
        costs: Expected seconds of one fit on all rows, of the families' first defaults, the most wanted family first.
        n_workers: Fits at a time.
        is_sample: Whether rows were left out because one fit fills the budget; then folds are out of the question.

    Raises:
        DataError: Fewer than two rows.
        UsageError: The column to group by holds fewer than two groups.
    """
    n = case.shape.n_rows
    if n < 2:
        raise DataError(
            f"{case.profile.source or 'the data'}: {counted(n, 'row')} with a target; learning and checking needs "
            "2 at the very least",
            "some hundred rows are where models begin to mean something",
        )
    if case.task.time:
        return _forward(case, costs, n_workers)
    n_units, unit = _units(case.profile, case.task, n)
    steps = () if is_sample else _ladder(case)
    ladder = [(min(k, n_units), repeats) for k, repeats in steps]
    limits = _FOLDS_OF_UNITS if case.task.group else _FOLDS
    for k, repeats in ladder:
        if _is_affordable(repeats * (k - 1), costs, n_workers, case, limits):
            return _folds(case, k, repeats, unit, is_finest=(k, repeats) == ladder[0])
    return _holdout(case, costs, n_workers, n_units, is_sample=is_sample)


def _ladder(case: Case) -> tuple[tuple[int, int], ...]:
    """(folds, repeats), the finest first.

    Repeats help tiny tables only; elsewhere more than 8 folds buy nothing that more models would not buy better. Fewer
    than the finest are for few rows and for groups: of others holdouts tell enough, with fits of all rows in the end.
    """
    n, preset = case.shape.n_rows, case.wishes.preset
    fast, best = preset == "fast", preset == "best"
    if n < 300:
        finest = [(5, 1)] if fast else [(5, 3), (10, 1)]
    elif n < 500:
        finest = [(5, 1)] if fast else [(5, 3), (8, 1)]
    elif n < 1_000:
        finest = [(5, 1)] if fast else [(5, 3), (8, 1)] if best else [(8, 1)]
    elif n < _MANY:
        finest = [(8, 1)] if best else []
    else:
        finest = [(5, 1)] if best else []
    rest = [(5, 1), (4, 1)] if n < 1_000 or not fast else [(4, 1)]
    if n >= _MANY:
        rest = [] if fast else [(4, 1)]
    steps = tuple(dict.fromkeys(finest + rest))
    return steps if case.task.group or case.shape.telling_rows < _FEW else steps[:1]


def _is_affordable(
    n_whole_fits: float, costs: tuple[float, ...], n_workers: int, case: Case, limits: Sequence[tuple[int, float]]
) -> bool:
    """Whether so many fits on all rows of each main learner leave time for the rest of the search."""
    rows, shares = zip(*limits, strict=True)
    share = float(np.interp(np.log(case.shape.telling_rows), np.log(rows), shares))
    return n_whole_fits * sum(costs[:_N_MAIN]) <= share * case.search_seconds * n_workers


def _units(profile: Profile, task: Task, n: int) -> tuple[int, str]:
    """How many things can be dealt out to folds (rows, or groups), and their name."""
    if not task.group:
        return n, "row"
    groups = profile.column(task.group).n_unique
    if groups < 2:
        raise UsageError(
            f"--group {task.group!r}: the column holds {counted(groups, 'group')}; splitting by it needs 2",
            "leave --group out to split rows at random",
        )
    return groups, "group"


def _folds(case: Case, k: int, repeats: int, unit: str, *, is_finest: bool) -> Validation:
    n, task = case.shape.n_rows, case.task
    times = f", repeated {repeats} times with other shuffles" if repeats > 1 else ""
    why = "the usual choice at this size" if is_finest else "more would not leave time for several families"
    if is_finest and n < 1_000:
        why = "few rows: every one of them is needed on both sides"
    each = f"each model is checked on all {counted(n, 'row')}"
    kept = f"; groups of {task.group!r} stay whole" if unit == "group" else _rare(case, k)
    return Validation(
        kind="kfold",
        n_folds=k,
        n_repeats=repeats,
        stratify=unit == "row",
        group=task.group,
        sentence=f"{k} folds{times}: {each} ({why}){kept}",
    )


def _rare(case: Case, k: int) -> str:
    """A word on classes with fewer rows than folds: stratified or not, some folds miss them."""
    target = next((c for c in case.profile.columns if c.name == case.task.target), None)
    if not case.task.is_classification or target is None:
        return ""
    rare = sum(0 < count < k for _, count in target.top)
    if not rare:
        return ""
    return (
        f"; {rare} {'class has' if rare == 1 else 'classes have'} fewer rows than folds and will be missing from some"
    )


def _holdout(case: Case, costs: tuple[float, ...], n_workers: int, n_units: int, *, is_sample: bool) -> Validation:
    n = case.shape.n_rows
    fraction = holdout_fraction(n) if not case.task.group else max(holdout_fraction(n), 1 / n_units)
    fits, budget = seconds_text(3 * sum(costs[:_N_MAIN])), seconds_text(case.search_seconds * n_workers)
    main = counted(min(_N_MAIN, len(costs)), "main family", "main families")
    why = (
        f"4 folds of one model of {main} would take {fits} of the {budget} that all workers have; more models are "
        "worth more, and fits of the best on all rows"
    )
    if is_sample:
        why = "rows had to be left out already, so there is no time for folds"
    elif n >= _MANY:
        why = "so many rows measure a model precisely enough, and folds would cost models"
    is_enough = is_sample or n >= _MANY or fraction >= 0.5
    has_two = not is_enough and _is_affordable(2 * (1 - fraction), costs, n_workers, case, _TWO_HOLDOUTS)
    share, rows = format_share(fraction), counted(round(n * fraction), "row")
    held = f"2 holdouts of {share} ({rows} each)" if has_two else f"one holdout of {share} ({rows})"
    return Validation(
        kind="holdout",
        n_folds=2 if has_two else 1,
        fraction=fraction,
        stratify=not case.task.group,
        group=case.task.group,
        sentence=f"{held}: {why}",
    )


def holdout_fraction(n_rows: int) -> float:
    """A fifth, and from 50,000 rows on 10,000 rows, but never less than a twentieth; one over a whole number."""
    return 1.0 / round(1.0 / min(0.2, max(0.05, 10_000 / n_rows)))


def _forward(case: Case, costs: tuple[float, ...], n_workers: int) -> Validation:
    """Expanding folds over the later half of time where they can be paid, else the last rows as holdout."""
    n, task = case.shape.n_rows, case.task
    torn = f"; groups of {task.group!r} may stand on both sides of the line" if task.group else ""
    for k in (5, 4, 3, 2) if n >= 20 else ():
        if n < _MANY and _is_affordable(0.75 * k, costs, n_workers, case, _FOLDS_OF_UNITS):
            return Validation(
                kind="kfold",
                n_folds=k,
                time=task.time,
                sentence=f"{k} blocks over the later half of {task.time!r}, each checked on a model of all rows "
                f"before it: the model will predict later rows{torn}",
            )
    fraction = min(0.5, max(holdout_fraction(n), 1 / n))
    last = f"the last {format_share(fraction)} of {task.time!r} ({counted(max(1, round(n * fraction)), 'row')})"
    return Validation(
        kind="holdout",
        n_folds=1,
        fraction=fraction,
        time=task.time,
        sentence=f"{last} as holdout: the model will predict later rows{torn}",
    )
