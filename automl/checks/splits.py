"""D025, D026: structure that makes a random split lie."""

from __future__ import annotations

from shlex import quote

import numpy as np
from numpy.typing import NDArray

from automl.checks.context import Context, read_numbers
from automl.profile import ColumnProfile, Finding, Severity, words_of

_GROUP_WORDS = frozenset(
    words_of(
        "id key uuid patient subject user customer client person session household family device machine series player "
        "student author speaker participant account group"
    )
)
_MIN_GROUPS = 10
_MIN_ROWS = 50
_ALIKE = 0.3  # share of the variance between groups, corrected for their number
_IN_ORDER = 0.99  # share of steps from row to row that do not go back in time
_DRIFT = 0.15
_N_SPANS = 10


def group_structure(context: Context) -> list[Finding]:
    """D025: rows of one customer, patient or device resemble each other, so a random split sees each on both sides.

    Looked at are columns whose name speaks of an identity and whose values repeat. Reported is the one whose groups
    explain most of the target's variance (adjusted for the number of groups), if that is more than 30 %.
    """
    outcome = context.outcome(context.small)
    if outcome is None or context.task is None or context.task.group or len(outcome) < _MIN_ROWS:
        return []
    best: tuple[float, ColumnProfile, int] | None = None
    for column in context.columns:
        if column.role not in ("feature", "left_out") or not _may_group(column):
            continue
        ranks = _ranks(context, column)
        known = (ranks > 0) & ~np.isnan(outcome).any(axis=1)
        n_groups = len(np.unique(ranks[known]))
        if not _MIN_GROUPS <= n_groups <= known.sum() / 2:
            continue
        share = between(ranks[known], outcome[known])
        if share >= _ALIKE and (best is None or share > best[0]):
            best = share, column, n_groups
    if best is None:
        return []
    share, column, n_groups = best
    return [
        Finding(
            code="D025",
            title=f"rows of one {column.name!r} are alike",
            severity="warning",
            columns=(column.name,),
            evidence=f"{n_groups:,} groups explain {100 * share:.0f} % of the variance of {context.task.target!r}",
            advice=f"if new rows come from new groups, a random split flatters: --group {quote(column.name)}",
        )
    ]


def time_structure(context: Context) -> list[Finding]:
    """D026: rows stand in the order of time, or the target moves with a date.

    A warning where both hold for a date column: 99 % of the rows are sorted by it, and over ten spans of it the mean of
    the target varies by more than 15 % of its variance, so later rows will differ. One without the other is told only:
    a log may well be in order of time without a drift, and a date of birth says much of a person but is no time of
    observation.
    """
    if context.task is None or context.task.time:
        return []
    outcome = context.outcome(context.small)
    told: list[Finding] = []
    for column in context.columns:
        if column.kind != "datetime" or column.role not in ("feature", "left_out"):
            continue
        seconds = read_numbers(context.small_columns[column.name], column)
        order, drift = _order(seconds), _drift(seconds, outcome) if outcome is not None else ""
        if order and drift:
            return [_in_time(column.name, "rows follow {}, and the target moves with it", "warning", order, drift)]
        if order or drift:
            told.append(
                _in_time(column.name, "rows follow {}" if order else "the target moves with {}", "info", order, drift)
            )
    return told[:1]


def _in_time(name: str, title: str, severity: Severity, order: str, drift: str) -> Finding:
    return Finding(
        code="D026",
        title=title.format(repr(name)),
        severity=severity,
        columns=(name,),
        evidence="; ".join(filter(None, (order, drift))),
        advice=f"if it will predict later rows, a random split flatters: --time {quote(name)}",
    )


def between(groups: NDArray[np.intp], y: NDArray[np.float64]) -> float:
    """Share of the variance of y that lies between groups, corrected for their number (adjusted eta squared).

    Args:
        groups: (n_rows,) whole numbers.
        y: (n_rows, n_outputs).
    """
    n = len(groups)
    _, codes = np.unique(groups, return_inverse=True)
    counts = np.bincount(codes)
    if n <= len(counts) or len(counts) < 2:
        return 0.0
    within = total = 0.0
    for target in y.T:
        means = np.bincount(codes, weights=target) / counts
        within += float(((target - means[codes]) ** 2).sum())
        total += float(((target - target.mean()) ** 2).sum())
    return 1.0 - within / (n - len(counts)) / (total / (n - 1)) if total > 0 else 0.0


def _may_group(column: ColumnProfile) -> bool:
    return (
        column.kind in ("id", "integer_code", "category", "number")
        and (column.numbers is None or column.numbers.share_integer == 1)
        and bool(_GROUP_WORDS & set(words_of(column.name)))
    )


def _ranks(context: Context, column: ColumnProfile) -> NDArray[np.intp]:
    text = context.small_columns[column.name].without(column.missing_tokens).as_text()
    return text.rank("dense").fill_null(0).to_numpy().astype(np.intp)


def _order(seconds: NDArray[np.float64]) -> str:
    known = seconds[~np.isnan(seconds)]
    if len(known) < _MIN_ROWS or len(np.unique(known)) < _MIN_GROUPS:
        return ""
    steps = np.diff(known)
    for sign, word in ((1, "rise"), (-1, "fall")):
        share = float((sign * steps >= 0).mean())
        if share >= _IN_ORDER:
            return f"the dates {word} from row to row in {100 * share:.1f} % of the steps"
    return ""


def _drift(seconds: NDArray[np.float64], outcome: NDArray[np.float64]) -> str:
    known = ~np.isnan(seconds) & ~np.isnan(outcome).any(axis=1)
    if known.sum() < _MIN_ROWS * _N_SPANS:
        return ""
    ranks = np.searchsorted(np.sort(seconds[known]), seconds[known])
    share = between(ranks * _N_SPANS // len(ranks), outcome[known])
    return f"{_N_SPANS} spans of time explain {100 * share:.0f} % of the target's variance" if share >= _DRIFT else ""
