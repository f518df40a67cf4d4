"""Delimited text: sniffed from its first bytes, then read a block at a time in bounded memory.

Most blocks go to polars as they are, after a scan that proves polars cannot misread them. Blocks with ragged records
or odd quotes, and dialects that polars does not know, go through the standard library's `csv`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import msgspec
import polars as pl

from automl.profile import Finding
from automl.reading.blocks import Block, cut, skip_records
from automl.reading.dialect import Dialect, decimal_mark, sniff, usual_length
from automl.reading.encoding import Decoder, detect_encoding
from automl.reading.header import Header, find_header
from automl.reading.infer import DTYPES, Kind, convert, kinds_of
from automl.reading.mend import Mender
from automl.reading.source import Source, peek, text_of

HEAD = 4 << 20
"""Bytes that are looked at to find out encoding, dialect, header and types."""

_N_INFER = 10_000
_N_CELLS = 2_000_000
_N_CELLS_LOOKED_AT = 20_000


class Layout(msgspec.Struct, frozen=True):
    """All that must be known to read a delimited file from its first byte to its last."""

    encoding: str
    dialect: Dialect
    header: Header
    kinds: dict[str, Kind]
    decimal: str
    returns_only: bool
    findings: tuple[Finding, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self.header.names


class DelimitedText:
    """One pass over a delimited file.

    Args:
        source: The file.
        chunks: Its bytes; taken from the source if not given.
        text: Columns whose values are wanted as the text they are.
        dialect: How the fields are set apart, where that is known.

    Attributes:
        layout: What was found out from the first bytes.
        kinds: What each column is read as.
    """

    def __init__(
        self,
        source: Source,
        chunks: Iterator[bytes] | None = None,
        text: frozenset[str] = frozenset(),
        dialect: Dialect | None = None,
    ) -> None:
        head, rest = peek(source.chunks() if chunks is None else chunks, HEAD)
        following = next(rest, None)
        self._source = source
        self.layout = _layout(source, head, dialect, complete=following is None)
        self.kinds: dict[str, Kind] = {n: "text" if n in text else kind for n, kind in self.layout.kinds.items()}
        self._decoder = Decoder(self.layout.encoding, source.name)
        self._mender = Mender(self.layout.header.shapes, self.layout.dialect.delimiter, source.name)
        self._chunks = self._decoder.decode(chain([head], [following] if following else [], rest))
        if self.layout.returns_only:
            self._chunks = (chunk.replace(b"\r", b"\n") for chunk in self._chunks)

    def frames(self) -> Iterator[tuple[pl.DataFrame, set[str]]]:
        """The rows in order, a block at a time, with the columns that were not of their kind in it."""
        kinds = self.kinds
        for frame, raw in self._raw_frames(kinds):
            if raw:
                yield convert(frame, kinds)
            else:
                yield frame, set()

    def findings(self) -> list[Finding]:
        """What was found and mended, once all frames are read."""
        return [
            *self._encoding_findings(),
            *self.layout.findings,
            *self.layout.header.findings,
            *self._mender.findings(),
        ]

    def _raw_frames(self, kinds: Mapping[str, Kind]) -> Iterator[tuple[pl.DataFrame, bool]]:
        dialect, header = self.layout.dialect, self.layout.header
        chunks = self._chunks
        if not dialect.is_plain:
            yield from self._by_rows(chunks, header.n_skip, 1)
            return
        head = next(chunks, b"")
        start, n_lines = skip_records(head, dialect, header.n_skip)
        chunks = chain([head[start:]], chunks)
        blocks = cut(chunks, dialect, len(header.names), n_lines + 1)
        for block in blocks:
            if not block.quoted_well:
                yield from self._by_rows(chain([block.data], chunks), 0, block.first_line)
                return
            if not block.data:
                continue
            if block.even:
                yield self._parsed(block, kinds)
            else:
                yield from self._by_rows(iter([block.data]), 0, block.first_line, last=block.last)

    def _parsed(self, block: Block, kinds: Mapping[str, Kind]) -> tuple[pl.DataFrame, bool]:
        quote = self.layout.dialect.quote
        has_quotes = quote is not None and quote.encode() in block.data
        options: dict[str, Any] = {
            "has_header": False,
            "separator": self.layout.dialect.delimiter,
            "quote_char": quote if has_quotes else None,
        }
        if not block.codes or not {"int", "float"} & set(kinds.values()):
            try:
                frame = pl.read_csv(block.data, schema={n: DTYPES[k] for n, k in kinds.items()}, **options)
                return (_emptied(frame) if has_quotes else frame), False
            except pl.exceptions.ComputeError:
                # a value is not of its column's kind: read as text, and let `convert` say which column
                pass
        frame = pl.read_csv(block.data, schema=dict.fromkeys(kinds, pl.String()), **options)
        return (_emptied(frame) if has_quotes else frame), True

    def _by_rows(
        self, chunks: Iterator[bytes], n_skip: int, first_line: int, *, last: bool = True
    ) -> Iterator[tuple[pl.DataFrame, bool]]:
        names = self.layout.names
        reader = self.layout.dialect.rows(text_of(chunks))
        records = islice(_numbered(reader, first_line), n_skip, None)
        size = max(100, _N_CELLS // len(names))
        batch = list(islice(records, size))
        while batch:
            following = list(islice(records, size))
            if following and len(following) < 30:
                batch, following = batch + following, []
            self._check_end(batch[-1], at_end=not following)
            rows = self._mender.mend(batch, last=last and not following)
            columns = zip(*rows, strict=True) if rows else ([] for _ in names)
            frame = pl.DataFrame([pl.Series(n, c, pl.String) for n, c in zip(names, columns, strict=True)])
            yield _emptied(frame), True
            batch = following

    def _check_end(self, record: tuple[int, list[str]], *, at_end: bool) -> None:
        """Refuse a last record that a quote which never closes has made of many lines."""
        line, row = record
        if at_end and row and len(row) != len(self.layout.names) and row[-1].count("\n") > 3:
            raise self._source.error(
                f"has a quote that opens on line {line:,} and never closes",
                'close it, or double it ("") where it is part of the text',
            )

    def _encoding_findings(self) -> Iterator[Finding]:
        encoding, n_repaired = self.layout.encoding, self._decoder.n_repaired
        if encoding not in ("utf-8", "utf-8-sig"):
            lost = f"; {n_repaired:,} characters could not be read" if n_repaired else ""
            yield Finding(
                code="D001",
                title="not UTF-8",
                severity="warning" if n_repaired else "info",
                evidence=f"read as {encoding}{lost}",
                advice=f"if letters look wrong:    iconv -f ENCODING -t UTF-8 {self._source.name}",
            )
        elif n_repaired:
            yield Finding(
                code="D001",
                title="stray bytes in UTF-8",
                severity="warning",
                evidence=f"{n_repaired:,} stretches are not UTF-8, the first on line {self._decoder.first_repaired:,}",
                action="read as Windows-1252",
            )


def _layout(source: Source, head: bytes, dialect: Dialect | None, *, complete: bool) -> Layout:
    encoding = detect_encoding(head)
    decoded = Decoder(encoding, source.name).decode(iter([head]))
    text = b"".join(decoded).decode("utf-8", "replace")
    _refuse_binary(source, text)
    returns_only = "\n" not in text and "\r" in text
    if returns_only:
        text = text.replace("\r", "\n")
    if not text.strip():
        raise source.error("holds nothing but blanks", "a table needs a header line and at least one row")
    lines = list(io.StringIO(text, newline=""))
    dialect = dialect or sniff(lines[:400], complete=complete and len(lines) <= 400)
    first = 1 if lines[0].lstrip('"').startswith("sep=") else 0
    rows = list(islice(dialect.rows(lines), _N_INFER))
    if len(rows) > 2 and not complete:
        rows.pop()
    rows = [[] if i < first else row for i, row in enumerate(rows)]
    n_looked_at = max(30, _N_CELLS_LOOKED_AT // usual_length(rows[:100]))
    header = find_header(rows[:n_looked_at])
    body = [row for row in rows[header.n_skip :] if len(row) == len(header.names)]
    if not any(map(any, rows[header.n_skip :])) and complete:
        raise source.error(
            f"has a header but no rows: {', '.join(header.names[:6])}", "a table needs at least one row of values"
        )
    columns = zip(*body, strict=True) if body else ([] for _ in header.names)
    kinds = kinds_of(pl.DataFrame([pl.Series(n, c, pl.String) for n, c in zip(header.names, columns, strict=True)]))
    return Layout(
        encoding,
        dialect,
        header,
        kinds,
        decimal_mark(body[: n_looked_at // 4]),
        returns_only,
        tuple(_odd_quoting(dialect)),
    )


def _odd_quoting(dialect: Dialect) -> Iterator[Finding]:
    if dialect.wrapped:
        yield Finding(
            code="D006",
            title="whole lines in quotes",
            severity="info",
            evidence="every line stands in double quotes, so that it looks like one column",
            action=f"the quotes were taken off, the fields set apart at {dialect.delimiter!r}",
        )
    if dialect.quote is None:
        yield Finding(
            code="D006",
            title="quotes that are part of the text",
            severity="info",
            evidence="double quotes open and never close, so they do not set off fields",
            action="read as letters like others",
        )


def _refuse_binary(source: Source, text: str) -> None:
    if re.match(r"\s*<(!doctype|html|\?xml)", text[:1000], re.IGNORECASE):
        raise source.error(
            f"is a web page or XML, not a table: it starts with {text.strip()[:40]!r}",
            "perhaps a download gave an error page instead of the file",
        )
    sample = text[: 1 << 16]
    n_control = sum(c < " " and c not in "\t\n\r\x0b\x0c\x1a\x1f\x01" for c in sample) + sample.count("\ufffd")
    if n_control > 0.02 * len(sample):
        raise source.error(
            f"is no text and no format known here: it starts with {sample[:12]!r}",
            "known: csv, tsv, parquet, feather, json, jsonl, xlsx; each also as gz or zst",
        )


def _numbered(reader: Any, first_line: int) -> Iterator[tuple[int, list[str]]]:
    """The records of a `csv.reader`, each with the line on which it begins."""
    line = first_line
    for row in reader:
        yield line, row
        line = first_line + reader.line_num


def _emptied(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with empty strings made missing."""
    return frame.with_columns(pl.when(pl.col(pl.String).str.len_bytes() > 0).then(pl.col(pl.String)).name.keep())
