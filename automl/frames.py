"""Tables of what Python users hold: arrays, lists, and data frames of any library, without importing one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.table import Table


def is_frame(rows: Any) -> bool:
    """Whether the rows are a data frame: named columns that can be taken by name."""
    return hasattr(rows, "columns") and hasattr(rows, "__getitem__") and not isinstance(rows, np.ndarray)


def array_names(n_columns: int) -> tuple[str, ...]:
    """Names of an array's columns, as in scikit-learn: x0, x1, ..."""
    return tuple(f"x{i}" for i in range(n_columns))


def table_of(rows: Any, names: Sequence[str] | None = None) -> Table:
    """A table of an array (n_rows, n_columns), or of a data frame of pandas, polars or the like.

    Args:
        rows: The rows.
        names: What the columns are called; None for the frame's own names, and x0, x1, ... for an array.

    Raises:
        ValueError: Two columns have one name.
    """
    if is_frame(rows):
        own = list(rows.columns)
        names = [str(name) for name in own] if names is None else names
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two columns of X have one name: {', '.join(map(repr, twice))}")
        values = [values_of(rows[name]) for name in own]
    else:
        names = array_names(rows.shape[1]) if names is None else names
        values = [values_of(rows[:, i]) for i in range(rows.shape[1])]
    return Table.from_columns(dict(zip(names, values, strict=True)), "X")


def values_of(column: Any) -> Any:
    """A column as what a table takes: an array of numbers, truths or times, or a list of strings with None.

    Columns of objects become numbers where all values are numbers, and strings where only some are; spans of time
    become seconds.
    """
    if hasattr(column, "isna"):
        return _pandas_values(column)
    if hasattr(column, "to_list"):  # polars, of whose columns tables are made
        return column.dt.total_microseconds() / 1e6 if str(column.dtype).startswith("Duration") else column
    array = np.asarray(column)
    if array.dtype.kind == "m":
        return array / np.timedelta64(1, "s")
    if array.dtype.kind == "U":
        return array.tolist()
    return _plain(array.tolist()) if array.dtype.kind == "O" else array


def _pandas_values(column: Any) -> Any:
    """Missing values have many forms there."""
    kind = getattr(column.dtype, "kind", "O")
    if kind == "m":
        return column.dt.total_seconds().to_numpy()
    if kind in "biufM" and isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return _plain(column.tolist())


def _plain(values: list[Any]) -> Any:
    kinds = {type(v) for v in values if not is_missing(v)}
    if not kinds or kinds == {str}:
        return [None if is_missing(v) else v for v in values]
    if kinds <= {bool, np.bool_}:
        return [None if is_missing(v) else bool(v) for v in values]
    if all(issubclass(kind, (bool, int, float, np.number, np.bool_)) for kind in kinds):
        return _numbers(values)
    if all(hasattr(kind, "isoformat") for kind in kinds):
        return [None if is_missing(v) else v for v in values]
    if all(hasattr(kind, "is_nan") for kind in kinds):  # decimals
        return _numbers(values)
    return [None if is_missing(v) else str(v) for v in values]


def _numbers(values: list[Any]) -> NDArray[np.float64]:
    return np.array([np.nan if is_missing(v) else float(v) for v in values], dtype=np.float64)


def is_missing(value: Any) -> bool:
    """Whether a value is None or NaN, or what pandas has for them in columns of other types."""
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")
