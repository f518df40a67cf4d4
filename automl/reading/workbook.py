"""Excel workbooks: the first sheet with a table, as text, so that it is sniffed like any other text table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import polars as pl

from automl.profile import Finding
from automl.reading.dialect import Dialect
from automl.reading.source import Source

WORKBOOK_DIALECT = Dialect(",", '"')
"""The dialect in which a sheet is handed on."""


def read_workbook(source: Source) -> tuple[bytes, str, list[Finding]]:
    """The first sheet that is not empty as csv, its name, and what was found.

    Raises:
        DataError: The workbook is damaged, protected or empty.
    """
    import fastexcel

    try:
        book = fastexcel.read_excel(source.content())
        frames = {name: _sheet(book, name) for name in book.sheet_names}
    except fastexcel.FastExcelError as error:
        raise source.error(
            f"could not be read as an Excel workbook: {str(error).splitlines()[0][:150]}",
            "it may be damaged or protected by a password: open it, save it again without one, or export a csv",
        ) from None
    filled = [name for name, frame in frames.items() if frame.height and frame.width]
    if not filled:
        raise source.error(f"is a workbook without a filled sheet: {', '.join(frames)}")
    return _as_csv(frames[filled[0]]), filled[0], list(_others(filled))


def _sheet(book: object, name: str) -> pl.DataFrame:
    sheet = book.load_sheet(name, header_row=None, dtypes="string")  # type: ignore[attr-defined]  # fastexcel is untyped
    frame = pl.DataFrame(sheet)
    empty = [column for column in frame.columns if frame[column].null_count() == frame.height]
    return frame.drop(empty)


def _as_csv(frame: pl.DataFrame) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(frame.iter_rows())
    return buffer.getvalue().encode()


def _others(filled: list[str]) -> Iterator[Finding]:
    if len(filled) > 1:
        yield Finding(
            code="D008",
            title="several sheets",
            severity="warning",
            evidence=f"{len(filled)} sheets are filled: {', '.join(filled[:6])}",
            action=f"only {filled[0]!r} was read",
            advice="put the table on the first sheet, or export the sheet you mean as csv",
        )
