"""Series in tables: each row gets the values that the rows before it had, so that models see where it comes from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl.errors import DataError, UsageError
from automl.settings import Settings
from automl.table import Column, Table
from automl.task import History

_MOST_COLUMNS = 3_000


def history_of(table: Table, settings: Settings, time_format: str | None) -> History | None:
    """The history of every column of numbers that is a feature; None without `--window`.

    Args:
        table: As read.
        settings: The window, the target, the columns that are none, and group and time.
        time_format: Of the time column.

    Raises:
        UsageError: The target is not named, there is no column of numbers, or there would be too many.
    """
    window = settings.window
    if window is None:
        return None
    if settings.target is None:
        raise UsageError(f"--window {window} needs --target: its own past is not to be looked back at")
    taken = {settings.target, settings.group, settings.time, settings.weight, *settings.drop, *settings.id}
    columns = tuple(c.name for c in table.columns() if c.name not in taken and c.storage in ("number", "boolean"))
    if not columns:
        raise UsageError(f"--window {window}: {table.source} has no column of numbers to look back at")
    n_more = len(columns) * (window + 2)
    if n_more > _MOST_COLUMNS:
        raise UsageError(
            f"--window {window}: {len(columns)} columns of numbers make {n_more:,} more, at most {_MOST_COLUMNS:,}",
            "try: a shorter window, or --drop columns",
        )
    group, time = (name if name in table.names else None for name in (settings.group, settings.time))
    return History(window=window, columns=columns, group=group, time=time, time_format=time_format)


def with_history(table: Table, history: History | None) -> Table:
    """The table with the columns of a history beside its own; as it is without one, or where it has them already.

    A value that is missing, or lies before a series begins, is missing. Only earlier rows of the same table are seen.

    Raises:
        DataError: A column that the history needs is missing, or one of its own is there already.
    """
    if history is None:
        return table
    new = [name for c in history.columns for name in (*history.lags(c)[:-1], *history.summaries(c))]
    there = set(new) & set(table.names)
    if len(there) == len(new):
        return table
    if there:
        raise DataError(f"{table.source} has a column {min(there)!r}, a name that --window needs", "rename it")
    place = _places(table, history)
    found: dict[str, NDArray[np.float32]] = {}
    for name in history.columns:
        values = np.append(table.column(name).numbers(), np.nan)[place]
        found |= zip(history.lags(name)[:-1], values[:, :-1].T.astype(np.float32), strict=True)
        found |= zip(history.summaries(name), _summaries(values), strict=True)
    return table.with_columns(found)


def _places(table: Table, history: History) -> NDArray[np.intp]:
    """(n_rows, window) the rows of each row's window, the oldest first; -1 where the series has not begun."""
    n_rows, window = table.n_rows, history.window
    series = np.zeros(n_rows, dtype=np.intp)
    if history.group is not None:
        text = table.column(history.group).as_text().fill_null("").to_numpy().astype(np.str_)
        series = np.unique(text, return_inverse=True)[1]
    moment = np.zeros(n_rows) if history.time is None else _moments(table.column(history.time), history.time_format)
    order = np.lexsort((moment, series))
    ordered = series[order]
    start = np.searchsorted(ordered, ordered, side="left")
    back = np.arange(n_rows)[:, None] - np.arange(window - 1, -1, -1)
    place = np.empty((n_rows, window), dtype=np.intp)
    place[order] = np.where(back >= start[:, None], order[np.maximum(back, 0)], -1)
    return place


def _moments(column: Column, time_format: str | None) -> NDArray[np.float64]:
    return column.datetimes(time_format) if time_format or column.storage == "datetime" else column.numbers()


def _summaries(values: NDArray[np.float64]) -> tuple[NDArray[np.float32], ...]:
    """Mean, deviation and change since the oldest known value of (n_rows, window) values; NaN where none is known."""
    known = ~np.isnan(values)
    n_known = known.sum(axis=1)
    count = np.where(n_known, n_known, np.nan)
    mean = np.where(known, values, 0.0).sum(axis=1) / count
    deviation = np.sqrt(np.where(known, (values - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    oldest = values[np.arange(len(values)), known.argmax(axis=1)]
    return tuple(each.astype(np.float32) for each in (mean, deviation, values[:, -1] - oldest))
