"""The blend: better than its best member where members err apart, honest where it is crossed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.ensemble import (
    average,
    blend_weights,
    calibrate,
    crossed_blend,
    mix,
    temperature,
)
from automl.metrics import METRICS
from automl.task import Task

BINARY = Task(kind="binary", target="y", metric="log_loss", classes=("a", "b"))
RNG = np.random.default_rng(3)


def noisy(y: np.ndarray, error: float, seed: int) -> np.ndarray:
    return y + np.random.default_rng(seed).normal(scale=error, size=len(y))


def test_two_members_that_err_apart_beat_each_alone() -> None:
    y = RNG.normal(size=2000)
    members = [noisy(y, 1.0, 1), noisy(y, 1.0, 2), noisy(y, 9.0, 3)]
    weights = blend_weights(members, y, METRICS["rmse"])
    assert weights.sum() == pytest.approx(1.0)
    assert weights[:2] == pytest.approx([0.5, 0.5], abs=0.1)
    assert METRICS["rmse"](y, mix(members, list(weights))) < 0.8 * METRICS["rmse"](y, members[0])


@given(st.permutations(range(4)))
def test_the_order_of_models_does_not_matter_to_the_score(order: list[int]) -> None:
    y = np.random.default_rng(0).normal(size=200)
    members = [noisy(y, error, seed) for seed, error in enumerate((0.5, 0.7, 1.0, 2.0))]
    scores = []
    for chosen in (list(range(4)), order):
        pool = [members[i] for i in chosen]
        scores.append(METRICS["rmse"](y, mix(pool, list(blend_weights(pool, y, METRICS["rmse"])))))
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "f1_macro"])
def test_a_blend_of_classes_is_the_likeliest_whatever_the_metric(metric: str) -> None:
    y = RNG.integers(0, 3, 900)
    good = np.full((900, 3), 0.1)
    good[np.arange(900), y] = 0.8
    weights = blend_weights([np.full((900, 3), 1 / 3), good], y, METRICS[metric])
    assert weights.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("metric", ["rmse", "r2", "mae", "median_absolute_error", "rmsle"])
def test_a_blend_of_values_follows_the_metric_and_no_scale(metric: str) -> None:
    y = RNG.gamma(2.0, size=300)
    members = [np.abs(noisy(y, error, seed)) for seed, error in enumerate((0.3, 0.5, 3.0))]
    weights = blend_weights(members, y, METRICS[metric])
    assert weights[0] > weights[1] > weights[2]
    if metric != "rmsle":
        larger = [1_000 * member for member in members]
        assert blend_weights(larger, 1_000 * y, METRICS[metric]).tolist() == weights.tolist()


def test_a_model_without_an_error_takes_all_unless_there_are_few_rows() -> None:
    y = RNG.normal(size=50)
    members = [noisy(y, 0.1, 1), y.copy()]
    assert blend_weights(members, y, METRICS["rmse"]).tolist() == [0.0, 1.0]
    p = [np.column_stack([1 - q, q]) for q in (np.where(y > 0, 0.98, 0.02), np.where(y > 0, 1.0, 0.0))]
    codes = (y > 0).astype(int)
    many = [np.tile(q, (100, 1)) for q in p]
    assert blend_weights(p, codes, METRICS["log_loss"])[0] > 0.3
    assert blend_weights(many, np.tile(codes, 100), METRICS["log_loss"]).tolist() == [0.0, 1.0]


def test_crossed_weights_do_not_profit_from_noise_models() -> None:
    y = RNG.normal(size=120)
    members = [RNG.normal(size=120) for _ in range(30)]
    plain = mix(members, list(blend_weights(members, y, METRICS["rmse"])))
    crossed = crossed_blend(members, y, METRICS["rmse"])
    assert METRICS["rmse"](y, plain) < METRICS["rmse"](y, crossed)


def test_average_in_log_odds_is_the_normalised_geometric_mean() -> None:
    a, b = np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])
    odds = np.sqrt(9 * 1)
    assert average([a, b], "logit", BINARY)[0, 0] == pytest.approx(odds / (1 + odds))
    assert average([a, b], "identity", BINARY)[0, 0] == pytest.approx(0.7)


def test_temperature_is_found_and_shrunk() -> None:
    scores = RNG.normal(size=20_000) * 2
    y = (RNG.random(20_000) < 1 / (1 + np.exp(-scores))).astype(int)
    too_sure = 1 / (1 + np.exp(-2 * scores))
    p = np.column_stack([1 - too_sure, too_sure])
    assert temperature(y, p) == pytest.approx(2.0, abs=0.15)
    assert 1.0 < temperature(y[:200], p[:200]) < 1.4
    assert METRICS["log_loss"](y, calibrate(p, 2.0)) < METRICS["log_loss"](y, p)


def test_on_few_rows_the_weights_are_spread() -> None:
    y = RNG.normal(size=80)
    members = [noisy(y, 0.8 + 0.2 * seed, seed) for seed in range(6)]
    sure, spread = (blend_weights(members, y, METRICS["rmse"], spread=rows) for rows in (0.0, 50.0))
    assert spread.sum() == pytest.approx(1.0)
    assert spread.max() < sure.max()
    assert spread.min() > 0


def test_the_spread_helps_on_rows_that_the_weights_did_not_see() -> None:
    errors = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=1_060)
        members = [y + rng.normal(scale=scale, size=len(y)) for scale in rng.uniform(0.8, 1.2, size=12)]
        for rows in (0.0, 5.0):
            weights = blend_weights([m[:60] for m in members], y[:60], METRICS["rmse"], spread=rows)
            errors.append(METRICS["rmse"](y[60:], mix([m[60:] for m in members], list(weights))))
    assert np.mean(errors[1::2]) < np.mean(errors[0::2])
