"""Whether attributions in the raw scores of models add up to what ships, and in which unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.explainers import Shipped
from automl.features import Features
from automl.models.probabilities import FLOOR

Values: TypeAlias = NDArray[np.float64]

_FEWEST_ROWS = 10


def as_shipped(
    values: Values, base: Values, shipped: Shipped, x: Features, positive: int | None
) -> tuple[Values, Values, str] | None:
    """Values and bases in the log-odds, probabilities or values that ship, and the unit; None if they add up to others.

    Args:
        values: (n_rows, n_columns, n_scores) in the raw scores of the members.
        base: (n_scores,) where no column says anything.
        positive: Index of the class explained of two; None for several classes and for regression.

    Returns:
        (n_rows, n_columns, n_outputs), (n_rows, n_outputs) and their unit.
    """
    predicted = shipped.predict(x)
    if positive is not None and values.shape[2] == 2:
        values, base = values[:, :, [positive]], base[[positive]]
    elif positive == 0:
        values, base = -values, -base
    usable = _unclipped(shipped, x)
    for unit, target in _targets(predicted, shipped, positive):
        if target.shape[1] != values.shape[2]:
            continue
        centred = values.shape[2] > 1 and unit == "log-odds"
        told = values - values.mean(axis=2, keepdims=True) if centred else values
        start = base - base.mean() if centred else base
        score = start + told.sum(axis=1)
        line = _line(score, target, usable if unit == "log-odds" else np.ones(len(score), dtype=bool))
        if line is not None:
            slope, offset = line
            bases = np.repeat((slope * start + offset)[None], len(values), axis=0)
            return slope * told, bases, unit
    return None


def _targets(predicted: Values, shipped: Shipped, positive: int | None) -> Iterator[tuple[str, Values]]:
    """What ships, (n_rows, n_outputs), in each space it may be additive in, with its unit."""
    if not shipped.task.is_classification:
        yield shipped.task.target, predicted[:, None]
        return
    logs = np.log(np.clip(predicted, 1e-15, 1.0))
    if positive is not None:
        yield "log-odds", (logs[:, positive] - logs[:, 1 - positive])[:, None]
        yield "probability", predicted[:, [positive]]
    else:
        yield "log-odds", logs - logs.mean(axis=1, keepdims=True)
        yield "probability", predicted


def _unclipped(shipped: Shipped, x: Features) -> NDArray[np.bool_]:
    """(n_rows,) where no member's probability stands at the floor, beyond which its score no longer shows."""
    inside = np.ones(x.n_rows, dtype=bool)
    if shipped.task.is_classification:
        for member in shipped.members:
            inside &= (member.model.predict(x) > 2 * FLOOR).all(axis=1)
    return inside


def _line(score: Values, target: Values, usable: NDArray[np.bool_]) -> tuple[float, Values] | None:
    """Slope and offsets (n_outputs,) with target = slope * score + offset; None if there are none.

    On fewer rows than tell a line from chance, only the line of slope 1 through 0 counts.
    """
    if not usable.any():
        return None
    score, target = score[usable], target[usable]
    slope, offset = 1.0, np.zeros(score.shape[1])
    if len(score) >= _FEWEST_ROWS:
        away = score - score.mean(axis=0)
        spread = float((away**2).sum())
        slope = float((away * target).sum()) / spread if spread > 0 else 1.0
        offset = target.mean(axis=0) - slope * score.mean(axis=0)
    allowed = 1e-4 * float(np.ptp(target, axis=0).max()) + 1e-6 * (1e-3 + float(np.abs(target).max()))
    exact = float(np.abs(target - (slope * score + offset)).max()) <= allowed
    return (slope, offset) if exact and slope > 0 else None
