"""What the text of a column is: whole numbers, numbers, booleans, or text whose very letters matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import polars as pl

Kind: TypeAlias = Literal["int", "float", "bool", "text", "unknown"]

DTYPES: dict[Kind, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "text": pl.String(),
    "unknown": pl.String(),
}

_CODE = r"^[-+]?0\d|^\+\d+$|^-?\d{19,}$"
"""Text that a number would not give back: leading zeros, a plus before a whole number, too many digits."""


def kinds_of(text: pl.DataFrame) -> dict[str, Kind]:
    """What all values of each column of strings are; "unknown" without values.

    Leading zeros ("007"), a plus before a whole number and more than 18 digits make it text, as do values that are
    no numbers, "NA" and "?" among them: whether these stand for missing is a finding of the profile.
    """
    every = pl.all()
    bare = text.select(_bare(every))
    numbers = bare.select(every.cast(pl.Float64, strict=False))
    missing = _row(bare.null_count())
    not_numbers = _row(numbers.null_count())
    not_whole = _row(bare.select(every.cast(pl.Int64, strict=False).null_count()))
    some_number = _row(numbers.select(every.is_not_nan().any()))
    code = _row(bare.select(every.str.contains(_CODE).any()))
    boolean = _row(bare.select(every.is_in(["true", "false"]).all()))
    kinds: dict[str, Kind] = {}
    for i, name in enumerate(text.columns):
        if missing[i] == text.height:
            kinds[name] = "unknown"
        elif not_numbers[i] > missing[i]:
            kinds[name] = "bool" if boolean[i] else "text"
        elif code[i] or not some_number[i]:
            kinds[name] = "text"
        else:
            kinds[name] = "float" if not_whole[i] > missing[i] else "int"
    return kinds


def typed(text: pl.Series, kind: Kind) -> pl.Series | None:
    """The strings as that kind; None if one of them is not of it."""
    if kind in ("text", "unknown"):
        return text
    bare = text.to_frame().select(_bare(pl.all())).to_series()
    if kind == "bool":
        if not bool(bare.is_in(["true", "false"]).all()):
            return None
        return bare == "true"
    if bool(bare.str.contains(_CODE).any()):
        return None
    numbers = bare.cast(DTYPES[kind], strict=False)
    return numbers if numbers.null_count() == bare.null_count() else None


def convert(frame: pl.DataFrame, kinds: Mapping[str, Kind]) -> tuple[pl.DataFrame, set[str]]:
    """A frame of strings as those kinds, and the columns that are not of their kind, left as text."""
    columns, misfits = [], set()
    for series in frame.iter_columns():
        numbers = typed(series, kinds[series.name])
        if numbers is None:
            misfits.add(series.name)
        columns.append(series if numbers is None else numbers)
    return pl.DataFrame(columns), misfits


def _bare(text: pl.Expr) -> pl.Expr:
    """Without blanks around it; missing if nothing is left."""
    bare = text.str.strip_chars()
    return pl.when(bare.str.len_bytes() > 0).then(bare).name.keep()


def _row(frame: pl.DataFrame) -> tuple[Any, ...]:
    return frame.row(0)
