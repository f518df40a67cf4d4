"""How the fields of a text file are set apart: delimiter, quotes, blanks; sniffed from its first records."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

BLANKS = " "
"""The delimiter that stands for any run of blanks and tabs."""

NONE = "\x1f"
"""The delimiter of a file of one column whose values hold commas: one that text does not hold."""

_DELIMITERS = (",", "\t", ";", "|", "^", "~", "\x1f", "\x01")
_NUMBER = re.compile(r"^[-+]?[$€£]?(\d[\d.,]*|[.,]\d+)([eE][-+]?\d+)?\s*%?$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?$|^\d{1,2}:\d{2}(:\d{2})?$")
_DECIMAL_COMMA = re.compile(r"^[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+$")
_N_RECORDS = 300

csv.field_size_limit(2**31 - 1)


class Dialect(msgspec.Struct, frozen=True):
    """How the fields of a text file are set apart.

    Attributes:
        delimiter: One character; a blank stands for runs of blanks and tabs.
        quote: The quoting character; None if quotes mean nothing.
        escape: Character that takes the meaning from the next one, such as a backslash; None if there is none.
        wrapped: Whether every whole line stands in quotes.
        skip_blanks: Whether blanks after a delimiter do not count.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    wrapped: bool = False
    skip_blanks: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the fast reader understands it."""
        return not (self.escape or self.wrapped or self.skip_blanks or self.delimiter == BLANKS)

    def rows(self, lines: Iterable[str]) -> Any:
        """A `csv.reader` of the lines."""
        blanks = self.delimiter == BLANKS
        if self.wrapped:
            lines = (_unwrapped(line) for line in lines)
        elif blanks:
            lines = (line.replace("\t", " ").strip() + "\n" for line in lines)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape,
            doublequote=self.escape is None,
            skipinitialspace=blanks or self.skip_blanks,
        )

    def records(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The fields of every record, empty lines left out."""
        return (row for row in self.rows(lines) if row)


def sniff(lines: Sequence[str], *, complete: bool) -> Dialect:
    """The dialect that makes the most regular table of sensible cells.

    The score of a dialect is the share of records with the usual number of fields, times (fields - 1) / fields,
    times the share of cells that look like a value: the pattern and type scores of van den Burg, Nazabal, Sutton,
    "Wrangling messy CSV files by detecting row and type patterns" (2019, arXiv 1811.11242), with fewer types.

    Args:
        lines: The first lines of the file, with their ends.
        complete: Whether these are all the lines; otherwise the last record is not looked at.
    """
    told = re.match(r'^"?sep=(.)"?\s*$', lines[0]) if lines else None
    if told:
        return _with_quotes(Dialect(told[1]), lines[1:], complete)
    if _is_wrapped(lines):
        inner = sniff([_unwrapped(line) for line in lines], complete=complete)
        if inner.delimiter != "," or _score(inner, [_unwrapped(line) for line in lines], complete) > 0:
            return Dialect(inner.delimiter, inner.quote, wrapped=True)
    quote = '"' if any('"' in line for line in lines) or not _in_single_quotes(lines) else "'"
    present = [d for d in _DELIMITERS if any(d in line for line in lines)] or [","]
    scores = {d: max(_score(c, lines, complete) for c in _with_blanks(d, quote, lines)) for d in present}
    delimiter = max(scores, key=lambda d: scores[d])
    blanks = Dialect(BLANKS, quote)
    if _score(blanks, lines, complete) * 0.8 > scores[delimiter] and _is_numeric(blanks, lines):
        return blanks
    if scores[delimiter] == 0:
        delimiter = _delimiter_of_ragged(quote, lines, complete)
    return _with_quotes(Dialect(delimiter, quote), lines, complete)


def usual_length(records: Sequence[Sequence[str]]) -> int:
    """The most frequent number of fields; the larger one of equals."""
    lengths = Counter(map(len, records))
    return max(lengths, key=lambda n: (lengths[n], n)) if lengths else 0


def decimal_mark(records: Sequence[Sequence[str]]) -> str:
    """The decimal mark of the numbers in the records: a comma where numbers with it outweigh those with a point."""
    cells = [cell.strip() for row in records for cell in row]
    n_comma = sum(bool(_DECIMAL_COMMA.match(c)) and not re.match(r"^[-+]?\d{1,3}(,\d{3})+$", c) for c in cells)
    n_point = sum(bool(re.match(r"^[-+]?\d+\.\d+$", c)) for c in cells)
    return "," if n_comma > n_point else "."


def _with_blanks(delimiter: str, quote: str, lines: Sequence[str]) -> list[Dialect]:
    """The dialect, and the one that skips blanks after the delimiter if quotes follow such blanks."""
    spaced = any(f"{delimiter} {quote}" in line for line in lines[:_N_RECORDS])
    return [Dialect(delimiter, quote), *([Dialect(delimiter, quote, skip_blanks=True)] if spaced else [])]


def _delimiter_of_ragged(quote: str, lines: Sequence[str], complete: bool) -> str:
    """The delimiter that the header and most records hold, none of these longer than the header; else none."""
    for delimiter in (d for d in _DELIMITERS if d in lines[0]):
        lengths = [len(row) for row in _head(Dialect(delimiter, quote), lines, complete)]
        if lengths and lengths[0] == max(lengths) > 1 and sum(n > 1 for n in lengths) > 0.5 * len(lengths):
            return delimiter
    return "," if not any("," in line for line in lines) else NONE


def _unwrapped(line: str) -> str:
    body = line.rstrip("\r\n")
    if len(body) >= 2 and body[0] == body[-1] == '"':
        return body[1:-1].replace('""', '"') + "\n"
    return body + "\n"


def _is_wrapped(lines: Sequence[str]) -> bool:
    bodies = [body for line in lines[:_N_RECORDS] if (body := line.strip())]
    if len(bodies) < 2 or sum(b[0] == b[-1] == '"' and len(b) > 1 for b in bodies) < 0.9 * len(bodies):
        return False
    alone = sum('"' not in body[1:-1].replace('""', "") for body in bodies)
    inner = [next(iter(csv.reader([_unwrapped(body)])), []) for body in bodies]
    return alone >= 0.9 * len(bodies) and usual_length(inner) >= 3 and usual_length(inner) == len(inner[0])


def _in_single_quotes(lines: Sequence[str]) -> bool:
    text = "".join(lines[:_N_RECORDS])
    return (
        len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\n]|$)", text, re.MULTILINE)) > 2 * len(lines[:_N_RECORDS]) / 3
    )


def _head(dialect: Dialect, lines: Sequence[str], complete: bool) -> list[list[str]]:
    rows = list(islice(dialect.records(lines), _N_RECORDS + 1))
    return rows if complete and len(rows) <= _N_RECORDS else rows[:-1] or rows


def _score(dialect: Dialect, lines: Sequence[str], complete: bool) -> float:
    records = _head(dialect, lines, complete)
    n_fields = usual_length(records)
    if n_fields < 2:
        return 0.0
    usual = [row for row in records if len(row) == n_fields]
    regular = len(usual) / len(records)
    if regular < 0.6 and not (dialect.delimiter in "\t;" and regular > 0.3):
        return 0.0
    body = usual[1:] or usual
    cells = [cell.strip() for row in body[: max(5, 4000 // n_fields)] for cell in row]
    sensible = sum(_looks_like_value(cell, dialect) for cell in cells) / len(cells)
    if n_fields == 2 and len(records[0]) == 1 and all(_NUMBER.match(cell) for cell in cells):
        return 0.0  # one column of numbers with a decimal comma
    begins = min(i for i, row in enumerate(records) if len(row) == n_fields)
    titled = all(len(row) < max(2, n_fields - 1) for row in records[:begins])
    header = 1.0 if begins == 0 or (titled and n_fields > 2) or len(records[0]) >= n_fields - 1 > 1 else 0.4
    return regular * (n_fields - 1) / n_fields * sensible * header


def _looks_like_value(cell: str, dialect: Dialect) -> float:
    if not cell or _NUMBER.match(cell) or _DATE.match(cell):
        return 1.0
    if re.match(r"^[-+.\d]+(\s+[-+.\d]+){2,}", cell):
        return 0.0
    if dialect.quote and cell.count(dialect.quote) % 2:
        return 0.2
    others = sum(d in cell for d in ",;\t|" if d != dialect.delimiter)
    return 1.0 if not others else 0.8 if " " in cell else 0.4


def _is_numeric(dialect: Dialect, lines: Sequence[str]) -> bool:
    cells = [cell for row in islice(dialect.records(lines), 1, 50) for cell in row]
    torn = sum(cell[-1:] in (",", ";", "|") for cell in cells)
    return sum(bool(_NUMBER.match(cell)) or cell == "?" for cell in cells) > 0.4 * len(cells) and not torn


def _with_quotes(dialect: Dialect, lines: Sequence[str], complete: bool) -> Dialect:
    """The dialect with the way of quoting that gives the most regular records."""
    text = "".join(lines[:_N_RECORDS])
    quote = dialect.quote
    if not quote or quote not in text:
        return dialect
    d = re.escape(dialect.delimiter)
    choices = [dialect]
    if re.search(rf"(?:{d}) +{quote}", text):
        choices.append(Dialect(dialect.delimiter, quote, skip_blanks=True))
    if "\\" + quote in text:
        choices.append(Dialect(dialect.delimiter, quote, escape="\\"))
    if text.count(quote) % 2 or re.search(rf"(?:^|{d}){quote}[^{quote}]*{quote}[^{d}\r\n{quote}]", text, re.MULTILINE):
        choices.append(Dialect(dialect.delimiter, None))
    return max(choices, key=lambda choice: _regularity(choice, lines, complete))


def _regularity(dialect: Dialect, lines: Sequence[str], complete: bool) -> tuple[float, int]:
    records = _head(dialect, lines, complete)
    n_fields = usual_length(records)
    n_usual = sum(len(row) == n_fields for row in records)
    left = sum(cell.count('"') for row in records for cell in row)
    wide = sum("\n" in cell for row in records for cell in row)
    return round(n_usual / max(len(records), 1), 3), -left - 3 * wide + (5 * n_usual if dialect.escape else 0)
