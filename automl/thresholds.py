"""From which probability on a class is said: the best thresholds for a metric, and what it is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.metrics import METRICS, Metric, Tallies
from automl.task import Task, Threshold

Array: TypeAlias = NDArray[Any]

_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
_USUAL_POWER = {"balanced_accuracy": 1.0, "f1_macro": 0.5, "mcc": 0.25}
_BEYOND_ONE = float(np.nextafter(1.0, 2.0))


def search_metric(task: Task) -> Metric:
    """The task's metric as its search sees it.

    One of labels of two classes is taken at the threshold that is best for the rows at hand, for models of a rare class
    that is said from 0.5 on say it of no row, and are all alike. Of more classes it is taken at thresholds that suit it
    with any model.
    """
    metric = METRICS[task.metric]
    if not task.has_threshold:
        return metric
    if task.kind == "multiclass":
        power = _USUAL_POWER[metric.name]

        def at_usual(y: Array, probabilities: Array) -> float:
            return metric(y, probabilities, _of_shares(y, probabilities.shape[1], power))

        return replace(metric, needs="probabilities", function=at_usual)

    def at_best(y: Array, probabilities: Array) -> float:
        return _best_of_two(y == 1, probabilities[:, 1], metric)[1]

    return replace(metric, needs="probabilities", function=at_best)


def best_threshold(y: Array, probabilities: Array, metric: Metric) -> Threshold:
    """The threshold that is best in a metric of labels; of several the one nearest to that of the likeliest class.

    Of more than two classes thresholds are a power of the classes' shares: 0 says the likeliest class; 1 is what the
    mean over classes of the share that is found asks for (Collell et al. 2018, doi:10.1016/j.neucom.2017.08.035).

    Args:
        y: (n_rows,) class codes.
        probabilities: (n_rows, n_classes).
        metric: One of labels.
    """
    n_classes = probabilities.shape[1]
    if n_classes == 2:
        return _best_of_two(y == 1, probabilities[:, 1], metric)[0]
    every = [_of_shares(y, n_classes, power) for power in _POWERS]
    return every[int(np.argmax([metric(y, probabilities, thresholds) for thresholds in every]))]


def crossed_thresholds(
    y: Array, probabilities: Array, metric: Metric, *, n_parts: int = 5, seed: int = 0
) -> NDArray[np.float64]:
    """Of each row the threshold that is best for the rows of other parts: the honest view of the labels.

    Returns:
        (n_rows,) for two classes, (n_rows, n_classes) for more.
    """
    part = np.random.default_rng(seed).permutation(len(y)) % n_parts
    found = np.full(len(y) if probabilities.shape[1] == 2 else probabilities.shape, 0.5)
    for p in range(n_parts):
        inside = part != p
        if inside.any():
            found[~inside] = best_threshold(y[inside], probabilities[inside], metric)
    return found


def _of_shares(y: Array, n_classes: int, power: float) -> tuple[float, ...]:
    """(n_classes,) thresholds; a class that is not among the rows is not favoured."""
    counts = np.bincount(y, minlength=n_classes)
    shares = np.where(counts > 0, counts / len(y), 1.0)
    return tuple(map(float, shares**power))


def _best_of_two(is_positive: Array, probability: Array, metric: Metric) -> tuple[float, float]:
    """The best threshold of the second class, and the metric there; between rows it is 0.5 or else in the middle."""
    assert metric.of_tallies is not None
    order = np.argsort(probability)
    scores, hits = probability[order].astype(np.float64), np.cumsum(is_positive[order])
    n, n_hits = len(scores), int(hits[-1])
    # A cut leaves so many rows below it: none, those of the first distinct probabilities, or all.
    n_below = np.r_[0, np.flatnonzero(scores[1:] != scores[:-1]) + 1, n]
    hits_below = np.r_[0, hits][n_below]
    truth = np.array([n - n_hits, n_hits], dtype=np.float64)
    said = np.stack([n_below, n - n_below], axis=1).astype(np.float64)
    right = np.stack([n_below - hits_below, n_hits - hits_below], axis=1).astype(np.float64)
    values = metric.of_tallies(Tallies(truth, said, right))
    best = np.flatnonzero(values >= values.max() - 1e-12)
    below, above = np.r_[-np.inf, scores][n_below[best]], np.r_[scores, _BEYOND_ONE][n_below[best]]
    middle = (np.maximum(below, 0.0) + np.minimum(above, 1.0)) / 2
    middle = np.where((below < middle) & (middle <= above), middle, above)
    middle = np.where((below < 0.5) & (above >= 0.5), 0.5, middle)
    chosen = int(np.abs(middle - 0.5).argmin())
    return float(middle[chosen]), float(values[best[chosen]])
