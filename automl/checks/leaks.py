"""D024: single columns that give the target away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from automl.checks.context import Context, is_read_as_numbers, read_numbers
from automl.profile import ColumnProfile, Finding
from automl.table import Column

_N_BINS = 128  # groups of values of a column, the last one for missing
_BLOCK = 256  # columns at a time
_ROWS_A_GROUP = 16
_PROMISING = 0.8  # from here on numbers are looked at value by value
_SUSPECT = 0.97  # share of the target's variance that one column explains on rows it was not fitted on
_CERTAIN = 0.995
_MIN_ROWS = 30


def leak_suspects(context: Context) -> list[Finding]:
    """D024: columns that predict the target all but perfectly alone.

    A column's values fall into at most 128 groups (quantiles of numbers, the most frequent categories, missing). The
    mean of the target in each group over one half of the rows predicts the other half, and the other way round.
    Numbers that do well are tried again value by value. Columns that explain more than 97 % of the variance are named.
    """
    outcome = context.outcome(context.small)
    if outcome is None or not context.features:
        return []
    known = np.flatnonzero(~np.isnan(outcome).any(axis=1))
    if len(known) < _MIN_ROWS:
        return []
    columns, y = {column.name: column for column in context.small.take(known).columns()}, outcome[known]
    half = np.random.default_rng(context.seed).permutation(len(y)) % 2
    found = []
    for start in range(0, len(context.features), _BLOCK):
        block = context.features[start : start + _BLOCK]
        for column, by_group in zip(block, explained(groups(block, columns), y, half).tolist(), strict=True):
            by_value = 0.0
            if _PROMISING <= by_group < _CERTAIN and is_read_as_numbers(column):
                by_value = interpolated(read_numbers(columns[column.name], column), y, half)
            if max(by_group, by_value) >= _SUSPECT:
                found.append(_finding(column, max(by_group, by_value), context))
    return found


def groups(profiles: Sequence[ColumnProfile], columns: Mapping[str, Column]) -> NDArray[np.intp]:
    """(n_rows, n_profiles) the group, 0 to 127, into which each value falls; missing values have one of their own."""
    codes = np.empty((len(columns[profiles[0].name].series), len(profiles)), dtype=np.intp)
    numeric = [j for j, profile in enumerate(profiles) if is_read_as_numbers(profile)]
    if numeric:
        values = [read_numbers(columns[profiles[j].name], profiles[j]) for j in numeric]
        codes[:, numeric] = _quantile_groups(np.stack(values, axis=1))
    for j in set(range(len(profiles))) - set(numeric):
        column = columns[profiles[j].name].without(profiles[j].missing_tokens)
        codes[:, j] = _frequent_groups(column.as_text().rank("dense").fill_null(0).to_numpy().astype(np.intp))
    return codes


def explained(codes: NDArray[np.intp], y: NDArray[np.float64], half: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n_columns,) share of the variance of y that group means explain on the half they were not taken from.

    Args:
        codes: (n_rows, n_columns), 0 to 127.
        y: (n_rows, n_outputs).
        half: (n_rows,) 0 or 1.
    """
    n_columns = codes.shape[1]
    cells = codes + _N_BINS * np.arange(n_columns)
    error = np.zeros(n_columns)
    total = 0.0
    for side in (0, 1):
        fit, test = half != side, half == side
        flat = cells[fit].ravel()
        counts = np.bincount(flat, minlength=_N_BINS * n_columns)
        for target in y.T:
            prior = target[fit].mean()
            sums = np.bincount(flat, weights=np.repeat(target[fit], n_columns), minlength=_N_BINS * n_columns)
            means = np.where(counts > 0, sums / np.maximum(counts, 1), prior)
            error += ((means[cells[test]] - target[test][:, None]) ** 2).sum(axis=0)
            total += float(((target[test] - prior) ** 2).sum())
    return 1.0 - error / total if total > 0 else np.zeros(n_columns)


def interpolated(values: NDArray[np.float64], y: NDArray[np.float64], half: NDArray[np.intp]) -> float:
    """Share of the variance of y that values explain, by interpolation between the means of the other half.

    Args:
        values: (n_rows,), NaN where missing.
        y: (n_rows, n_outputs).
        half: (n_rows,) 0 or 1.
    """
    error = total = 0.0
    for side in (0, 1):
        fit, test = (half != side) & ~np.isnan(values), half == side
        if not fit.any():
            return 0.0
        known, codes, counts = np.unique(values[fit], return_inverse=True, return_counts=True)
        missing = np.isnan(values[test])
        for target in y.T:
            prior = target[half != side].mean()
            means = np.bincount(codes, weights=target[fit]) / counts
            predicted = np.where(missing, prior, np.interp(values[test], known, means))
            error += float(((predicted - target[test]) ** 2).sum())
            total += float(((target[test] - prior) ** 2).sum())
    return 1.0 - error / total if total > 0 else 0.0


def _quantile_groups(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Groups of about equal size (16 rows or more) for every column at once; equal values stay together."""
    n = len(values)
    n_groups = int(np.clip(n // _ROWS_A_GROUP, 8, _N_BINS - 1))
    order = np.argsort(values, axis=0, kind="stable")  # NaN last
    ordered = np.take_along_axis(values, order, axis=0)
    is_first = np.ones(values.shape, dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    rows = np.arange(n)[:, None]
    first = np.maximum.accumulate(np.where(is_first, rows, 0), axis=0)
    group = first * n_groups // n
    group[np.isnan(ordered)] = _N_BINS - 1
    codes = np.empty(values.shape, dtype=np.intp)
    np.put_along_axis(codes, order, group, axis=0)
    return codes


def _frequent_groups(ranks: NDArray[np.intp]) -> NDArray[np.intp]:
    """The 126 most frequent values apart, the others together, missing (rank 0) last."""
    counts = np.bincount(ranks)
    counts[0] = 0
    frequent = np.argsort(-counts, kind="stable")[: _N_BINS - 2]
    group = np.full(len(counts), _N_BINS - 2, dtype=np.intp)
    group[frequent] = np.arange(len(frequent))
    group[0] = _N_BINS - 1
    return group[ranks]


def _finding(column: ColumnProfile, share: float, context: Context) -> Finding:
    target = context.task.target if context.task else ""
    return Finding(
        code="D024",
        title=f"{column.name!r} gives {target!r} away",
        severity="danger" if share >= _CERTAIN else "warning",
        columns=(column.name,),
        evidence=f"this column alone explains {100 * share:.1f} % of the variance of {target!r} on unseen rows",
        advice=f"if it is only known after {target!r} is, the score will not hold: --drop {quote(column.name)}",
    )
