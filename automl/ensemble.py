"""The blend: greedy selection over out-of-fold predictions, and calibration of what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.metrics import METRICS, Metric
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_MAX_ROWS = 10_000
_STEPS = 16
_SPREAD = 3.0  # 2 to 5 do about as well, on 50 parts of tables of 200 rows and 27 of 1,000
_LEAST_SCALE = 1e-300


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


def blend_weights(
    predictions: Sequence[Array], y: Array, metric: Metric, *, spread: float = _SPREAD, seed: int = 0
) -> NDArray[np.float64]:
    """Weights of the likeliest blend, by greedy selection with replacement.

    Every step adds the model that helps most, and the best prefix is kept (Caruana et al. 2004,
    doi:10.1145/1015330.1015432). What helps is the likelihood of the rows, which tells more of how a blend does on
    others than ranks or labels do. It is weighed against a prior by which all models are worth the same (maximum
    entropy): on few rows a choice follows the noise of the rows it is made on. On many the prior counts for nothing.

    Args:
        predictions: One array a model, (n_rows,) or (n_rows, n_classes).
        y: (n_rows,) values or class codes.
        metric: What the blend is for: of values its error is their scale; of classes it is always the log loss.
        spread: Rows that the prior counts for; 0 for weights that follow the rows at hand.

    Returns:
        (n_models,) weights that add up to 1.
    """
    if len(y) > _MAX_ROWS:
        rows = np.random.default_rng(seed).choice(len(y), _MAX_ROWS, replace=False)
        predictions, y = [p[rows] for p in predictions], y[rows]
    views, likelihood = _view(predictions, y, metric)
    counts = np.zeros(len(views), dtype=np.intp)
    total = np.zeros_like(views[0])
    best, best_counts = -np.inf, np.eye(1, len(views), dtype=np.intp)[0]
    for step in range(1, _STEPS + 1):
        gains = np.array([likelihood((total + view) / step) for view in views])
        gains += spread / len(y) * _entropies_with_one_more(counts)
        gains = np.where(np.isfinite(gains), gains, -np.inf)
        tied = np.flatnonzero(gains >= gains.max() - 1e-12)
        chosen = int(max(tied, key=lambda i: counts[i]))
        counts[chosen] += 1
        total += views[chosen]
        if gains[chosen] > best + 1e-12:
            best, best_counts = gains[chosen], counts.copy()
    return np.asarray(best_counts / best_counts.sum())


def _entropies_with_one_more(counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n_models,) entropy of the weights that counts make, once each model has one more."""
    added = counts + np.eye(len(counts), dtype=np.intp)
    shares = added / added.sum(axis=1, keepdims=True)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))


def _view(predictions: Sequence[Array], y: Array, metric: Metric) -> tuple[list[Array], Callable[[Array], float]]:
    """What of the predictions the likelihood looks at, and its mean logarithm a row.

    Of values it is that of errors whose scale is not known: it falls with the logarithm of the scale.
    """
    if metric.needs != "values":
        rows = np.arange(len(y))
        return [p[rows, y] for p in predictions], lambda p: float(np.log(np.clip(p, 1e-15, 1.0)).mean())
    scale = METRICS["rmse"] if metric.name == "r2" else metric
    views = [np.asarray(p, dtype=np.float64) for p in predictions]
    return views, lambda p: -float(np.log(max(scale(y, p), _LEAST_SCALE)))


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
