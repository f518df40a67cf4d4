"""How good a model is on labelled rows it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.bundle import Predictor, load_model
from automl.encoder import encode_target
from automl.encoding.values import Missing, read_numbers
from automl.errors import DataError
from automl.metrics import METRICS, estimate
from automl.outcome import Estimate
from automl.read import read
from automl.table import Table
from automl.task import Task
from automl.typography import counted


def evaluate(model: str | Path, data: str | Path) -> tuple[Estimate, ...]:
    """Every metric that suits the model's task on a labelled file, the model's own metric first, with intervals."""
    return evaluate_predictor(load_model(model), read(data).table)


def evaluate_predictor(predictor: Predictor, table: Table, seed: int = 0) -> tuple[Estimate, ...]:
    """The same for a loaded model and a table in memory.

    Raises:
        DataError: The target column is missing or empty, or holds a class that the model never saw or no number.
    """
    rows, y = labelled(predictor, predictor.prepare(table))
    task = predictor.task
    prediction = predictor.predict_table(rows)
    names = [task.metric, *(m.name for m in METRICS.values() if task.kind in m.kinds and m.name != task.metric)]
    threshold = predictor.manifest.threshold
    return tuple(estimate(METRICS[name], y, prediction, threshold=threshold, seed=seed) for name in names)


def labelled(predictor: Predictor, table: Table) -> tuple[Table, NDArray[Any]]:
    """The rows of a table that have a target, and their class codes or values.

    Raises:
        DataError: As `evaluate_predictor`.
    """
    task, about = predictor.task, predictor.profile.column(predictor.task.target)
    y = encode_target(table, predictor.profile, task)
    if task.is_classification:
        good, strange = y >= 0, y == -2
    else:
        good = np.isfinite(y)
        strange = read_numbers(table.column(task.target), about.number_format, Missing.of(about))[1]
    if strange.any():
        raise _strange_target(table, task, np.flatnonzero(strange))
    if not good.any():
        raise DataError(f"{table.source} has no row with a value in the target column {task.target!r}")
    return (table, y) if good.all() else (table.take(good), y[good])


def _strange_target(table: Table, task: Task, rows: NDArray[np.intp]) -> DataError:
    value = table.column(task.target).as_text()[int(rows[0])][:80]
    like_it = f"{counted(len(rows), 'row')} of {table.n_rows:,} like it"
    if not task.is_classification:
        why, told, fix = "not a number", like_it, "leave such rows out, or mend them"
    else:
        known = ", ".join((*task.classes[:10], "…") if len(task.classes) > 10 else task.classes)
        why, told = "a class that the model never saw", f"{like_it}; it knows {known}"
        fix = "leave such rows out, or fit again on a table that has the class"
    return DataError(f"{table.source}, row {rows[0] + 1:,}: target {task.target!r} is {value!r}, {why}", told, fix)
