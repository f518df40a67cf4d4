"""The penalty path against scikit-learn's solvers, for the same penalty."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from automl.models.penalised import N_STEPS, Problem, _strengths, mean_loss, path

FAR = float("inf")


def _design(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    score = x[:, 0] - 2 * x[:, 1] + 0.5 * rng.normal(size=n)
    return x, score, rng.uniform(0.5, 2, n)


@pytest.mark.parametrize(("n", "p"), [(200, 8), (40, 120)])
def test_ridge_is_exact_on_either_side_of_square(n: int, p: int) -> None:
    x, y, weights = _design(n, p)
    problem = Problem(x, y[:, None], weights / weights.sum(), "squared", 0.0)
    solutions = list(path(problem, FAR))
    assert len(solutions) == N_STEPS
    for strength, found in zip(_strengths(problem), solutions, strict=True):
        reference = Ridge(alpha=strength).fit(x, y, sample_weight=problem.weights)
        np.testing.assert_allclose(found.scores(x)[:, 0], reference.predict(x), atol=1e-6)


def test_elastic_net_agrees_with_coordinate_descent_and_starts_empty() -> None:
    x, y, _ = _design(300, 12)
    problem = Problem(x, y[:, None], np.full(300, 1 / 300), "squared", 0.7)
    solutions = list(path(problem, FAR))
    for strength, found in list(zip(_strengths(problem), solutions, strict=True))[::3]:
        reference = ElasticNet(alpha=strength, l1_ratio=0.7, tol=1e-8).fit(x, y)
        np.testing.assert_allclose(found.slopes[:, 0], reference.coef_, atol=5e-3)
    n_used = [(np.abs(each.slopes) > 1e-6).sum() for each in solutions]
    assert n_used[0] <= 2 < n_used[-1]


def test_logistic_path_agrees_with_scikit_learn() -> None:
    x, score, weights = _design(400, 6)
    y = (score > 0).astype(float)
    problem = Problem(x, y[:, None], weights / weights.sum(), "logistic", 0.0)
    for strength, found in list(zip(_strengths(problem), path(problem, FAR), strict=True))[:7:3]:
        reference = LogisticRegression(C=1 / strength, tol=1e-10, max_iter=2000)
        reference.fit(x, y, sample_weight=problem.weights)
        np.testing.assert_allclose(found.scores(x)[:, 0], reference.decision_function(x), atol=0.02, rtol=0.02)


def test_softmax_loss_falls_along_the_path() -> None:
    x, score, _ = _design(300, 5)
    y = np.eye(3)[np.digitize(score, [-1, 1])]
    problem = Problem(x, y, np.full(300, 1 / 300), "softmax", 0.3)
    losses = [mean_loss(problem, each) for each in path(problem, FAR)]
    assert losses[-1] < 0.5 * losses[0]
    assert (np.diff(losses) < 1e-6).all()


def test_a_past_deadline_still_gives_the_first_step_only() -> None:
    x, score, _ = _design(200, 5)
    problem = Problem(x, (score[:, None] > 0).astype(float), np.full(200, 1 / 200), "logistic", 0.0)
    assert len(list(path(problem, time.monotonic() - 1))) == 1
