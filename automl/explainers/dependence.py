"""Partial dependence (Friedman 2001, doi:10.1214/aos/1013203451): mean prediction as one column takes other values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl.explainers.pool import RowPool
from automl.features import Features
from automl.profile import ColumnProfile
from automl.table import Column

N_GRID = 20
_N_LEVELS = 12
_PARSED = 0.9


@dataclass(frozen=True, slots=True)
class Axis:
    """A column's values as positions on an axis.

    Attributes:
        scale: number, category or date.
        labels: Categories, most frequent first; empty for numbers and dates.
        values: (n_rows,) numbers, seconds since 1970, or positions in `labels`; NaN where there is none.
    """

    scale: Literal["number", "category", "date"]
    labels: tuple[str, ...]
    values: NDArray[np.float64]

    def grid(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Points to ask about, and for each a row that has this value: (n_points,), (n_points,)."""
        there = np.flatnonzero(~np.isnan(self.values))
        points, first = np.unique(self.values[there], return_index=True)
        if len(points) > N_GRID:
            ordered = np.sort(self.values[there])
            near = ordered[np.round(np.linspace(0.01, 0.99, N_GRID) * (len(ordered) - 1)).astype(np.int64)]
            chosen = np.unique(np.searchsorted(points, near))
            points, first = points[chosen], first[chosen]
        return points, there[first]


def axis_of(column: Column, index: int, x: Features, profile: ColumnProfile | None = None) -> Axis | None:
    """The axis of a column; None for free text, whose values have no order and hardly recur.

    Args:
        column: As in the user's file.
        index: Of the column in the layout of `x`, which holds the same rows.
        profile: How the column is read; without it, text is taken for ISO dates or plain numbers where it looks so.
    """
    numeric = [feature for feature, source in enumerate(x.layout.num_sources) if source == index]
    categorical = [feature for feature, source in enumerate(x.layout.cat_sources) if source == index]
    is_category = profile is not None and profile.kind == "category"  # its words may be read as numbers beside it
    if categorical and (is_category or not numeric):
        return _categories(column)
    if column.storage == "datetime" or (profile is not None and profile.date_format):
        return Axis("date", (), column.datetimes(profile.date_format if profile else None))
    if len(numeric) == 1 and not categorical and column.storage == "string":
        values = x.x_num[:, numeric[0]].astype(np.float64)
        return Axis("number", (), np.where(np.isfinite(values), values, np.nan))
    if column.storage == "number":
        # The encoder knows which numbers stand for missing.
        gone = np.isnan(x.x_num[:, numeric]).all(axis=1) if numeric else np.zeros(x.n_rows, dtype=bool)
        return Axis("number", (), np.where(gone, np.nan, column.numbers()))
    if column.storage == "string":
        there = max(1, int((~column.missing).sum()))
        for scale, values in (("date", column.datetimes("iso")), ("number", column.numbers())):
            if int((~np.isnan(values)).sum()) >= _PARSED * there:
                return Axis("date" if scale == "date" else "number", (), values)
    return _categories(column) if column.n_unique() <= _N_LEVELS else None


def _categories(column: Column) -> Axis:
    labels = tuple(value for value, _ in column.counts(_N_LEVELS))
    codes = column.codes(labels).astype(np.float64)
    return Axis("category", labels, np.where(codes < 0, np.nan, codes))


def partial_dependence(
    pool: RowPool, player: int, grid_rows: NDArray[Any], background: NDArray[Any]
) -> NDArray[np.float64]:
    """(n_points, n_outputs) mean prediction over background rows that take the player's columns from each grid row."""
    donors = np.repeat(grid_rows, len(background))
    predicted = pool.predict_with(np.tile(background, len(grid_rows)), player, donors)
    return np.asarray(predicted.reshape(len(grid_rows), len(background), -1).mean(axis=1))
