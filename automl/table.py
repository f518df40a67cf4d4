"""The table: the only file, with the readers in `read.py`, that touches a dataframe."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from automl.errors import DataError
from automl.profile import NumberFormat

Storage: TypeAlias = Literal["number", "string", "boolean", "datetime"]

_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}


# What Unicode calls white space, which is what polars strips. Python's own strip takes four control characters too.
_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_FEW = 64


def _is_few(series: pl.Series) -> bool:
    """Whether strings are taken one by one: a call of polars takes as long as hundreds of them."""
    return len(series) <= _FEW and series.dtype == pl.String


def _storage(dtype: pl.DataType) -> Storage:
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_temporal():
        return "datetime"
    return "string"


class Column:
    """One column: a name, a storage type, and views of its values as plain arrays.

    Attributes:
        name: In the file.
        root: The folder or zip archive below which the files lie that its values name; None where they name none.
    """

    __slots__ = ("_series", "name", "root")

    def __init__(self, series: pl.Series, name: str | None = None, root: Path | None = None) -> None:
        self.name = series.name if name is None else name
        self.root = root
        # Names such as "*" and "^a$" are patterns to polars, even in the methods of a series.
        self._series = series.alias("value") if series.name.startswith(("*", "^")) else series

    @property
    def storage(self) -> Storage:
        """number, string, boolean or datetime."""
        return _storage(self._series.dtype)

    @property
    def is_whole(self) -> bool:
        """Whether the file's reader took it for whole numbers."""
        return self._series.dtype.is_integer()

    @property
    def is_few(self) -> bool:
        """Whether these are strings, and so few that it is quicker to take them one by one than to call polars."""
        return _is_few(self._series)

    @property
    def series(self) -> pl.Series:
        """The polars series, for vectorised work inside checks on text."""
        return self._series

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(n_rows,) where the value is missing (null or NaN)."""
        if self._series.dtype.is_float():
            return np.asarray(np.isnan(self._series.to_numpy()))  # nulls come out as NaN
        return self._series.is_null().to_numpy() if self._series.null_count() else np.zeros(len(self._series), np.bool_)

    def without(self, tokens: Sequence[str] = (), numbers: Sequence[float] = ()) -> Column:
        """The column with those strings or numbers made missing; blanks around tokens do not count."""
        series = self._series
        if tokens and _is_few(series):
            kept = [None if v is None or v.strip(_BLANKS) in tokens else v for v in series.to_list()]
            series = pl.Series(series.name, kept, dtype=pl.String)
        elif tokens and self.storage == "string":
            hit = series.str.strip_chars().is_in(list(tokens))
            series = pl.select(pl.when(~hit).then(series).alias(series.name)).to_series()
        if numbers and self.storage == "number":
            hit = series.cast(pl.Float64).is_in([float(x) for x in numbers])
            series = pl.select(pl.when(~hit).then(series).alias(series.name)).to_series()
        return Column(series, self.name, self.root)

    def counts(self, limit: int) -> list[tuple[str, int]]:
        """The most frequent values as text with their counts, missing left out; ties in the order of the text."""
        counts = self.as_text().alias("value").drop_nulls().value_counts()
        value, count = counts.columns
        return list(counts.sort([count, value], descending=[True, False]).head(limit).iter_rows())

    def n_unique(self) -> int:
        """Distinct values, missing left out."""
        return int(self._series.drop_nulls().n_unique())

    def share_matching(self, pattern: str) -> float:
        """Share of the non-missing values whose text matches the regular expression; 0 without values."""
        text = self.as_text().drop_nulls()
        return int(text.str.contains(pattern).sum()) / len(text) if len(text) else 0.0

    def numbers(self, how: NumberFormat | None = None) -> NDArray[np.float64]:
        """(n_rows,) as numbers, NaN where missing or not a number. Datetimes become seconds since 1970."""
        if self.storage == "datetime":
            return self.datetimes(None)
        if self.storage == "string":
            parsed = _parse_numbers(self._series, how or NumberFormat())
        else:
            parsed = self._series if self._series.dtype == pl.Float64 else self._series.cast(pl.Float64)
        values = parsed.to_numpy()  # nulls come out as NaN
        return np.where(np.isfinite(values), values, np.nan)

    def datetimes(self, how: str | None) -> NDArray[np.float64]:
        """(n_rows,) seconds since 1970-01-01 UTC, NaN where missing or not a date.

        Args:
            how: strptime format of strings; "iso" for ISO 8601 in any precision; "epoch_s" for numbers of seconds.
        """
        series = self._series
        if how == "epoch_s":
            return self.numbers()
        if self.storage == "string":
            series = _parse_dates(series, how or "iso")
        elif series.dtype == pl.Time:
            return series.cast(pl.Int64).cast(pl.Float64).fill_null(float("nan")).to_numpy() / 1e9
        if series.dtype == pl.Date:
            series = series.cast(pl.Datetime("us"))
        if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        micros = series.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64)
        return micros.fill_null(float("nan")).to_numpy() / 1e6

    def codes(self, vocabulary: Sequence[str]) -> NDArray[np.int32]:
        """(n_rows,) index of each value's text in the vocabulary; -1 where missing, -2 where not in it."""
        text = self.as_text()
        if _is_few(text):
            place = {word: i for i, word in enumerate(vocabulary)}
            return np.array([-1 if v is None else place.get(v, -2) for v in text.to_list()], dtype=np.int32)
        words = pl.Series(list(vocabulary), dtype=pl.String)
        found = text.replace_strict(words, pl.Series(range(len(words)), dtype=pl.Int32), default=-2)
        return found.fill_null(-2).to_numpy().astype(np.int32) * ~self.missing - self.missing.astype(np.int32)

    def as_text(self) -> pl.Series:
        """The values as they would stand in a file, nulls kept; blanks around strings removed.

        Whole numbers lose a decimal part of zero, so that 1 and 1.0 are one category whatever else is in the column.
        """
        series = self._series
        if _is_few(series):
            return pl.Series(series.name, [v and v.strip(_BLANKS) for v in series.to_list()], dtype=pl.String)
        if self.storage == "string":
            return series.cast(pl.String).str.strip_chars()
        if series.dtype.is_float():
            return series.fill_nan(None).cast(pl.String).str.strip_suffix(".0").replace("-0", "0")
        return series.cast(pl.String)

    def lengths(self) -> NDArray[np.float64]:
        """(n_rows,) characters of each text, NaN where it is missing."""
        if self.is_few:
            return np.array(
                [np.nan if text is None else len(text) for text in self._series.to_list()], dtype=np.float64
            )
        return np.asarray(self._series.str.len_chars().to_numpy(), dtype=np.float64)

    def spellings(self) -> dict[str, str]:
        """Of each text of `as_text`, how it mostly stands in the file."""
        frame = pl.DataFrame({"text": self.as_text(), "spelled": self._series.cast(pl.String)}).drop_nulls("text")
        counts = frame.group_by("text", "spelled").len().sort("len", "spelled")
        return dict(counts.select("text", "spelled").iter_rows())


class Table:
    """Rows and columns as read, with the name they came under.

    Attributes:
        source: The file, as the user gave it.
        root: The folder or zip archive below which files lie that columns name; None for a table in memory.
    """

    __slots__ = ("_frame", "root", "source")

    def __init__(self, frame: pl.DataFrame, source: str = "data", root: Path | None = None) -> None:
        self._frame = frame
        self.source = source
        self.root = root

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], source: str = "data") -> Self:
        """A table of arrays or lists, all of one length."""
        return cls(pl.DataFrame({name: _series(name, values) for name, values in columns.items()}), source)

    @property
    def frame(self) -> pl.DataFrame:
        """The polars frame, for readers, writers and tests."""
        return self._frame

    @property
    def n_rows(self) -> int:
        """Rows."""
        return self._frame.height

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the order of the file."""
        return tuple(self._frame.columns)

    @property
    def memory_bytes(self) -> int:
        """In memory."""
        return int(self._frame.estimated_size())

    def column(self, name: str) -> Column:
        """One column.

        Raises:
            DataError: There is no such column; near matches are named.
        """
        try:
            return Column(self._frame.get_column(name), root=self.root)
        except pl.exceptions.ColumnNotFoundError:
            raise no_column(name, self.names, self.source) from None

    def columns(self) -> Iterator[Column]:
        """Every column in the order of the file."""
        return (Column(series, root=self.root) for series in self._frame.iter_columns())

    def select(self, names: Sequence[str]) -> Table:
        """Those columns only, in that order; names are taken as they are, "*" and "^a$" too."""
        frame = pl.DataFrame({name: self._frame.get_column(name) for name in names})
        return Table(frame, self.source, self.root)

    def with_columns(self, columns: Mapping[str, Any]) -> Table:
        """The table with those columns, arrays of its length, after its own."""
        more = [_series(name, values) for name, values in columns.items()]
        return Table(self._frame.with_columns(more), self.source, self.root)

    def take(self, rows: NDArray[Any] | slice) -> Table:
        """Those rows, by index, boolean mask or slice."""
        if isinstance(rows, slice):
            return Table(self._frame[rows], self.source, self.root)
        if rows.dtype == np.bool_:
            return Table(self._frame.filter(pl.Series(rows)), self.source, self.root)
        return Table(self._frame[rows.astype(np.int64)], self.source, self.root)

    def sample(self, n_rows: int, seed: int) -> Table:
        """At most so many rows, drawn without replacement, in the order of the file."""
        if self.n_rows <= n_rows:
            return self
        rows = np.random.default_rng(seed).choice(self.n_rows, size=n_rows, replace=False)
        return self.take(np.sort(rows))

    def row_hashes(self) -> NDArray[np.uint64]:
        """(n_rows,) equal for equal rows."""
        return self._frame.hash_rows(seed=0).to_numpy()


def no_column(name: str, names: Sequence[str], source: str) -> DataError:
    """The error for a column that is not there, with the nearest names and the flag that mends it."""
    from difflib import get_close_matches

    lower = {each.lower(): each for each in names}
    near = [lower[n] for n in get_close_matches(name.lower(), list(lower), n=3, cutoff=0.6)]
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    hints = [f"it has: {shown} ({len(names)})" + (f"     nearest: {', '.join(map(repr, near))}" if near else "")]
    return DataError(f"no column {name!r} in {source}", *hints)


def _series(name: str, values: Any) -> pl.Series:
    array = np.asarray(values) if not isinstance(values, (list, tuple, pl.Series)) else values
    if isinstance(array, np.ndarray) and array.dtype == object:
        return pl.Series(name, [None if _is_nan(v) else v for v in array.tolist()], strict=False)
    return pl.Series(name, array, strict=False)


def _is_nan(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _parse_numbers(series: pl.Series, how: NumberFormat) -> pl.Series:
    text = series.str.strip_chars(how.strip + " \t\u00a0" if how.strip else None)
    if how.thousands:
        text = text.str.replace_all(how.thousands, "", literal=True)
    if how.decimal != ".":
        text = text.str.replace(how.decimal, ".", literal=True)
    if not how.suffixes:
        return text.cast(pl.Float64, strict=False)
    parts = text.str.extract_groups(rf"(?i)^([-+]?[\d.]+(?:e[-+]?\d+)?)\s*([{''.join(_SUFFIXES)}]?)$").struct.unnest()
    number, suffix = (parts.to_series(i) for i in (0, 1))
    factor = suffix.str.to_lowercase().replace_strict(_SUFFIXES, default=1.0, return_dtype=pl.Float64)
    return number.cast(pl.Float64, strict=False) * factor


def _parse_dates(series: pl.Series, how: str) -> pl.Series:
    text = series.str.strip_chars()
    if how != "iso":
        if re.search(r"%[HIMSfTpX]", how):
            return text.str.to_datetime(how, strict=False, time_unit="us", time_zone="UTC" if "%z" in how else None)
        return text.str.to_date(how, strict=False)
    text = text.str.replace(r"^(\d{4}-\d{2})$", "$1-01")
    text = text.str.replace(r"\s*(Z|UTC|[-+]\d{2}:?\d{2})$", "").str.replace("T", " ", literal=True)
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "$1 00:00:00").str.replace(r"^(\S+ \d{2}:\d{2})$", "$1:00")
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
