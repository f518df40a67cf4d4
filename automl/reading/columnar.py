"""Parquet and Arrow files: typed already, so that only nested and unusual types need care."""

from __future__ import annotations

import io
from collections.abc import Iterator

import polars as pl

from automl.errors import DataError
from automl.profile import Finding
from automl.reading.source import Source

_DAMAGE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)  # a panic is what some damage ends in


def read_columnar(source: Source, form: str, n_rows: int | None = None) -> tuple[pl.DataFrame, list[Finding]]:
    """A parquet or Arrow file as a flat frame.

    Raises:
        DataError: The file is damaged or ends early.
    """
    try:
        frame = _scan(source, form, n_rows).collect()
    except _DAMAGE as error:
        raise _damaged(source, form, error) from None
    return flat(frame)


def columnar_batches(source: Source, form: str, batch_rows: int) -> Iterator[pl.DataFrame]:
    """The rows of a parquet or Arrow file in order, so many at a time."""
    try:
        for frame in _scan(source, form, None).collect_batches(chunk_size=batch_rows, maintain_order=True):
            yield flat(frame)[0]
    except _DAMAGE as error:
        raise _damaged(source, form, error) from None


def flat(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """The frame with objects spread over columns (`a.b`), one level deep, and unusual types made usual.

    Lists and deeper objects become JSON text, decimals and durations (in seconds) numbers, categories strings, raw
    bytes hexadecimal text.
    """
    objects = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Struct)]
    columns: list[pl.Series] = []
    for series in frame.iter_columns():
        if isinstance(series.dtype, pl.Struct):
            parts = series.struct.unnest().iter_columns()
            columns.extend(part.rename(_free(f"{series.name}.{part.name}", columns, frame)) for part in parts)
        else:
            columns.append(series)
    nested = [c.name for c in columns if c.dtype.is_nested()]
    raw = [c.name for c in columns if c.dtype == pl.Binary]
    findings = []
    for title, names, action in (
        ("objects inside a column", objects, "one column a member, called column.member"),
        ("lists inside a column", nested, "read as text"),
        ("raw bytes in a column", raw, "read as hexadecimal text"),
    ):
        if names:
            what = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            findings.append(
                Finding(code="D007", title=title, severity="info", columns=tuple(names), evidence=what, action=action)
            )
    return pl.DataFrame([_usual(series) for series in columns]), findings


def _free(name: str, columns: list[pl.Series], frame: pl.DataFrame) -> str:
    taken = {c.name for c in columns} | set(frame.columns)
    unique, k = name, 2
    while unique in taken:
        unique, k = f"{name}_{k}", k + 1
    return unique


def _usual(series: pl.Series) -> pl.Series:
    dtype = series.dtype
    if dtype.is_nested():
        return _as_json(series)
    if dtype.is_decimal():
        return series.cast(pl.Float64)
    if dtype == pl.Duration:
        return series.dt.total_microseconds() / 1e6
    if dtype == pl.Binary:
        return series.bin.encode("hex")
    if dtype in (pl.Categorical, pl.Enum, pl.Null, pl.Object):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        return pl.select(pl.when(series.str.len_bytes() > 0).then(series)).to_series().alias(series.name)
    return series


def _as_json(series: pl.Series) -> pl.Series:
    import msgspec

    def text(value: object) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    return pl.Series(series.name, [text(value) for value in series.to_list()], pl.String)


def _scan(source: Source, form: str, n_rows: int | None) -> pl.LazyFrame:
    where = source.path if source.path is not None and not source.compression else io.BytesIO(source.content())
    if form == "parquet":
        return pl.scan_parquet(where, n_rows=n_rows, glob=False)
    if isinstance(where, io.BytesIO) or _is_stream(source):
        stream = where if isinstance(where, io.BytesIO) else io.BytesIO(source.content())
        frame = pl.read_ipc_stream(stream) if _is_stream(source) else pl.read_ipc(stream)
        return frame.lazy() if n_rows is None else frame.head(n_rows).lazy()
    return pl.scan_ipc(where, n_rows=n_rows, glob=False)


def _is_stream(source: Source) -> bool:
    return not source.head_bytes.startswith(b"ARROW1")


def _damaged(source: Source, form: str, error: BaseException) -> DataError:
    panicked = isinstance(error, pl.exceptions.PanicException)
    why = "its parts do not fit together" if panicked else str(error).splitlines()[0][:150]
    return source.error(
        f"is a damaged {form} file ({source.size:,} bytes): {why}",
        "it may be cut short: copy or download it again",
    )
