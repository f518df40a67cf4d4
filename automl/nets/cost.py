"""What training a net costs, from its sizes; no torch here, for deciding is to stay light.

Fitted to whole fits of RealMLP and TabM on 32 tables of 101 to 107,000 rows (one core of a 2-core Xeon with AVX-512
while the other was as busy, torch 2.13): nine in ten took 0.8 to 1.4 times as long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from automl.plan import Cost, Hardware
from automl.profile import Shape
from automl.space import Params

MIN_ROWS = 50
_STEP_SECONDS = 2.6e-3
_ROUND_SECONDS = 2e-4
_START_SECONDS = 0.05
_PREPARE_SECONDS_PER_CELL = 1.5e-7
_LIBRARY_BYTES = 400 * 2**20
# An accelerator is bound by launches, not by arithmetic, at these sizes.
_ACCELERATOR_STEP_SECONDS = 5e-3
_ACCELERATOR_SPEEDUP = 100.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a net does.

    Attributes:
        row_seconds: Of forward and backward for one row of a batch, on one core.
        n_parameters: Weights.
        row_floats: Activations kept for the backward pass, for one row.
        step_seconds: Of a step whatever its rows, beyond what any net takes.
    """

    row_seconds: float
    n_parameters: int
    row_floats: int
    step_seconds: float = 0.0


def refusal(shape: Shape, most_columns: int, what_for: str) -> str | None:
    """Why a net can't learn a problem of this shape, or None; `what_for` completes "too many columns"."""
    if not shape.d:
        return "there are no features for a net to learn from"
    if shape.n_rows < MIN_ROWS:
        return f"{shape.n_rows} rows are too few to train a net on (at least {MIN_ROWS})"
    if shape.d > most_columns:
        return f"{shape.d} columns are too many {what_for} (at most {most_columns})"
    return None


def n_flags(shape: Shape, max_one_hot: int = 9) -> int:
    """Flag columns to expect: categories are taken to have the mean number of levels."""
    if not shape.d_cat:
        return 0
    mean = shape.n_levels / shape.d_cat
    return round(shape.n_levels) if mean <= max_one_hot else 0


def n_embedded(shape: Shape, max_one_hot: int = 9) -> int:
    """Categorical columns expected to be embedded rather than flagged."""
    return 0 if n_flags(shape, max_one_hot) else shape.d_cat


def training_cost(shape: Shape, work: Work, params: Params, hardware: Hardware) -> Cost:
    """Seconds and bytes of one fit, validation included, should early stopping never set in.

    Args:
        params: Of the fit, `n_epochs` and `batch_size` among them.
    """
    n_epochs, batch_size = int(params["n_epochs"] or 1), int(params["batch_size"] or 1)
    batch = min(batch_size, max(shape.n_rows, 1))
    n_steps = n_epochs * max(1, shape.n_rows // batch)
    step = _STEP_SECONDS + work.step_seconds + batch * work.row_seconds
    if hardware.accelerators:
        step = _ACCELERATOR_STEP_SECONDS + batch * work.row_seconds / _ACCELERATOR_SPEEDUP
    rounds = min(n_epochs, 64) * (_ROUND_SECONDS + 0.07 * min(shape.n_rows, 10**5) * work.row_seconds)
    prepare = shape.n_rows * max(shape.d, 1) * _PREPARE_SECONDS_PER_CELL
    seconds = (_START_SECONDS + prepare + n_steps * step + rounds) / hardware.speed
    data = shape.n_rows * (16 * shape.d_num + 12 * n_flags(shape) + 16 * shape.d_cat)
    return Cost(seconds, _LIBRARY_BYTES + data + 24 * work.n_parameters + 4 * max(batch, 256) * work.row_floats)


def epochs_for(n_rows: int, batch_size: int, steps: int, most: int) -> int:
    """Epochs that make for so many steps on few rows, and fewer than 32 where rows are many: 1.2 million / n_rows."""
    per_epoch = max(1, n_rows // batch_size)
    if n_rows > 37_500:
        return max(4, round(1.2e6 / n_rows))
    return min(most, max(32, math.ceil(steps / per_epoch)))
