"""The blend: greedy selection over out-of-fold predictions, and calibration of what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.metrics import Metric
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_MAX_ROWS = 10_000
_STEPS = 25
_FEW_ROWS = 2_000
_BAGS = 5
_BAG_STEPS = 15


def average(predictions: Sequence[Array], link: str, task: Task) -> NDArray[np.float64]:
    """The mean of models of one family: in log-odds (normalised) for link "logit", plain otherwise.

    Args:
        predictions: Each (n_rows,) or (n_rows, n_classes).
    """
    if len(predictions) == 1:
        return np.asarray(predictions[0], dtype=np.float64)
    if link == "identity" or not task.is_classification:
        return np.asarray(sum(predictions[1:], start=predictions[0].astype(np.float64)) / len(predictions))
    logs = sum(np.log(np.clip(p, 1e-15, 1.0)) for p in predictions) / len(predictions)
    return _softmax(np.asarray(logs))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def mix(predictions: Sequence[Array], weights: Sequence[float]) -> NDArray[np.float64]:
    """The weighted sum of predictions of different trials; weights add up to 1."""
    total = np.zeros_like(np.asarray(predictions[0], dtype=np.float64))
    for prediction, weight in zip(predictions, weights, strict=True):
        if weight:
            total += weight * prediction
    return total


def greedy_weights(
    predictions: Sequence[Array], y: Array, metric: Metric, *, n_steps: int = _STEPS, seed: int = 0
) -> NDArray[np.float64]:
    """Weights of the greedy blend with replacement (Caruana et al. 2004, doi:10.1145/1015330.1015432).

    Starts from the best single model, adds in every step the model whose addition helps most, prefers members already
    chosen on a tie, and keeps the best prefix. More than 25 steps bring no measurable gain (TabRepo, arXiv 2311.02971).

    Args:
        predictions: One array a model, (n_rows,) or (n_rows, n_classes).
        y: (n_rows,) values or class codes.

    Returns:
        (n_models,) weights that add up to 1.
    """
    if len(y) > _MAX_ROWS:
        rows = np.random.default_rng(seed).choice(len(y), _MAX_ROWS, replace=False)
        predictions, y = [p[rows] for p in predictions], y[rows]
    views, gain = _view(predictions, y, metric)
    counts = np.zeros(len(views), dtype=np.intp)
    total = np.zeros_like(views[0])
    best, best_counts = -np.inf, counts.copy()
    for step in range(1, n_steps + 1):
        gains = np.array([gain((total + view) / step) for view in views])
        gains = np.where(np.isfinite(gains), gains, -np.inf)
        tied = np.flatnonzero(gains >= gains.max() - 1e-12)
        chosen = int(max(tied, key=lambda i: counts[i]))
        counts[chosen] += 1
        total += views[chosen]
        if gains[chosen] > best + 1e-12:
            best, best_counts = gains[chosen], counts.copy()
    if not best_counts.sum():
        best_counts[0] = 1
    return np.asarray(best_counts / best_counts.sum())


def blend_weights(predictions: Sequence[Array], y: Array, metric: Metric, *, seed: int = 0) -> NDArray[np.float64]:
    """Weights of the blend that ships: greedy, and on few rows the mean of greedy weights over bootstraps of them.

    On a few hundred rows a greedy choice follows the noise of the rows it was made on; averaging over draws of the rows
    is bagged ensemble selection (Caruana et al. 2006, doi:10.1109/ICDM.2006.76) over rows instead of models.

    Returns:
        (n_models,) weights that add up to 1; members of less than a fiftieth are dropped.
    """
    if len(y) > _FEW_ROWS or len(predictions) == 1:
        return greedy_weights(predictions, y, metric, seed=seed)
    rng = np.random.default_rng(seed)
    total = greedy_weights(predictions, y, metric)
    for _ in range(_BAGS):
        rows = rng.integers(0, len(y), len(y))
        total += greedy_weights([p[rows] for p in predictions], y[rows], metric, n_steps=_BAG_STEPS)
    weights = total / total.sum()
    kept = np.where(weights >= min(0.02, weights.max()), weights, 0.0)
    return np.asarray(kept / kept.sum())


def _view(predictions: Sequence[Array], y: Array, metric: Metric) -> tuple[list[Array], Callable[[Array], float]]:
    """What of the predictions the metric looks at, and its gain: much less than all of it for most metrics."""
    if metric.name == "log_loss":
        rows = np.arange(len(y))
        return [p[rows, y] for p in predictions], lambda p: float(np.log(np.clip(p, 1e-15, 1.0)).mean())
    of_positive = metric.of_positive
    if of_positive is not None and predictions[0].shape[1] == 2:
        is_positive = y == 1
        views = [np.ascontiguousarray(p[:, 1], dtype=np.float64) for p in predictions]
        return views, lambda p: metric.gain(of_positive(is_positive, p))
    return [np.asarray(p, dtype=np.float64) for p in predictions], lambda p: metric.gain(metric(y, p))


def crossed_blend(predictions: Sequence[Array], y: Array, metric: Metric, *, n_parts: int = 5, seed: int = 0) -> Array:
    """Predictions of a blend whose weights never saw the row they predict: the honest view of the blend's score.

    Returns:
        (n_rows,) or (n_rows, n_classes).
    """
    part = np.random.default_rng(seed).permutation(len(y)) % n_parts
    blended = np.empty_like(np.asarray(predictions[0], dtype=np.float64))
    for p in range(n_parts):
        inside, outside = np.flatnonzero(part != p), np.flatnonzero(part == p)
        if not len(outside):
            continue
        if not len(inside):
            inside = outside
        weights = blend_weights([q[inside] for q in predictions], y[inside], metric, seed=seed)
        blended[outside] = mix([q[outside] for q in predictions], list(weights))
    return blended


def temperature(y: Array, probabilities: Array) -> float:
    """The temperature that minimises log loss (Guo et al. 2017, arXiv 1706.04599), shrunk towards 1 on few rows.

    The shrinkage n / (n + 1000) keeps small data from being calibrated to its own noise.
    """
    logs = np.log(np.clip(probabilities, 1e-15, 1.0))
    rows = np.arange(len(y))

    def loss(t: float) -> float:
        return float(-np.log(np.clip(_softmax(logs / t)[rows, y], 1e-15, 1.0)).mean())

    low, high = np.log(0.5), np.log(3.0)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(25):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(float(np.exp(left))) < loss(float(np.exp(right))):
            high = right
        else:
            low = left
    found = float(np.exp((low + high) / 2))
    return 1.0 + (found - 1.0) * len(y) / (len(y) + 1000)


def calibrate(probabilities: Array, t: float) -> NDArray[np.float64]:
    """Probabilities at a temperature; 1 leaves them as they are."""
    if t == 1.0:
        return np.asarray(probabilities, dtype=np.float64)
    return _softmax(np.log(np.clip(probabilities, 1e-15, 1.0)) / t)
