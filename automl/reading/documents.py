"""JSON and JSON lines: records, columns, or one of pandas' shapes, made flat."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import polars as pl

from automl.profile import Finding
from automl.reading.columnar import flat
from automl.reading.encoding import Decoder, detect_encoding
from automl.reading.source import Source, peek

_BLOCK = 16 << 20


def read_json(source: Source) -> tuple[pl.DataFrame, list[Finding]]:
    """A JSON file: a list of objects, an object of lists or objects, or one list of objects inside an object.

    Raises:
        DataError: It is no JSON, or not a table in one of these shapes.
    """
    content = b"".join(_utf_8(source))
    try:
        document = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        if _first_line_is_whole(content):
            return _all_lines(iter([content]), source)
        raise source.error(f"is no valid JSON: {error}", *_at(content, str(error))) from None
    records = _records(document)
    if records is None:
        raise source.error(
            f"is JSON, but no table: it holds {_shape(document)}",
            'known shapes: [{"a": 1}, …], {"a": [1, …]}, {"columns": […], "data": [[…], …]}, and JSON lines',
        )
    if not records:
        raise source.error("is JSON without a row", "a table needs at least one row of values")
    return _frame(records)


def read_json_lines(source: Source, n_rows: int | None = None) -> tuple[pl.DataFrame, list[Finding]]:
    """JSON lines: one object a line.

    Raises:
        DataError: A line is no JSON object.
    """
    return _all_lines(_utf_8(source), source, n_rows)


def json_line_batches(source: Source, batch_rows: int) -> Iterator[pl.DataFrame]:
    """The rows of JSON lines in order, at most so many at a time."""
    n_lines = 0
    for block in _blocks(_utf_8(source)):
        frame, _ = _lines_frame(block, source, n_lines)
        n_lines += block.count(b"\n")
        yield from frame.iter_slices(batch_rows)


def _all_lines(
    chunks: Iterator[bytes], source: Source, n_rows: int | None = None
) -> tuple[pl.DataFrame, list[Finding]]:
    frames: list[pl.DataFrame] = []
    findings: dict[tuple[str, tuple[str, ...]], Finding] = {}
    n_lines = height = 0
    for block in _blocks(chunks):
        frame, found = _lines_frame(block, source, n_lines)
        n_lines += block.count(b"\n")
        findings |= {(f.title, f.columns): f for f in found}
        frames.append(frame)
        height += frame.height
        if n_rows is not None and height >= n_rows:
            break
    if not height:
        raise source.error("holds no JSON object", "a table needs at least one row of values")
    return _joined(frames).head(n_rows or height), list(findings.values())


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame of all; a column that is text in one of them is text in all."""
    dtypes: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            dtypes.setdefault(name, set()).add(dtype)
    text = {name for name, seen in dtypes.items() if pl.String in seen and len(seen) > 1}
    frames = [f.with_columns(f.get_column(n).cast(pl.String) for n in f.columns if n in text) for f in frames]
    return pl.concat(frames, how="diagonal_relaxed", rechunk=True)


def _utf_8(source: Source) -> Iterator[bytes]:
    head, rest = peek(source.chunks(), 1 << 16)
    return Decoder(detect_encoding(head), source.name).decode(chain([head], rest))


def _blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= _BLOCK and (end := buffer.rfind(b"\n") + 1):
            yield bytes(buffer[:end])
            del buffer[:end]
    if buffer.strip():
        yield bytes(buffer)


def _lines_frame(block: bytes, source: Source, n_before: int) -> tuple[pl.DataFrame, list[Finding]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    lines = block.split(b"\n")
    try:
        records = [decoder.decode(line) for line in lines if line.strip()]
    except msgspec.MsgspecError:
        number, line, error = _bad_line(lines, decoder.decode)
        raise source.error(
            f"line {n_before + number:,}: no JSON object: {error}",
            f"the line holds: {line[:100].decode('utf-8', 'replace')}",
        ) from None
    return _frame(records)


def _bad_line(lines: list[bytes], decode: Callable[[bytes], Any]) -> tuple[int, bytes, str]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                decode(line)
            except msgspec.MsgspecError as error:
                return number, line, str(error)
    return 0, b"", ""


def _frame(records: Sequence[Mapping[str, Any]]) -> tuple[pl.DataFrame, list[Finding]]:
    """Records as a flat frame; keys in the order in which they first come."""
    names = dict.fromkeys(name for record in records for name in record)
    spread = {n for n in names if any(isinstance(r.get(n), dict) for r in records)}
    columns: dict[str, list[Any]] = {}
    for name in names:
        values = [record.get(name) for record in records]
        if name not in spread:
            columns[name] = values
            continue
        members = dict.fromkeys(m for value in values if isinstance(value, dict) for m in value)
        for member in members:
            columns[f"{name}.{member}"] = [v.get(member) if isinstance(v, dict) else None for v in values]
        if any(value is not None and not isinstance(value, dict) for value in values):
            columns.setdefault(name, [None if isinstance(v, dict) else v for v in values])
    findings = []
    if spread:
        findings.append(_nested("objects inside a column", tuple(spread), "one column a member, called column.member"))
    lists = tuple(n for n, values in columns.items() if any(isinstance(v, (list, dict)) for v in values))
    if lists:
        findings.append(_nested("lists inside a column", lists, "read as JSON text"))
    frame = pl.DataFrame([_series(name or "column_1", values) for name, values in columns.items()])
    return flat(frame)[0], findings


def _series(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pl.Series(name, values, pl.Int64)
    if kinds <= {int, float}:
        return pl.Series(name, [None if v is None else float(v) for v in values], pl.Float64)
    if kinds == {bool}:
        return pl.Series(name, values, pl.Boolean)
    return pl.Series(name, [_text(value) for value in values], pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return msgspec.json.encode(value).decode()


def _nested(title: str, names: tuple[str, ...], action: str) -> Finding:
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return Finding(code="D007", title=title, severity="info", columns=names, evidence=shown, action=action)


def _records(document: Any) -> list[Any] | None:
    """The rows of a document as objects; None if it is no table."""
    if isinstance(document, list):
        return _records_of_list(document)
    if not isinstance(document, dict) or not document:
        return None
    if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
        return [dict(zip(map(str, document["columns"]), row, strict=False)) for row in document["data"]]
    return _records_of_object(document)


def _records_of_list(rows: list[Any]) -> list[Any] | None:
    if all(isinstance(row, dict) for row in rows):
        return rows
    if not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        return None
    names = rows[0]
    if len(rows) > 1 and all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return [dict(zip(names, row, strict=True)) for row in rows[1:]]
    return [{f"column_{i + 1}": value for i, value in enumerate(row)} for row in rows]


def _records_of_object(document: dict[str, Any]) -> list[Any] | None:
    values = list(document.values())
    if all(isinstance(v, list) and len(v) == len(values[0]) for v in values) and not _is_wrapper(values):
        return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
    if all(isinstance(v, dict) for v in values):
        index = dict.fromkeys(key for value in values for key in value)
        return [{name: column.get(key) for name, column in document.items()} for key in index]
    tables = [v for v in values if isinstance(v, list) and v and all(isinstance(row, dict) for row in v)]
    if len(tables) == 1:
        return list(tables[0])
    return None if any(isinstance(v, (list, dict)) for v in values) else [document]


def _is_wrapper(values: list[Any]) -> bool:
    return len(values) == 1 and bool(values[0]) and all(isinstance(row, dict) for row in values[0])


def _shape(document: Any) -> str:
    if isinstance(document, dict):
        return f"an object with {', '.join(map(repr, list(document)[:5]))}"
    return f"a list of {type(document[0]).__name__}" if isinstance(document, list) and document else repr(document)[:40]


def _first_line_is_whole(content: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(content.lstrip().split(b"\n", 1)[0]), dict)
    except msgspec.DecodeError:
        return False


def _at(content: bytes, error: str) -> list[str]:
    found = re.search(r"byte (\d+)", error)
    if not found:
        return ["it may be cut short: copy or download it again"]
    place = int(found[1])
    line = content.count(b"\n", 0, place) + 1
    near = content[max(0, place - 20) : place + 20].decode("utf-8", "replace")
    return [f"on line {line:,}, near: {near!r}"]
