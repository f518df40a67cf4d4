"""Files of tables as tables: the format is sniffed, what was found on the way is told.

csv, tsv and any other delimited text, parquet, feather (Arrow), json, JSON lines and Excel; each also compressed with
gzip, zstd, bzip2 or xz; "-" is stdin. Folders and zip archives of images, sounds or texts are tables too, a file a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec
import polars as pl

from automl.profile import ColumnKind, Finding
from automl.reading.columnar import columnar_batches, read_columnar
from automl.reading.delimited import DelimitedText
from automl.reading.documents import json_line_batches, read_json, read_json_lines
from automl.reading.folders import is_media_root, read_folder
from automl.reading.header import unique_names
from automl.reading.infer import kinds_of, typed
from automl.reading.source import Source
from automl.reading.workbook import WORKBOOK_DIALECT, read_workbook
from automl.table import Table

_BY_SUFFIX = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_BY_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
    b"PK\x03\x04": "excel",
    b"\xd0\xcf\x11\xe0": "excel",
}


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How a file was read.

    Attributes:
        format: csv (any delimited text), parquet, arrow, json, jsonl, excel, or folder (a zip archive of files too).
        compression: gz, zst, bz2 or xz; empty if none.
        delimiter: Between fields; a blank stands for runs of blanks and tabs. Empty where there is none.
        quote: The quoting character; None if quotes mean nothing.
        decimal: The decimal mark of most numbers. Numbers with a comma are kept as text for the profile.
        header_lines: Lines of the header: 0, 1 or 2.
        skipped_lines: Records before the header.
        sheet: Of the workbook.
    """

    format: str
    compression: str = ""
    encoding: str = "utf-8"
    delimiter: str = ""
    quote: str | None = None
    decimal: str = "."
    header_lines: int = 0
    skipped_lines: int = 0
    sheet: str = ""


class Reading(msgspec.Struct, frozen=True):
    """A table with what was found while it was read.

    Attributes:
        kinds: What columns mean that the reader itself made of files.
    """

    table: Table
    findings: tuple[Finding, ...]
    how: Format
    kinds: Mapping[str, ColumnKind] = {}


def read(path: str | Path, *, n_rows: int | None = None, text: Collection[str] = ()) -> Reading:
    """Read a table, or a folder or zip archive of media.

    Values are kept exact where it matters: a column with leading zeros, or with anything that is no number, stays
    text. Empty cells are missing; tokens such as "NA" are not: the profile judges them.

    Args:
        path: The file or folder; "-" for stdin.
        n_rows: Only so many rows from the start.
        text: Columns to keep as the text they are.

    Raises:
        DataError: There is no such file, or no table in it; the message names the line and what mends it.
    """
    if _is_media(path):
        return _read_media(Path(path), n_rows)
    source = Source(path)
    form = _form(source)
    how = Format(format=form, compression=source.compression)
    if form == "csv":
        return _read_delimited(source, n_rows, frozenset(text))
    if form == "excel":
        return _read_workbook(source, n_rows, frozenset(text))
    if form == "json":
        frame, findings = read_json(source)
    elif form == "jsonl":
        frame, findings = read_json_lines(source, n_rows)
    else:
        frame, findings = read_columnar(source, form, n_rows)
    frame, renamed = _named(frame)
    if not frame.height:
        raise source.error(f"has columns but no rows: {', '.join(frame.columns[:6])}", "a table needs at least one row")
    frame = frame.head(frame.height if n_rows is None else n_rows)
    return Reading(_table(frame, source), (*renamed, *findings), how)


def read_batches(path: str | Path, batch_rows: int = 100_000, *, text: Collection[str] = ()) -> Iterator[Table]:
    """Read a table a batch at a time, in bounded memory; rows in order, none left out.

    A column may be numbers in one batch and text in another; `Column.numbers` and `Column.as_text` give the same
    values either way. json and Excel files are read whole first.

    Args:
        path: The file or folder; "-" for stdin, which is streamed.
        batch_rows: At most so many rows in a batch.
        text: Columns to keep as the text they are: those that were text when a model was fitted.

    Raises:
        DataError: As `read`.
    """
    if _is_media(path):
        table = _read_media(Path(path), None).table
        yield from (table.take(slice(start, start + batch_rows)) for start in range(0, table.n_rows, batch_rows))
        return
    source = Source(path, again=False)
    form = _form(source)
    if form == "csv":
        frames: Iterator[pl.DataFrame] = (frame for frame, _ in DelimitedText(source, text=frozenset(text)).frames())
    elif form == "jsonl":
        frames = json_line_batches(source, batch_rows)
    elif form in ("parquet", "arrow"):
        frames = columnar_batches(source, form, batch_rows)
    elif form == "json":
        frames = iter([read_json(source)[0]])
    else:
        frames = iter([_read_workbook(source, None, frozenset(text)).table.frame])
    for frame in frames:
        for batch in frame.iter_slices(batch_rows):
            if batch.height:
                yield _table(_named(batch)[0], source)


def _is_media(path: str | Path) -> bool:
    return str(path) != "-" and is_media_root(Path(path))


def _read_media(root: Path, n_rows: int | None) -> Reading:
    frame, findings = read_folder(root, n_rows)
    kinds: dict[str, ColumnKind] = {"text": "text", "label": "category"}
    told = {name: kinds[name] for name in frame.columns if name in kinds}
    return Reading(Table(frame, str(root), root), tuple(findings), Format(format="folder"), told)


def _table(frame: pl.DataFrame, source: Source) -> Table:
    """The table, with the folder of its file as the one below which files lie that it names."""
    return Table(frame, source.name, Path() if source.path is None else source.path.parent)


def _form(source: Source) -> str:
    """The format, by the first bytes; the suffix counts where these fit several."""
    head = source.head_bytes
    for magic, form in _BY_MAGIC.items():
        if head.startswith(magic):
            return form
    claimed = _BY_SUFFIX.get(source.suffix, "csv")
    if claimed in ("parquet", "arrow"):
        raise source.error(f"is no {claimed} file: it starts with {head[:8]!r}", "rename it to what it is")
    if claimed == "csv" and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") and not source.suffix:
        return "jsonl" if _is_json_lines(head) else "json"
    return claimed


def _is_json_lines(head: bytes) -> bool:
    lines = head.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n")
    try:
        return isinstance(msgspec.json.decode(lines[0]), dict) and len(lines) > 1
    except msgspec.DecodeError:
        return False


def _read_delimited(source: Source, n_rows: int | None, text: frozenset[str]) -> Reading:
    reader = DelimitedText(source, text=text)
    frame, misfits = _collected(reader, n_rows)
    if misfits:
        reader = DelimitedText(source, text=text | misfits)
        frame, _ = _collected(reader, n_rows)
    layout = reader.layout
    how = Format(
        format="csv",
        compression=source.compression,
        encoding=layout.encoding,
        delimiter=layout.dialect.delimiter,
        quote=layout.dialect.quote,
        decimal=layout.decimal,
        header_lines=layout.header.n_lines,
        skipped_lines=layout.header.n_skip - layout.header.n_lines,
    )
    return Reading(_table(_settled(frame, reader, misfits), source), tuple(reader.findings()), how)


def _read_workbook(source: Source, n_rows: int | None, text: frozenset[str]) -> Reading:
    content, sheet, findings = read_workbook(source)
    reader = DelimitedText(source, iter([content]), text=text, dialect=WORKBOOK_DIALECT)
    frame, misfits = _collected(reader, n_rows)
    if misfits:
        reader = DelimitedText(source, iter([content]), text=text | misfits, dialect=WORKBOOK_DIALECT)
        frame, _ = _collected(reader, n_rows)
    header = reader.layout.header
    how = Format(
        format="excel",
        compression=source.compression,
        header_lines=header.n_lines,
        skipped_lines=header.n_skip - header.n_lines,
        sheet=sheet,
    )
    table = _table(_settled(frame, reader, misfits), source)
    return Reading(table, (*findings, *reader.findings()), how)


def _collected(reader: DelimitedText, n_rows: int | None) -> tuple[pl.DataFrame, frozenset[str]]:
    """All rows, and the columns that were not everywhere of the kind that the first rows promised.

    After the first misfit the frames are of no use any more, so that only the misfits are collected.
    """
    frames: list[pl.DataFrame] = []
    misfits: set[str] = set()
    height = 0
    for frame, wrong in reader.frames():
        misfits |= wrong
        frames.append(frame)
        height += frame.height
        if misfits:
            frames.clear()
        if n_rows is not None and height >= n_rows:
            break
    if misfits or not frames:
        return pl.DataFrame(), frozenset(misfits)
    if len(frames) == 1:
        return frames[0].head(height if n_rows is None else n_rows), frozenset()
    columns = [pl.concat([f.drop_in_place(name) for f in frames], rechunk=True) for name in frames[0].columns]
    return pl.DataFrame(columns).head(height if n_rows is None else n_rows), frozenset()


def _settled(frame: pl.DataFrame, reader: DelimitedText, misfits: frozenset[str]) -> pl.DataFrame:
    """The frame with the kinds of those columns decided that the first rows left open."""
    columns = []
    for series in frame.iter_columns():
        if series.name in misfits or reader.kinds[series.name] == "unknown":
            settled = typed(series, kinds_of(series.to_frame())[series.name])
            columns.append(series if settled is None else settled)
        else:
            columns.append(series)
    return pl.DataFrame(columns)


def _named(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    names, findings = unique_names(frame.columns)
    return frame.rename(dict(zip(frame.columns, names, strict=True))), findings
