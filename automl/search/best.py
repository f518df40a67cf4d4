"""The best model so far: which trials it blends, how good it is, and the file that holds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl import registry
from automl.ensemble import blend_weights, calibrate, crossed_blend, mix, temperature
from automl.metrics import METRICS, Metric, row_losses
from automl.outcome import BlendMember
from automl.search.ledger import Ledger, best_of_each
from automl.task import Threshold
from automl.thresholds import best_threshold
from automl.trial import Trial

_ERROR_ROWS = 5_000
_ERROR_DRAWS = 24
_MIN_CALIBRATION_ROWS = 300
# A trial of a third of the weight or more ships all its models.
_MODELS_OF_WEIGHT = 3.0


class Blend(msgspec.Struct, frozen=True, kw_only=True):
    """Trials with weights.

    Attributes:
        trials: Heaviest first.
        weights: Add up to 1.
        value: Of the metric on the out-of-fold rows the weights were chosen on.
        error: Its standard error.
        refitted: By number of trial, the places in the books of its models of all rows; for trials that have some.
    """

    trials: tuple[Trial, ...]
    weights: tuple[float, ...]
    value: float
    error: float
    refitted: dict[int, tuple[int, ...]] = {}

    def members(self) -> tuple[BlendMember, ...]:
        """The same for people."""
        return tuple(
            BlendMember(
                trial=trial.number,
                family=trial.family,
                kind=registry.family(trial.family).kind,
                weight=weight,
                value=trial.value if trial.value is not None else math.nan,
            )
            for trial, weight in zip(self.trials, self.weights, strict=True)
        )

    def by_family(self) -> tuple[tuple[str, float], ...]:
        """(family, summed weight), heaviest first."""
        total: dict[str, float] = {}
        for trial, weight in zip(self.trials, self.weights, strict=True):
            total[trial.family] = total.get(trial.family, 0.0) + weight
        return tuple(sorted(total.items(), key=lambda item: -item[1]))


class Finish(msgspec.Struct, frozen=True):
    """What happens to the blend's probabilities: temperature, and by which threshold labels are told."""

    temperature: float = 1.0
    threshold: Threshold | None = None


def best_blend(
    ledger: Ledger, n_models: int, seed: int, *, kind: str | None = None, last: Blend | None = None
) -> Blend | None:
    """The blend of complete trials, or the furthest single trial while none is complete; None before the first fold.

    Args:
        ledger: The books.
        n_models: Most trials the blend may draw on.
        seed: Of the subsample of rows on large data.
        kind: shallow or neural, to blend only those.
        last: The blend before this one, whose trials keep half of the places.
    """
    complete = [t for t in ledger.complete() if kind in (None, registry.family(t.family).kind)]
    if not complete:
        return _furthest(ledger, kind)
    pool = best_of_each(complete, n_models, last.trials if last is not None else ())
    rows = np.flatnonzero(ledger.validated)
    y = ledger.y[rows]
    predictions = [ledger.prediction(t.number, rows) for t in pool]
    weights = blend_weights(predictions, y, ledger.metric, seed=seed)
    order = [int(i) for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
    blended = mix([predictions[i] for i in order], [float(weights[i]) for i in order])
    return Blend(
        trials=tuple(pool[i] for i in order),
        weights=tuple(float(weights[i]) for i in order),
        value=ledger.metric(y, blended),
        error=quick_error(ledger.metric, y, blended),
    )


def _furthest(ledger: Ledger, kind: str | None) -> Blend | None:
    trials = [
        t
        for t in ledger.trials.values()
        if t.value is not None and t.origin != "baseline" and kind in (None, registry.family(t.family).kind)
    ]
    if not trials:
        return None
    trial = max(trials, key=lambda t: (len(t.scores), ledger.metric.gain(t.value if t.value is not None else 0.0)))
    rows = ledger.rows(trial.number)
    prediction, y = ledger.prediction(trial.number, rows), ledger.y[rows]
    return Blend(
        trials=(trial,),
        weights=(1.0,),
        value=ledger.metric(y, prediction),
        error=quick_error(ledger.metric, y, prediction),
    )


def n_shipped(n_models: int, weight: float) -> int:
    """How many models of a trial (its folds, or refits that differ in their seed) the blend needs for its weight.

    A mean varies less than one model, by the weight squared over their number in the blend; that is least for a given
    number of models where the number of each trial follows its weight (Neyman 1934, doi:10.2307/2342192).
    """
    return math.ceil(n_models * min(1.0, _MODELS_OF_WEIGHT * weight))


def quick_error(metric: Metric, y: NDArray[Any], prediction: NDArray[Any]) -> float:
    """Standard error of the metric by a small bootstrap on a subsample, scaled to all rows: cheap enough to repeat."""
    rng = np.random.default_rng(0)
    n = min(len(y), _ERROR_ROWS)
    draws = [metric(y[rows], prediction[rows]) for rows in (rng.integers(0, len(y), n) for _ in range(_ERROR_DRAWS))]
    finite = [draw for draw in draws if math.isfinite(draw)]
    return float(np.std(finite)) * math.sqrt(n / len(y)) if len(finite) > 1 else 0.0


def improvement(ledger: Ledger, before: Blend, after: Blend) -> tuple[float, float]:
    """How much less a blend loses on a row than an earlier one, and the standard error of that, paired by rows.

    Of two good models of the same rows the difference is told far more precisely than the score of either; and losses,
    which the weights are chosen by, tell of it what ranks and labels do not.
    """
    rows = np.intersect1d(blend_rows(ledger, before), blend_rows(ledger, after), assume_unique=True)
    kind, y = ledger.task.kind, ledger.y[rows]
    old, new = (
        row_losses(kind, y, mix([ledger.prediction(t.number, rows) for t in b.trials], b.weights))
        for b in (before, after)
    )
    saved = old - new
    return float(saved.mean()), float(saved.std()) / math.sqrt(len(rows))


def blend_rows(ledger: Ledger, blend: Blend) -> NDArray[np.intp]:
    """Rows that every trial of the blend has predicted out of fold."""
    rows = ledger.rows(blend.trials[0].number)
    for trial in blend.trials[1:]:
        rows = np.intersect1d(rows, ledger.rows(trial.number), assume_unique=True)
    return rows


def honest_prediction(ledger: Ledger, blend: Blend, n_models: int, seed: int) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Out-of-fold rows and the blend's predictions of them, with weights that never saw the row.

    The pool is the whole pool that the weights were chosen from, so that choosing is paid for as well.
    """
    complete = ledger.complete()
    rows = blend_rows(ledger, blend)
    if not complete or len(complete) == 1:
        return rows, mix([ledger.prediction(t.number, rows) for t in blend.trials], blend.weights)
    predictions = [ledger.prediction(t.number, rows) for t in best_of_each(complete, n_models, blend.trials)]
    return rows, crossed_blend(predictions, ledger.y[rows], ledger.metric, seed=seed)


def finish(ledger: Ledger, rows: NDArray[np.intp], prediction: NDArray[Any]) -> Finish:
    """Calibration and threshold for the blend, from its out-of-fold predictions.

    Temperature is kept only where it lowers log loss on the rows that did not choose it (two halves, crossed).
    """
    task, y = ledger.task, ledger.y[rows]
    if not task.is_classification:
        return Finish()
    t = 1.0
    if len(rows) >= _MIN_CALIBRATION_ROWS and _calibration_helps(y, prediction):
        t = temperature(y, prediction)
    return Finish(t, best_threshold(y, calibrate(prediction, t), METRICS[task.metric]) if task.has_threshold else None)


def _calibration_helps(y: NDArray[Any], probabilities: NDArray[Any]) -> bool:
    half = np.random.default_rng(0).random(len(y)) < 0.5
    loss = METRICS["log_loss"]
    gain = 0.0
    for inside in (half, ~half):
        t = temperature(y[inside], probabilities[inside])
        outside = ~inside
        gain += loss(y[outside], probabilities[outside]) - loss(y[outside], calibrate(probabilities[outside], t))
    return gain > 0


def same_members(a: Blend | None, b: Blend) -> bool:
    """Whether two blends are the same trials with the same weights and the same folds."""
    if a is None:
        return False
    return _key(a.trials, a.weights) == _key(b.trials, b.weights)


def _key(trials: Sequence[Trial], weights: Sequence[float]) -> list[tuple[int, int, float]]:
    return [(t.number, len(t.scores), w) for t, w in zip(trials, weights, strict=True)]
