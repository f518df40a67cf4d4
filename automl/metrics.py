"""Metrics: one row each, in plain numpy so that the main process stays light; tests hold them against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import UsageError
from automl.outcome import Estimate
from automl.task import TaskKind, Threshold

Array: TypeAlias = NDArray[Any]
Thresholds: TypeAlias = Threshold | NDArray[np.float64] | None
Needs: TypeAlias = Literal["labels", "probabilities", "values"]

_TINY = 1e-15
_DRAWS, _FEWEST_DRAWS = 150, 30
_MOST_DRAWN = 5_000
_MOST_CELLS = 1e7  # rows times classes of all draws together: ranking the rows for each of 300 classes takes its time
_RULE_OF_THREE = 3


class Tallies(NamedTuple):
    """Rows of each class, (n_classes,); rows said to be of it, and rightly so, (…, n_classes) for any labellings."""

    truth: Array
    said: Array
    right: Array


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
        of_tallies: One of labels, of which more is better, as a function of how many rows are of which class.
    """

    name: str
    kinds: tuple[TaskKind, ...]
    maximize: bool
    needs: Needs
    function: Callable[[Array, Array], float]
    bounds: tuple[float, float] = (0.0, 1.0)
    of_tallies: Callable[[Tallies], Array] | None = None

    def __call__(self, y: Array, prediction: Array, threshold: Thresholds = None) -> float:
        """The metric of probabilities (n_rows, n_classes) or values (n_rows,); labels are taken from them if needed."""
        if self.needs == "labels":
            prediction = labels(prediction, threshold)
        return float(self.function(y, prediction))

    def gain(self, value: float) -> float:
        """The value with its sign such that more is better."""
        return value if self.maximize else -value

    def error(self, value: float) -> float:
        """How far the value is from the best possible one."""
        return self.bounds[1] - value if self.maximize else value - self.bounds[0]


def labels(probabilities: Array, threshold: Thresholds = None) -> NDArray[np.int64]:
    """Class codes (n_rows,) from probabilities (n_rows, n_classes).

    Args:
        threshold: Of two classes the probability from which on the second is said. Of more there is one a class, and
            the class is said whose probability is the most times its threshold. None says the likeliest; an array has
            those of each row.
    """
    if threshold is None:
        return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= threshold).astype(np.int64)
    return np.asarray(np.argmax(probabilities / np.asarray(threshold), axis=1), dtype=np.int64)


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


def _tallies(y: Array, codes: Array) -> Tallies:
    n_classes = int(max(y.max(), codes.max())) + 1
    return Tallies(*(np.bincount(v, minlength=n_classes).astype(float) for v in (y, codes, y[y == codes])))


def _share(part: Array, whole: Array) -> Array:
    """A part of a whole, 0 of nothing."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _accuracy(t: Tallies) -> Array:
    return np.asarray(t.right.sum(axis=-1) / t.truth.sum())


def _balanced_accuracy(t: Tallies) -> Array:
    return np.asarray(_share(t.right, t.truth).sum(axis=-1) / np.count_nonzero(t.truth))


def _f1(t: Tallies) -> Array:
    return _share(2 * t.right, t.truth + t.said)


def _f1_of_second(t: Tallies) -> Array:
    return _f1(t)[..., 1] if t.truth.shape[-1] > 1 else np.zeros(t.said.shape[:-1])


def _f1_macro(t: Tallies) -> Array:
    return np.asarray(_f1(t).sum(axis=-1) / np.count_nonzero(t.truth + t.said, axis=-1))


def _mcc(t: Tallies) -> Array:
    n = t.truth.sum()
    spread = (n**2 - t.truth @ t.truth) * (n**2 - (t.said * t.said).sum(axis=-1))
    return _share(n * t.right.sum(axis=-1) - t.said @ t.truth, np.sqrt(spread))


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


def _by_ranks(name: str, one: Callable[[Array, Array], float]) -> Metric:
    return Metric(name, _CLASSES, True, "probabilities", _one_against_rest(one))


def _by_labels(
    name: str, kinds: tuple[TaskKind, ...], of: Callable[[Tallies], Array], bounds: tuple[float, float] = (0.0, 1.0)
) -> Metric:
    return Metric(name, kinds, True, "labels", lambda y, codes: float(of(_tallies(y, codes))), bounds, of_tallies=of)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _by_ranks("roc_auc", binary_auc),
        _by_ranks("average_precision", _average_precision),
        Metric("log_loss", _CLASSES, False, "probabilities", _log_loss, _ANY),
        Metric("brier", _CLASSES, False, "probabilities", _brier, (0.0, 2.0)),
        _by_labels("accuracy", _CLASSES, _accuracy),
        _by_labels("balanced_accuracy", _CLASSES, _balanced_accuracy),
        _by_labels("f1", ("binary",), _f1_of_second),
        _by_labels("f1_macro", _CLASSES, _f1_macro),
        _by_labels("mcc", _CLASSES, _mcc, (-1.0, 1.0)),
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
    threshold: Thresholds = None,
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
    Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031). A log loss of next to nothing has next to none
    either: to its upper end one more row is added of which nothing was known (Laplace's rule of succession).
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
    if metric.name == "log_loss":
        high = max(high, value) + np.log(width) / (len(y) + 1)
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


def _with_misjudged(metric: Metric, y: Array, prediction: Array, threshold: Thresholds, rows: Array) -> float:
    """The metric, were the least likely class of these rows the true one."""
    wrong = prediction.copy()
    least, true = prediction[rows].argmin(axis=1), y[rows]
    wrong[rows, least], wrong[rows, true] = prediction[rows, true], prediction[rows, least]
    return metric(y, wrong, threshold)
