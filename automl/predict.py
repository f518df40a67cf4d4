"""Predictions for a file, streamed: memory holds a few batches whatever the file's size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.bundle import Predictor, load_model
from automl.encoder import BadRows
from automl.errors import DataError, UsageError
from automl.features import BlockKind
from automl.hardware import count_cores
from automl.read import read, read_batches
from automl.table import Table
from automl.write import Writer, open_writer

OnBadRow: TypeAlias = Literal["fail", "skip", "null"]

BATCH_ROWS = 50_000
_LEAST_ROWS = 2_000
_MOST_BYTES = 64 << 20  # of the images, sounds and words that are in memory at a time, a core
_BYTES: dict[BlockKind, int] = {"image": 1, "audio": 2, "words": 4}
_REASONS = ("rejected_row", "rejected_reason")


@dataclass(frozen=True, slots=True)
class Done:
    """What was predicted.

    Attributes:
        n_rows: Rows read.
        n_bad: Rows with a value that could not be read.
        unused: Columns of the file that the model does not use.
    """

    n_rows: int
    n_bad: int
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Batch:
    """One batch: its columns' names, the output columns, the rows it rejected with why, and its size."""

    names: tuple[str, ...]
    columns: dict[str, Any]
    rejected: dict[str, Any]
    n_rows: int
    n_bad: int
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What to predict and how.

    Attributes:
        proba: Whether to add a column `proba_<class>` a class.
        keep: Columns of the file passed through, before the predictions.
        on_bad_row: What a value does that can't be read: fail the command, skip its row, or count as missing.
        rejects: Where rows with such values are written, with the reason; None for nowhere.
    """

    proba: bool = False
    keep: tuple[str, ...] = ()
    on_bad_row: OnBadRow = "fail"
    rejects: str | None = None
    batch_rows: int = BATCH_ROWS


def predict(model: str | Path, data: str, out: str | None, request: Request = Request()) -> Done:
    """Predict every row of a file, in its order.

    Args:
        model: The model file.
        data: A file, or "-" for standard input.
        out: Where to: csv, parquet or jsonl by suffix; None or "-" for standard output as csv.
        request: What to write, and what to do with bad rows.

    Raises:
        DataError: A column the model needs is missing, or (on_bad_row="fail") a value can't be read. Nothing is left
            half-written.
    """
    predictor = load_model(model)
    if request.proba and not predictor.task.is_classification:
        raise UsageError(
            f"--proba: {model} predicts values of {predictor.task.target!r}, not classes", "try: without it"
        )
    n_rows = n_bad = 0
    unused: tuple[str, ...] = ()
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(out, output_names(predictor, request.proba, request.keep)))
        rejects: Writer | None = None
        texts = [column.name for column in predictor.profile.columns if column.storage == "string"]
        for batch in _in_order(predictor, _tables(predictor, data, request.batch_rows, texts), request):
            writer.write(batch.columns)
            if request.rejects and rejects is None:
                rejects = stack.enter_context(open_writer(request.rejects, (*_REASONS, *batch.names)))
            if rejects is not None and batch.n_bad:
                rejects.write(batch.rejected)
            n_rows, n_bad, unused = n_rows + batch.n_rows, n_bad + batch.n_bad, batch.unused
    return Done(n_rows, n_bad, unused)


def _tables(predictor: Predictor, data: str, batch_rows: int, texts: list[str]) -> Iterator[Table]:
    """The file a batch at a time; whole where rows look back at earlier ones."""
    if predictor.task.history is None:
        return read_batches(data, batch_rows, text=texts)
    return iter([predictor.prepare(read(data, text=texts).table)])


def _in_order(predictor: Predictor, tables: Iterable[Table], request: Request) -> Iterator[_Batch]:
    """Batches predicted side by side, one a core, given back in the order of the file."""
    n_workers = count_cores()
    row_bytes = sum(prod(block.shape) * _BYTES.get(block.kind, 0) for block in predictor.layout.blocks)
    waiting: deque[Future[_Batch]] = deque()
    start = 0
    with ThreadPoolExecutor(n_workers) as pool:
        for table in tables:
            for part in _parts(table, n_workers, row_bytes):
                waiting.append(pool.submit(_predicted, predictor, part, request, start))
                start += part.n_rows
                if len(waiting) > n_workers:
                    yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _parts(table: Table, n_workers: int, row_bytes: int = 0) -> Iterator[Table]:
    """The rows of a batch in one part a core, so that a file of a single batch keeps all of them busy, or more."""
    n_parts = max(1, min(n_workers, table.n_rows // _LEAST_ROWS), -(-table.n_rows * row_bytes // _MOST_BYTES))
    edges = np.linspace(0, table.n_rows, n_parts + 1).astype(int).tolist()
    for first, last in pairwise(edges):
        yield table.take(slice(first, last))


def _predicted(predictor: Predictor, table: Table, request: Request, start: int) -> _Batch:
    for name in request.keep:
        table.column(name)
    unused = predictor.encoder.check_columns(table)
    x, bad = predictor.encoder.encode_rows(table)
    if bad.reasons and request.on_bad_row == "fail":
        raise _refusal(table, bad, start)
    kept = table
    if request.on_bad_row == "skip":
        kept, x = table.take(~bad.mask), x.take(np.flatnonzero(~bad.mask))
    return _Batch(
        names=table.names,
        columns=output_columns(predictor, kept, predictor.predict(x), request.proba, request.keep),
        rejected=_rejected(table, bad.mask, bad.reasons, start) if bad.reasons else {},
        n_rows=table.n_rows,
        n_bad=len(bad.reasons),
        unused=unused,
    )


def _refusal(table: Table, bad: BadRows, start: int) -> DataError:
    row = min(bad.reasons)
    return DataError(
        f"{table.source}, data row {start + row + 1}: {bad.reasons[row]}",
        "try: --on-bad-row null (take such values for missing) or --on-bad-row skip (leave the rows out)",
    )


def output_names(predictor: Predictor, proba: bool, keep: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns that are written, in their order."""
    return (*keep, "prediction", *(f"proba_{name}" for name in predictor.classes if proba))


def output_columns(
    predictor: Predictor, table: Table, prediction: NDArray[np.float64], proba: bool, keep: Sequence[str]
) -> dict[str, Any]:
    """What is written: kept columns, `prediction`, and `proba_<class>` in the order of the model's classes."""
    columns: dict[str, Any] = {name: table.column(name).series for name in keep}
    columns["prediction"] = predictor.labels(prediction)
    if proba and predictor.task.is_classification:
        columns.update({f"proba_{name}": prediction[:, i] for i, name in enumerate(predictor.classes)})
    return columns


def _rejected(table: Table, mask: NDArray[np.bool_], reasons: dict[int, str], start: int) -> dict[str, Any]:
    rows = np.flatnonzero(mask)
    bad = table.take(rows)
    values = {column.name: column.as_text() for column in bad.columns()}
    told = (rows + start + 1, [reasons[int(row)] for row in rows])
    return {**dict(zip(_REASONS, told, strict=True)), **values}
