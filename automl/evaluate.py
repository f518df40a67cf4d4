"""How good a model is on labelled rows it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.bundle import Predictor, load_model
from automl.encoder import encode_target
from automl.errors import DataError
from automl.metrics import METRICS, estimate
from automl.outcome import Estimate
from automl.read import read
from automl.table import Table


def evaluate(model: str | Path, data: str | Path) -> tuple[Estimate, ...]:
    """Every metric that suits the model's task on a labelled file, the model's own metric first, with intervals."""
    return evaluate_predictor(load_model(model), read(data).table)


def evaluate_predictor(predictor: Predictor, table: Table, seed: int = 0) -> tuple[Estimate, ...]:
    """The same for a loaded model and a table in memory.

    Raises:
        DataError: The target column is missing or empty, or holds a class that the model does not know.
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
    target = table.column(task.target).without(about.missing_tokens, about.missing_numbers)
    rows = table.take(~target.missing)
    if not rows.n_rows:
        raise DataError(f"{table.source} has no row with a value in the target column {task.target!r}")
    if task.is_classification:
        unknown = [text for text, _ in target.counts(1000) if text not in task.classes]
        if unknown:
            raise DataError(
                f"{table.source}: target {task.target!r} has {unknown[0]!r}, which the model does not know",
                f"it knows: {', '.join(task.classes[:10])}",
            )
    y = encode_target(rows, predictor.profile, task)
    good = np.isfinite(y)
    return (rows, y) if good.all() else (rows.take(good), y[good])
