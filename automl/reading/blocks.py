"""A text file in blocks of whole records, each checked so that the fast reader cannot misread it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.reading.dialect import Dialect

BLOCK = 16 << 20
"""Bytes of a block; more where a record is longer."""

_NEWLINE, _RETURN, _ZERO, _PLUS, _MINUS, _BLANK = b"\n\r0+- "


class Block(msgspec.Struct, frozen=True):
    """Some whole records.

    Attributes:
        data: Their bytes, UTF-8.
        first_line: The line of the file on which they begin, from 1.
        quoted_well: Whether every quote opens or closes a field, or is doubled.
        even: Whether every record has the usual number of fields and no line is empty.
        codes: Whether a field may start with a zero and a digit, or a plus.
        last: Whether the file ends with it.
    """

    data: bytes
    first_line: int
    quoted_well: bool
    even: bool
    codes: bool
    last: bool


class _Scan(msgspec.Struct, frozen=True):
    ends: NDArray[np.int64]
    delimiters: NDArray[np.int64]
    n_newlines: int
    quoted_well: bool


def cut(
    chunks: Iterator[bytes], dialect: Dialect, n_fields: int, first_line: int, size: int = BLOCK
) -> Iterator[Block]:
    """Blocks of whole records, in order.

    A block that is not quoted well runs to wherever the quotes seem balanced: the caller reads it, and all that
    follows, with a reader that understands more.
    """
    buffer = bytearray()
    wanted = size
    for chunk in chunks:
        buffer += chunk
        if len(buffer) < wanted:
            continue
        data = bytes(buffer)
        scan = _scan(data, dialect)
        if scan.quoted_well and not len(scan.ends):
            wanted = 2 * len(buffer)
            continue
        end = int(scan.ends[-1]) + 1 if scan.quoted_well else len(data)
        yield _block(data[:end], _until(scan, end), dialect, n_fields, first_line, last=False)
        first_line += data.count(b"\n", 0, end)
        buffer = bytearray(data[end:])
        wanted = size
    data = bytes(buffer)
    yield _block(data, _scan(data, dialect), dialect, n_fields, first_line, last=True)


def skip_records(data: bytes, dialect: Dialect, n_records: int) -> tuple[int, int]:
    """Where the data goes on after so many records (empty lines among them count), and the lines that were passed."""
    if n_records == 0:
        return 0, 0
    scan = _scan(data, dialect)
    end = int(scan.ends[n_records - 1]) + 1 if len(scan.ends) >= n_records else len(data)
    return end, data.count(b"\n", 0, end)


def _scan(data: bytes, dialect: Dialect) -> _Scan:
    a = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(a == _NEWLINE)
    delimiters = np.flatnonzero(a == ord(dialect.delimiter))
    n_newlines = len(ends)
    quote = ord(dialect.quote) if dialect.quote else None
    if quote is None or chr(quote).encode() not in data:
        return _Scan(ends, delimiters, n_newlines, quoted_well=True)
    quotes = np.flatnonzero(a == quote)
    ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    allowed = np.zeros(256, bool)
    allowed[[quote, _NEWLINE, ord(dialect.delimiter)]] = True
    before = a[np.maximum(quotes[0::2] - 1, 0)]
    opens = allowed[before] | (quotes[0::2] == 0)
    after = a[np.minimum(quotes[1::2] + 1, len(a) - 1)]
    allowed[_RETURN] = True
    closes = allowed[after] | (quotes[1::2] == len(a) - 1)
    return _Scan(ends, delimiters, n_newlines, bool(opens.all() and closes.all()))


def _until(scan: _Scan, end: int) -> _Scan:
    return _Scan(
        scan.ends[: np.searchsorted(scan.ends, end)],
        scan.delimiters[: np.searchsorted(scan.delimiters, end)],
        scan.n_newlines,
        scan.quoted_well,
    )


def _block(data: bytes, scan: _Scan, dialect: Dialect, n_fields: int, first_line: int, *, last: bool) -> Block:
    quoted_well = scan.quoted_well and not (last and _ends_inside_quotes(data, dialect))
    return Block(data, first_line, quoted_well, _is_even(data, scan, n_fields), _has_codes(data, dialect), last)


def _ends_inside_quotes(data: bytes, dialect: Dialect) -> bool:
    return dialect.quote is not None and data.count(dialect.quote.encode()) % 2 == 1


def _is_even(data: bytes, scan: _Scan, n_fields: int) -> bool:
    ends = scan.ends
    if data and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    n_before = np.searchsorted(scan.delimiters, ends)
    if bool((np.diff(n_before, prepend=0) != n_fields - 1).any()):
        return False
    if n_fields > 1:
        return True
    lengths = np.diff(ends, prepend=-1) - 1
    return not bool((lengths == 0).any()) and b"\n\r\n" not in data and not data.startswith(b"\r\n")


def _has_codes(data: bytes, dialect: Dialect) -> bool:
    a = np.frombuffer(data, np.uint8)
    if len(a) < 2:
        return False
    zero = a[:-1] == _ZERO
    zero &= (a[1:] - np.uint8(_ZERO)) < 10
    starts = np.zeros(256, bool)
    starts[[_NEWLINE, ord(dialect.delimiter), ord(dialect.quote or "\n")]] = True
    return any(_begins_field(a, at, starts) for at in (np.flatnonzero(zero), np.flatnonzero(a == _PLUS)))


def _begins_field(a: NDArray[np.uint8], at: NDArray[np.int64], starts: NDArray[np.bool_]) -> bool:
    """Whether one of the positions is the first of a field, blanks and a minus before it left aside."""
    before = a[np.maximum(at - 1, 0)]
    if bool((starts[before] | (at == 0)).any()):
        return True
    at = at[(before == _MINUS) | (before == _BLANK)]
    before = a[np.maximum(at - 2, 0)]
    return bool((starts[before] | (before == _BLANK) | (at <= 1)).any())
