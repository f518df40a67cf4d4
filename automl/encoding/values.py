"""Values of a column read one by one, so that a row's encoding never depends on the rows beside it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.profile import ColumnProfile, NumberFormat
from automl.table import Column, Table

_BLANK = ("", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "None", "none", "?", "-")


class Missing(msgspec.Struct, frozen=True):
    """What stands for a missing value in a column."""

    tokens: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()

    @classmethod
    def of(cls, profile: ColumnProfile) -> Missing:
        """As found in training."""
        return cls(profile.missing_tokens, profile.missing_numbers)

    def blanked(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_rows,) values, NaN for the numbers that stand for missing."""
        return np.where(np.isin(values, self.numbers), np.nan, values) if self.numbers else values


def read_numbers(
    column: Column, how: NumberFormat | None, missing: Missing
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as numbers.

    Returns:
        (n_rows,) values, NaN where missing or not a number; (n_rows,) where a value is there but is not a number.
    """
    column = _strings(column, (*missing.tokens, *_BLANK))
    values = missing.blanked(column.numbers(how))
    if column.storage == "string":
        return values, np.isnan(column.numbers(how)) & ~column.missing
    if column.storage == "datetime":
        return np.full(len(values), np.nan), ~column.missing
    return values, np.zeros(len(values), dtype=np.bool_)


def read_dates(column: Column, how: str | None, missing: Missing) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as seconds since 1970, in the manner of `read_numbers`."""
    if how == "epoch_s" and column.storage != "datetime":
        return read_numbers(column, None, missing)
    if column.storage not in ("string", "datetime"):
        return np.full(len(column.missing), np.nan), ~column.missing
    column = _strings(column, (*missing.tokens, *_BLANK))
    seconds = column.datetimes(how)
    return seconds, np.isnan(seconds) & ~column.missing


def read_texts(column: Column, missing: Missing) -> Column:
    """A column of strings, blanks around them removed, missing ones null."""
    column = _strings(column, missing.tokens).without((), missing.numbers)
    if column.storage != "number":
        return Column(column.as_text())
    values, inverse = np.unique(column.numbers(), return_inverse=True)
    texts = [level_text(v) for v in values.tolist()]
    return Column(Table.from_columns({"": [texts[i] for i in inverse]}).column("").as_text())


def read_codes(column: Column, levels: Sequence[str], numeric: bool, missing: Missing) -> NDArray[np.int32]:
    """(n_rows,) index of each value in the levels; -1 where missing, -2 where it is none of them.

    Args:
        column: As it came.
        levels: Texts of the training levels.
        numeric: Whether they were numbers in training; then 1, 1.0 and "1" are one level.
        missing: What stands for missing.
    """
    if not numeric:
        return read_texts(column, missing).codes(levels)
    values, bad = read_numbers(column, None, missing)
    if column.storage == "boolean":
        bad = np.zeros(len(values), dtype=np.bool_)
    codes = np.where(bad, -2, -1).astype(np.int32)
    known = np.array([float(level) for level in levels], dtype=np.float64)
    order = np.argsort(known)
    there = ~np.isnan(values)
    codes[there] = -2
    if len(known):
        at = np.minimum(np.searchsorted(known[order], values[there]), len(known) - 1)
        codes[there] = np.where(known[order][at] == values[there], order[at], -2)
    return codes


def _strings(column: Column, tokens: Sequence[str]) -> Column:
    """Strings as plain strings (not categories, not an untyped column of nulls), tokens made missing; others as is."""
    return Column(column.as_text()).without(tokens) if column.storage == "string" else column


def level_text(value: float) -> str | None:
    """A number as it would stand in a file, whole ones without a decimal part; None for NaN."""
    if np.isnan(value):
        return None
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def level_counts(column: Column, missing: Missing, limit: int) -> tuple[list[tuple[str, int]], int]:
    """The most frequent levels with their counts, most frequent first, and how many levels there are."""
    if column.storage != "number":
        texts = read_texts(column, missing)
        return texts.counts(limit), texts.n_unique()
    values, _ = read_numbers(column, None, missing)
    levels, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    top = np.argsort(-counts, kind="stable")[:limit]
    return [(str(level_text(levels[i])), int(counts[i])) for i in top], len(levels)
