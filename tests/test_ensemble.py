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
    greedy_weights,
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
    weights = greedy_weights(members, y, METRICS["rmse"])
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
        scores.append(METRICS["rmse"](y, mix(pool, list(greedy_weights(pool, y, METRICS["rmse"])))))
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)


def test_log_loss_blend_uses_probabilities_of_the_true_class() -> None:
    y = RNG.integers(0, 3, 900)
    good = np.full((900, 3), 0.1)
    good[np.arange(900), y] = 0.8
    weights = greedy_weights([np.full((900, 3), 1 / 3), good], y, METRICS["log_loss"])
    assert weights.tolist() == [0.0, 1.0]


def test_crossed_weights_do_not_profit_from_noise_models() -> None:
    y = RNG.normal(size=120)
    members = [RNG.normal(size=120) for _ in range(30)]
    plain = mix(members, list(greedy_weights(members, y, METRICS["rmse"])))
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


def test_on_few_rows_the_weights_are_spread_over_equals() -> None:
    y = RNG.normal(size=80)
    members = [noisy(y, 1.0, seed) for seed in range(6)]
    alone, bagged = (f(members, y, METRICS["rmse"]) for f in (greedy_weights, blend_weights))
    assert bagged.sum() == pytest.approx(1.0)
    assert (bagged > 0).sum() >= (alone > 0).sum()
