"""Which lines of a text file are titles, which are the header, and what the columns are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

import msgspec

from automl.profile import Finding
from automl.reading.dialect import usual_length

CellKind: TypeAlias = Literal["number", "date", "text", ""]

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-", "--", ".", "#n/a", "missing", "unknown"})
"""Tokens, in small letters, that say nothing about the type of a column."""

_NUMBER = re.compile(r"^[-+]?[$€£]?(\d[\d.,]*|[.,]\d+)([eE][-+]?\d+)?\s*%?$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?$")


class Shape(msgspec.Struct, frozen=True):
    """What the cells of a column are like.

    Attributes:
        kind: number or date where at least 80 % of the values are, text otherwise; empty without values.
        values: Its distinct values, in the rows looked at.
        repeats: Whether they are few and come again and again.
    """

    kind: CellKind
    values: frozenset[str]
    repeats: bool


class Header(msgspec.Struct, frozen=True):
    """The head of a file.

    Attributes:
        n_skip: Records before the first row, empty lines among them.
        n_lines: Records of the header itself: 0, 1 or 2.
        names: Of the columns, unique.
        shapes: Of the columns, in the rows looked at.
    """

    n_skip: int
    n_lines: int
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    findings: tuple[Finding, ...]


def cell_kind(cell: str) -> CellKind:
    """number, date or text; empty for a token of missing."""
    cell = cell.strip()
    if cell.lower() in MISSING:
        return ""
    return "date" if _DATE.match(cell) else "number" if _NUMBER.match(cell) else "text"


def shapes_of(rows: Sequence[Sequence[str]], n_fields: int) -> tuple[Shape, ...]:
    """The shape of every column; rows of another length are left aside."""
    usual = [row for row in rows if len(row) == n_fields] or [row for row in rows if len(row) <= n_fields]
    return tuple(_shape([row[i] for row in usual if i < len(row)]) for i in range(n_fields))


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """The head of a file by its first records, empty lines among them.

    A first line is a header unless its cells are of the same kind as those below it: a number above numbers, a
    category that comes again. Years and running numbers above other numbers are names.
    """
    n_usual = usual_length([row for row in rows if row])
    start = _first_full(rows, n_usual)
    body = [row for row in rows[start:] if row]
    n_lines = _header_lines(body, n_usual)
    header = body[:n_lines]
    n_fields = max([n_usual, *map(len, header)])
    header = [_aligned(row, n_fields, body[n_lines:]) for row in header]
    names, findings = _names(header, n_fields)
    n_skip, left = start, n_lines
    while left:
        left -= bool(rows[n_skip])
        n_skip += 1
    titles = [" ".join(filter(None, row)) for row in rows[:start] if any(row)]
    if titles:
        findings.insert(0, _titles(titles))
    return Header(n_skip, n_lines, names, shapes_of(body[n_lines:], n_fields), tuple(findings))


def unique_names(names: Sequence[str]) -> tuple[tuple[str, ...], list[Finding]]:
    """Names without doubles and none empty, and what was changed."""
    bare = [" ".join(name.strip().splitlines()) for name in names]
    given = {f"column_{i + 1}": i for i, name in enumerate(bare) if not name}
    bare = [name or f"column_{i + 1}" for i, name in enumerate(bare)]
    counts, taken = Counter(bare), set(bare)
    result: list[str] = []
    renamed: list[str] = []
    for name in bare:
        unique, k = name, 2
        if name in result:
            while unique in taken:
                unique, k = f"{name}_{k}", k + 1
            renamed.append(unique)
        taken.add(unique)
        result.append(unique)
    findings = []
    if given:
        shown = ", ".join(f"{i + 1}" for i in list(given.values())[:8]) + (", …" if len(given) > 8 else "")
        what = f"{len(given)} of {len(bare)} columns have no name: number {shown}"
        findings.append(_named("columns without a name", tuple(given), what, "called column_1, column_2, … by place"))
    if renamed:
        twice = ", ".join(repr(name) for name, count in counts.items() if count > 1)
        findings.append(_named("column names that come twice", tuple(renamed), twice, "numbered: name_2, name_3, …"))
    return tuple(result), findings


def _named(title: str, columns: tuple[str, ...], evidence: str, action: str) -> Finding:
    return Finding(code="D004", title=title, severity="info", columns=columns, evidence=evidence, action=action)


def _titles(titles: Sequence[str]) -> Finding:
    return Finding(
        code="D005",
        title="lines before the table",
        severity="info",
        evidence=f"{len(titles)} before the header: " + "; ".join(repr(t[:60]) for t in titles[:3]),
        action="left out",
    )


def _shape(cells: Sequence[str]) -> Shape:
    kinds = Counter(kind for cell in cells if (kind := cell_kind(cell)))
    values = frozenset(stripped for cell in cells if (stripped := cell.strip()))
    if not kinds:
        return Shape("", values, repeats=False)
    kind, count = kinds.most_common(1)[0]
    most: CellKind = kind if count >= 0.8 * kinds.total() else "text"
    return Shape(most, values, repeats=len(values) <= 60 and len(values) < 0.5 * len(cells))


def _first_full(rows: Sequence[Sequence[str]], n_usual: int) -> int:
    """Index of the first record that is part of the table."""
    enough = 1 if n_usual == 1 else max(2, 0.3 * n_usual)
    for i, row in enumerate(rows[:50]):
        if len(row) >= min(n_usual, max(2, n_usual - 1)) and sum(map(bool, row)) >= enough:
            return i
        following = rows[i + 1] if i + 1 < len(rows) else ()
        if len(row) == n_usual == 2 and any(row) and any(cell_kind(c) in ("number", "date") for c in following):
            return i
    return next((i for i, row in enumerate(rows) if row), 0)


def _header_lines(body: Sequence[Sequence[str]], n_usual: int) -> int:
    if not body:
        return 0
    if len(body) == 1:
        return 0 if any(cell_kind(c) in ("number", "date") for c in body[0]) else 1
    if not _is_header(body[0], shapes_of(body[1:500], n_usual), body[1:]):
        return 0
    return 2 if len(body) > 3 and _is_second_header(body[0], body[1], shapes_of(body[2:500], n_usual)) else 1


def _is_header(row: Sequence[str], shapes: Sequence[Shape], body: Sequence[Sequence[str]]) -> bool:
    if _lacks_first_name(row, body[:50], len(shapes)):
        return not any(cell_kind(c) == "number" for c in row) or _are_labels(row, shapes[1:])
    pairs = [(cell.strip(), shape) for cell, shape in zip(row, shapes, strict=False) if cell_kind(cell)]
    typed = [(cell, shape) for cell, shape in pairs if shape.kind in ("number", "date")]
    n_for = sum(cell_kind(cell) != shape.kind for cell, shape in typed)
    n_same = len(typed) - n_for
    texts = [(cell, shape) for cell, shape in pairs if shape.kind == "text"]
    n_again = sum(cell in shape.values for cell, shape in texts)
    if n_same and _are_labels(row, shapes):
        return True
    if n_for or n_same:
        return n_for > n_same + (n_again if n_again > 0.25 * len(texts) else 0)
    numbers = sum(cell_kind(cell) == "number" for cell, _ in texts)
    return n_again < max(1, 0.25 * len(texts)) and numbers < max(1, 0.5 * len(texts))


def _are_labels(row: Sequence[str], shapes: Sequence[Shape]) -> bool:
    """Whether the numbers in the row are names: years above other values, or running numbers."""
    pairs = [(cell.strip(), shape) for cell, shape in zip(row, shapes, strict=False) if cell_kind(cell) == "number"]
    if not all(cell.isdigit() for cell, _ in pairs):
        return False
    numbers = [int(cell) for cell, _ in pairs]
    if len(numbers) >= 3 and len({b - a for a, b in pairwise(numbers)}) == 1:
        return numbers[0] != numbers[1]
    return all(1800 <= number <= 2100 for number in numbers) and not any(_has_years(shape) for _, shape in pairs)


def _has_years(shape: Shape) -> bool:
    numbers = [float(value) for value in shape.values if re.match(r"^-?\d+(\.\d+)?$", value)]
    return bool(numbers) and 1800 <= median(numbers) <= 2100


def _is_second_header(first: Sequence[str], second: Sequence[str], shapes: Sequence[Shape]) -> bool:
    if any(cell_kind(cell) in ("number", "date") for cell in second):
        return False
    typed = [cell for cell, shape in zip(second, shapes, strict=False) if shape.kind in ("number", "date")]
    texts = [cell for cell in typed if cell_kind(cell) == "text"]
    empty = [i for i, cell in enumerate(first) if not cell.strip()]
    n_filled = sum(bool(second[i].strip()) for i in empty if i < len(second))
    if texts:
        return n_filled >= 0.5 * len(empty) if empty else len(texts) == len(typed) >= 3 and len(set(texts)) > 1
    again = any(cell and cell in shape.values for cell, shape in zip(second, shapes, strict=False))
    return bool(empty) and n_filled == len(empty) and not second[0] and not again


def _aligned(row: Sequence[str], n_fields: int, body: Sequence[Sequence[str]]) -> list[str]:
    if _lacks_first_name(row, body, n_fields):
        return ["", *row]
    return [*row, *[""] * (n_fields - len(row))]


def _lacks_first_name(row: Sequence[str], body: Sequence[Sequence[str]], n_fields: int) -> bool:
    """Whether the rows have names of their own that the header, one shorter, does not name, as R writes them."""
    full = bool(body) and all(len(r) == n_fields for r in body)
    return len(row) == n_fields - 1 and full and any(r[-1].strip() for r in body)


def _names(header: Sequence[Sequence[str]], n_fields: int) -> tuple[tuple[str, ...], list[Finding]]:
    if not header:
        finding = Finding(
            code="D003",
            title="no header",
            severity="warning",
            evidence="the first line is like the lines below it",
            action=f"columns called column_1 to column_{n_fields}",
            advice="put a line with column names first",
        )
        return tuple(f"column_{i + 1}" for i in range(n_fields)), [finding]
    if len(header) == 1:
        return unique_names(header[0])
    upper, lower = header
    names, group = [], ""
    for i, (above, below) in enumerate(zip(upper, lower, strict=True)):
        group = above.strip() or group
        alone = above.strip() and (i + 1 == n_fields or upper[i + 1].strip())
        names.append(above if alone or not below.strip() else f"{group}: {below.strip()}" if group else below)
    unique, findings = unique_names(names)
    finding = Finding(
        code="D003",
        title="two header lines",
        severity="info",
        evidence=f"the second line names parts of the first: {', '.join(filter(None, lower))[:80]}",
        action="joined into one name a column",
    )
    return unique, [finding, *findings]
