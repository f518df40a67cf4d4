"""Metrics: one row each, in plain numpy so that the main process stays light; tests hold them against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import UsageError
from automl.outcome import Estimate
from automl.task import TaskKind

Array: TypeAlias = NDArray[Any]
Threshold: TypeAlias = float | NDArray[np.float64] | None
Needs: TypeAlias = Literal["labels", "probabilities", "values"]

_TINY = 1e-15
_DRAWS, _FEWEST_DRAWS = 150, 30
_MOST_DRAWN = 5_000
_MOST_CELLS = 1e7  # rows times classes of all draws together: ranking the rows for each of 300 classes takes its time
_RULE_OF_THREE = 3


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: As in `--metric`.
        kinds: Tasks it suits.
        maximize: Whether more is better.
        needs: labels (class codes), probabilities (n_rows, n_classes) or values.
        function: (y, prediction) -> float; y are class codes or values, (n_rows,).
        bounds: Least and greatest possible value.
    """

    name: str
    kinds: tuple[TaskKind, ...]
    maximize: bool
    needs: Needs
    function: Callable[[Array, Array], float]
    bounds: tuple[float, float] = (0.0, 1.0)

    def __call__(self, y: Array, prediction: Array, threshold: Threshold = None) -> float:
        """The metric of probabilities (n_rows, n_classes) or values (n_rows,); labels are taken from them if needed."""
        if self.needs == "labels":
            prediction = labels(prediction, threshold)
        return float(self.function(y, prediction))

    def gain(self, value: float) -> float:
        """The value with its sign such that more is better."""
        return value if self.maximize else -value


def labels(probabilities: Array, threshold: Threshold = None) -> NDArray[np.int64]:
    """Class codes (n_rows,) from probabilities; `threshold` is that of the second of two classes, one or one a row."""
    if threshold is not None and probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= threshold).astype(np.int64)
    return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)


def binary_auc(positive: Array, scores: Array) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN where one class is absent.

    Args:
        positive: (n_rows,) bool.
        scores: (n_rows,) higher for positives.
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    order = np.argsort(scores)
    ordered, hits = scores[order], positive[order]
    is_new = ordered[1:] != ordered[:-1]
    if is_new.all():
        rank_sum = float(np.flatnonzero(hits).sum() + n_positive)
    else:
        first = np.flatnonzero(np.r_[True, is_new])
        sizes = np.diff(np.r_[first, len(ordered)])
        rank_sum = float((np.add.reduceat(hits, first, dtype=np.int64) * (first + (sizes + 1) / 2)).sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def _one_against_rest(one: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    def function(y: Array, p: Array) -> float:
        if p.shape[1] == 2:
            return one(y == 1, p[:, 1])
        each = [one(y == c, p[:, c]) for c in range(p.shape[1]) if 0 < np.count_nonzero(y == c) < len(y)]
        return float(np.mean(each)) if each else float("nan")

    return function


def _average_precision(positive: Array, scores: Array) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    precision, recall = hits[last] / (last + 1), hits[last] / max(hits[-1], 1)
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def _log_loss(y: Array, p: Array) -> float:
    chosen = np.clip(p[np.arange(len(y)), y] / p.sum(axis=1), _TINY, 1.0)
    return float(-np.log(chosen).mean())


def _brier(y: Array, p: Array) -> float:
    if p.shape[1] == 2:
        return float(np.mean((p[:, 1] - y) ** 2))
    return float(np.mean(np.sum((p - np.eye(p.shape[1])[y]) ** 2, axis=1)))


def _accuracy(y: Array, codes: Array) -> float:
    return float(np.mean(y == codes))


def _tallies(y: Array, codes: Array) -> tuple[NDArray[np.float64], ...]:
    """(n_classes,) each: rows of a class, rows said to be of it, rows rightly said to be of it."""
    n_classes = int(max(y.max(), codes.max())) + 1
    truth, said, right = (np.bincount(v, minlength=n_classes).astype(float) for v in (y, codes, y[y == codes]))
    return truth, said, right


def _balanced_accuracy(y: Array, codes: Array) -> float:
    truth, _, right = _tallies(y, codes)
    return float(np.mean(right[truth > 0] / truth[truth > 0]))


def _f1(y: Array, codes: Array) -> float:
    both, either = np.count_nonzero(y & codes), np.count_nonzero(y) + np.count_nonzero(codes)
    return 2 * both / either if either else 0.0


def _f1_macro(y: Array, codes: Array) -> float:
    truth, said, right = _tallies(y, codes)
    either = truth + said
    return float(np.mean(2 * right[either > 0] / either[either > 0]))


def _mcc(y: Array, codes: Array) -> float:
    truth, said, right = _tallies(y, codes)
    n = len(y)
    scale = float(np.sqrt((n**2 - truth @ truth) * (n**2 - said @ said)))
    return float(n * right.sum() - truth @ said) / scale if scale else 0.0


def _rmse(y: Array, v: Array) -> float:
    return float(np.sqrt(np.mean((y - v) ** 2)))


def _r2(y: Array, v: Array) -> float:
    spread = float(np.sum((y - y.mean()) ** 2))
    return 1.0 - float(np.sum((y - v) ** 2)) / spread if spread else 0.0


def _rmsle(y: Array, v: Array) -> float:
    return _rmse(np.log1p(np.clip(y, 0, None)), np.log1p(np.clip(v, 0, None)))


def _mape(y: Array, v: Array) -> float:
    return float(np.mean(np.abs(y - v) / np.maximum(np.abs(y), np.finfo(float).eps)))


_CLASSES: tuple[TaskKind, ...] = ("binary", "multiclass")
_VALUES: tuple[TaskKind, ...] = ("regression",)
_ANY = (0.0, float("inf"))

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", _CLASSES, True, "probabilities", _one_against_rest(binary_auc)),
        Metric("average_precision", _CLASSES, True, "probabilities", _one_against_rest(_average_precision)),
        Metric("log_loss", _CLASSES, False, "probabilities", _log_loss, _ANY),
        Metric("brier", _CLASSES, False, "probabilities", _brier, (0.0, 2.0)),
        Metric("accuracy", _CLASSES, True, "labels", _accuracy),
        Metric("balanced_accuracy", _CLASSES, True, "labels", _balanced_accuracy),
        Metric("f1", ("binary",), True, "labels", _f1),
        Metric("f1_macro", _CLASSES, True, "labels", _f1_macro),
        Metric("mcc", _CLASSES, True, "labels", _mcc, (-1.0, 1.0)),
        Metric("rmse", _VALUES, False, "values", _rmse, _ANY),
        Metric("mae", _VALUES, False, "values", lambda y, v: float(np.mean(np.abs(y - v))), _ANY),
        Metric("median_absolute_error", _VALUES, False, "values", lambda y, v: float(np.median(np.abs(y - v))), _ANY),
        Metric("r2", _VALUES, True, "values", _r2, (-float("inf"), 1.0)),
        Metric("rmsle", _VALUES, False, "values", _rmsle, _ANY),
        Metric("mape", _VALUES, False, "values", _mape, _ANY),
    )
}


def check_metric(name: str, kind: TaskKind) -> Metric:
    """The metric of that name.

    Raises:
        UsageError: There is none, or it does not suit the task.
    """
    suitable = ", ".join(m.name for m in METRICS.values() if kind in m.kinds)
    if name not in METRICS:
        raise UsageError(f"no metric {name!r}", f"for {kind} there are: {suitable}")
    if kind not in METRICS[name].kinds:
        raise UsageError(f"metric {name!r} does not suit a {kind} task", f"for {kind} there are: {suitable}")
    return METRICS[name]


def row_losses(kind: TaskKind, y: Array, prediction: Array) -> NDArray[np.float64]:
    """(n_rows,) log loss or squared error of each row: what paired comparisons between models are made on."""
    if kind == "regression":
        return np.asarray((y - prediction) ** 2, dtype=np.float64)
    return np.asarray(-np.log(np.clip(prediction[np.arange(len(y)), y], 1e-7, 1.0)), dtype=np.float64)


def estimate(
    metric: Metric,
    y: Array,
    prediction: Array,
    *,
    threshold: Threshold = None,
    level: float = 0.9,
    seed: int = 0,
    n_new: int | None = None,
    widen: float = 1.0,
) -> Estimate:
    """The metric with a percentile bootstrap interval over rows (Efron & Tibshirani 1993, ch. 13).

    The interval is for the metric of the population, or, where `n_new` is told, for what a new sample of so many rows
    will score: both samples scatter then, so the interval is wider by the square root of 1 + n_rows / n_new. Where rows
    are not independent, `widen` says how much wider than by a bootstrap over rows it is to be.

    Of more than 5,000 rows that many are drawn, of many classes fewer, and the spread is scaled by the square root of
    the share (the m out of n bootstrap, Bickel et al. 1997, Statistica Sinica 7), so that this takes a second at most.

    A perfect score has no spread: its lower end is the score that three misjudged rows would leave (the rule of three,
    Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031).
    """

    def of(rows: Array) -> float:
        return metric(y[rows], prediction[rows], threshold[rows] if isinstance(threshold, np.ndarray) else threshold)

    value = metric(y, prediction, threshold)
    rng = np.random.default_rng(seed)
    width = prediction.shape[1] if prediction.ndim > 1 else 1
    m = min(len(y), _MOST_DRAWN, max(1, int(_MOST_CELLS / _FEWEST_DRAWS / width)))
    drawn = (rng.integers(0, len(y), m) for _ in range(min(_DRAWS, int(_MOST_CELLS / (m * width)))))
    draws = np.array([of(rows) for rows in drawn])
    draws = draws[np.isfinite(draws)]
    scale = float(np.sqrt(m / len(y)))
    wider = widen * scale * (float(np.sqrt(1 + len(y) / n_new)) if n_new else 1.0)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) if len(draws) else (value, value)
    if wider != 1 and len(draws):
        low, high = (value + wider * (edge - draws.mean()) for edge in (low, high))
    least, most = metric.bounds
    if prediction.ndim > 1 and metric.maximize and value == low == most:
        low = _with_misjudged(metric, y, prediction, threshold, rng.permutation(len(y))[:_RULE_OF_THREE])
    return Estimate(
        metric=metric.name,
        value=value,
        low=float(max(min(low, value), least)),
        high=float(min(max(high, value), most)),
        error=scale * float(draws.std()) if len(draws) else 0.0,
        n_rows=len(y),
        level=level,
        n_new=n_new,
    )


def _with_misjudged(metric: Metric, y: Array, prediction: Array, threshold: Threshold, rows: Array) -> float:
    """The metric, were the least likely class of these rows the true one."""
    wrong = prediction.copy()
    least, true = prediction[rows].argmin(axis=1), y[rows]
    wrong[rows, least], wrong[rows, true] = prediction[rows, true], prediction[rows, least]
    return metric(y, wrong, threshold)
