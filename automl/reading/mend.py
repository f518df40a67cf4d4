"""Rows of another length than the header: padded, put together again, or refused with their line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from automl.errors import DataError
from automl.profile import Finding
from automl.reading.header import Shape, cell_kind

_N_SHOWN = 5


class Mender:
    """Makes every record as long as the header and remembers what it did.

    Args:
        shapes: What the cells of each column are like.
        delimiter: Put back where a field was torn apart at one.
        name: Of the file, for errors.
    """

    def __init__(self, shapes: Sequence[Shape], delimiter: str, name: str) -> None:
        self._shapes = shapes
        self._n_fields = len(shapes)
        self._delimiter = delimiter
        self._name = name
        self._padded: list[int] = []
        self._shifted: list[tuple[int, int]] = []
        self._joined: list[int] = []
        self._footers: list[tuple[int, str]] = []

    def mend(self, records: Iterable[tuple[int, list[str]]], *, last: bool) -> list[list[str]]:
        """The records, all of one length, empty lines left out.

        Args:
            records: (line in the file, fields).
            last: Whether the file ends with them; lines below the table are then left out.

        Raises:
            DataError: A record is too long and no text column can have been torn apart.
        """
        rows = list(records)
        if last:
            rows = self._without_footers(rows)
        return [self._mended(line, row) for line, row in rows if row]

    def findings(self) -> Iterator[Finding]:
        """What was mended."""
        parts = []
        if self._padded:
            parts.append(f"{len(self._padded):,} too short, filled at the end with missing ({_lines(self._padded)})")
        if self._shifted:
            what = ", ".join(f"line {line:,} before column {place + 1}" for line, place in self._shifted[:_N_SHOWN])
            parts.append(f"{len(self._shifted):,} shifted to the left: a missing cell put in, {what}")
        if self._joined:
            parts.append(f"{len(self._joined):,} too long: a torn text joined again ({_lines(self._joined)})")
        if parts:
            yield Finding(
                code="D002",
                title="rows of another length than the header",
                severity="warning",
                evidence="; ".join(parts),
                action="mended",
                advice="look at these lines; quote texts that hold the delimiter",
            )
        if self._footers:
            yield Finding(
                code="D005",
                title="lines below the table",
                severity="info",
                evidence="; ".join(f"line {line:,}: {text[:60]!r}" for line, text in self._footers[:3]),
                action="left out",
            )

    def _without_footers(self, rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
        end = len(rows)
        n_empty = 0
        for i in range(len(rows) - 1, max(len(rows) - 30, 0), -1):
            row = rows[i][1]
            if not any(cell.strip() for cell in row):
                n_empty += len(row) <= 1
                continue
            if self._n_fields < 3 or sum(bool(cell.strip()) for cell in row) > 1 or not row[0].strip():
                break
            apart = not any(cell.strip() for cell in rows[i - 1][1])
            if len(row) == self._n_fields and not apart and self._fit(row[0], 0) >= 0:
                break
            end = i
        for line, row in rows[end:]:
            if any(row):
                self._footers.append((line, " ".join(filter(None, row))))
        rows = rows[:end]
        while end < len(rows) + 1 and rows and self._footers and not any(rows[-1][1]):
            rows = rows[:-1]
        return rows

    def _mended(self, line: int, row: list[str]) -> list[str]:
        missing = self._n_fields - len(row)
        if missing == 0:
            return row
        return self._widened(line, row, missing) if missing > 0 else self._narrowed(line, row, -missing)

    def _widened(self, line: int, row: list[str], missing: int) -> list[str]:
        place = self._best_gap(row, missing)
        if place < len(row):
            self._shifted.append((line, place))
        else:
            self._padded.append(line)
        return row[:place] + [""] * missing + row[place:]

    def _best_gap(self, row: list[str], missing: int) -> int:
        """Where the missing cells were lost: at the end unless the kinds of the cells fit clearly better elsewhere."""
        left = list(accumulate((self._fit(cell, i) for i, cell in enumerate(row)), initial=0.0))
        right = list(
            accumulate((self._fit(cell, i + missing) for i, cell in reversed(list(enumerate(row)))), initial=0.0)
        )
        scores = [left[i] + right[len(row) - i] for i in range(len(row) + 1)]
        best = max(range(len(scores)), key=lambda i: (scores[i], i))
        return best if scores[best] >= scores[-1] + 2 else len(row)

    def _narrowed(self, line: int, row: list[str], extra: int) -> list[str]:
        if not any(cell.strip() for cell in row[self._n_fields :]):
            return row[: self._n_fields]
        left = list(accumulate((self._fit(cell, i) for i, cell in enumerate(row[: self._n_fields])), initial=0.0))
        tail = [self._fit(cell, i - extra) for i, cell in enumerate(row) if i >= extra]
        right = list(accumulate(reversed(tail), initial=0.0))
        best, place = float("-inf"), -1
        for i in range(self._n_fields):
            if self._shapes[i].kind in ("number", "date"):
                continue
            spaced = 0.5 * (row[i + 1][:1] == " " or self._delimiter == " ")
            score = left[i] + right[self._n_fields - 1 - i] + spaced - 0.5 * self._shapes[i].repeats
            if score > best:
                best, place = score, i
        if place < 0:
            raise DataError(
                f"{self._name}, line {line:,}: {len(row)} fields, but the header has {self._n_fields}",
                f"the line holds: {self._delimiter.join(row)[:100]}",
                "try:    quote the field that holds the delimiter, or delete the line",
            )
        self._joined.append(line)
        return [*row[:place], self._delimiter.join(row[place : place + extra + 1]), *row[place + extra + 1 :]]

    def _fit(self, cell: str, column: int) -> float:
        """How well a cell suits a column: 1 of its kind, -1 of another, about 0 where anything may stand."""
        shape = self._shapes[column]
        kind = cell_kind(cell)
        if not kind or not shape.kind:
            return 0.0 if not kind else -0.5
        if shape.kind in ("number", "date"):
            return 1.0 if kind == shape.kind else -1.0
        if shape.repeats:
            return 1.0 if cell.strip() in shape.values else -1.0
        return 0.0 if kind == "text" else -0.25


def _lines(lines: Sequence[int]) -> str:
    return "line " + ", ".join(f"{line:,}" for line in lines[:_N_SHOWN]) + (", …" if len(lines) > _N_SHOWN else "")
