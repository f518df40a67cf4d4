"""Every metric against scikit-learn as the oracle."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from automl.errors import UsageError
from automl.metrics import METRICS, check_metric, estimate, labels

RNG = np.random.default_rng(7)
N = 400


def probabilities(n_classes: int, n: int = N) -> np.ndarray[Any, np.dtype[np.float64]]:
    return RNG.dirichlet(np.ones(n_classes), n).round(2) * 0.98 + 0.02 / n_classes


BINARY = {
    "roc_auc": lambda y, p: oracle.roc_auc_score(y, p[:, 1]),
    "average_precision": lambda y, p: oracle.average_precision_score(y, p[:, 1]),
    "log_loss": oracle.log_loss,
    "brier": lambda y, p: oracle.brier_score_loss(y, p[:, 1]),
    "accuracy": lambda y, p: oracle.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p: oracle.balanced_accuracy_score(y, p.argmax(1)),
    "f1": lambda y, p: oracle.f1_score(y, p.argmax(1)),
    "f1_macro": lambda y, p: oracle.f1_score(y, p.argmax(1), average="macro"),
    "mcc": lambda y, p: oracle.matthews_corrcoef(y, p.argmax(1)),
}
VALUES = {
    "rmse": oracle.root_mean_squared_error,
    "mae": oracle.mean_absolute_error,
    "median_absolute_error": oracle.median_absolute_error,
    "r2": oracle.r2_score,
    "rmsle": oracle.root_mean_squared_log_error,
    "mape": oracle.mean_absolute_percentage_error,
}
MULTICLASS = {
    "roc_auc": lambda y, p: oracle.roc_auc_score(y, p, multi_class="ovr"),
    "log_loss": oracle.log_loss,
    "accuracy": BINARY["accuracy"],
    "balanced_accuracy": BINARY["balanced_accuracy"],
    "f1_macro": BINARY["f1_macro"],
    "mcc": BINARY["mcc"],
}


@pytest.mark.parametrize("name", BINARY)
def test_binary_metrics_agree_with_scikit_learn(name: str) -> None:
    y, p = RNG.integers(0, 2, N), probabilities(2)
    assert METRICS[name](y, p) == pytest.approx(BINARY[name](y, p), abs=1e-9)


@pytest.mark.parametrize("name", MULTICLASS)
def test_multiclass_metrics_agree_with_scikit_learn(name: str) -> None:
    y, p = RNG.integers(0, 4, N), probabilities(4)
    p /= p.sum(axis=1, keepdims=True)
    assert METRICS[name](y, p) == pytest.approx(MULTICLASS[name](y, p), abs=1e-9)


@pytest.mark.parametrize("name", VALUES)
def test_value_metrics_agree_with_scikit_learn(name: str) -> None:
    y = RNG.gamma(2.0, size=N)
    v = y + RNG.normal(size=N).clip(-1)
    v = v.clip(0)
    assert METRICS[name](y, v) == pytest.approx(VALUES[name](y, v), abs=1e-9)


def test_every_metric_has_an_oracle() -> None:
    assert set(METRICS) == set(BINARY) | set(VALUES)


def test_auc_of_one_class_is_nan() -> None:
    assert np.isnan(METRICS["roc_auc"](np.zeros(5, dtype=int), probabilities(2, 5)))


def test_threshold_moves_labels() -> None:
    p = np.array([[0.6, 0.4], [0.9, 0.1]])
    assert labels(p).tolist() == [0, 0]
    assert labels(p, 0.3).tolist() == [1, 0]


def test_unknown_and_unsuitable_metrics_are_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="no metric 'auc'") as unknown:
        check_metric("auc", "binary")
    assert "roc_auc" in str(unknown.value)
    with pytest.raises(UsageError, match="does not suit"):
        check_metric("rmse", "binary")


def test_intervals_for_a_new_sample_hold_its_score_about_as_often_as_they_claim() -> None:
    hits, metric = 0, METRICS["mae"]
    for draw in range(200):
        rng = np.random.default_rng(draw)
        y, new = rng.normal(size=300), rng.normal(size=100)
        found = estimate(metric, y, np.zeros(300), seed=draw, n_new=len(new))
        hits += found.low <= np.abs(new).mean() <= found.high
    assert 168 <= hits <= 192
    assert found.n_new == 100
    narrow = estimate(metric, y, np.zeros(300), seed=199)
    assert found.high - found.low == pytest.approx(2 * (narrow.high - narrow.low))


def test_intervals_hold_the_true_value_about_as_often_as_they_claim() -> None:
    hits, metric = 0, METRICS["mae"]
    for draw in range(60):
        rng = np.random.default_rng(draw)
        y = rng.normal(size=300)
        found = estimate(metric, y, np.zeros(300), seed=draw)
        hits += found.low <= np.sqrt(2 / np.pi) <= found.high
    assert 48 <= hits <= 60


def test_a_log_loss_of_next_to_nothing_leaves_room_for_a_row_of_which_nothing_is_known() -> None:
    y = np.arange(120) % 3
    sure = np.full((120, 3), 0.001)
    sure[np.arange(120), y] = 0.998
    found = estimate(METRICS["log_loss"], y, sure)
    assert found.value == pytest.approx(0.002, abs=1e-4)
    assert found.high == pytest.approx(found.value + np.log(3) / 121, rel=0.01)


def test_a_perfect_score_of_few_rows_is_not_shown_as_certain() -> None:
    y = np.repeat([0, 1], 12)
    sure = np.stack([1.0 - y, y], axis=1) * 0.8 + 0.1
    accuracy = estimate(METRICS["accuracy"], y, sure)
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert accuracy.low == pytest.approx(1 - 3 / 24), "95 % one-sided and exact: 0.05 ** (1 / 24) = 0.883"
    auc = estimate(METRICS["roc_auc"], y, sure)
    assert 0.5 < auc.low < auc.value == 1.0


def test_intervals_of_many_classes_cost_no_more_than_those_of_few() -> None:
    seen: list[int] = []
    metric = METRICS["accuracy"]
    counting = dataclasses.replace(metric, needs="probabilities", function=lambda y, p: float(seen.append(p.size) or 0))
    for n_classes in (2, 300):
        seen.clear()
        estimate(counting, RNG.integers(0, n_classes, 20_000), np.zeros((20_000, n_classes)))
        assert 30 < len(seen) <= 151
        assert sum(seen[1:]) <= 1.1e7
