"""Linear models along a path of penalties, strong to weak, each started from the one before.

Minimised is the weighted mean loss plus `strength * (l1_ratio * |b|_1 + (1 - l1_ratio) / 2 * |b|^2)`, the intercept
free (Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x). Ridge regression is solved exactly; every other case by
L-BFGS-B, with coefficients as differences of two non-negative ones where the penalty has a corner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Loss: TypeAlias = Callable[[Array, Array, Array], tuple[float, Array]]

N_STEPS = 10
_EXACT_SIZE = 2500  # of the smaller side of the matrix, up to which an eigendecomposition is cheap
_MAX_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is fitted.

    Attributes:
        x: (n_rows, p) design, dense or sparse (scipy CSR).
        y: (n_rows, n_scores): values, 0 or 1 for one score of two classes, indicators of several classes.
        weights: (n_rows,), adding up to 1.
        loss: "squared", "logistic" (one score) or "softmax".
        l1_ratio: Share of the absolute penalty, 0 (ridge) to 1 (lasso).
        n_steps: Penalties on the path.
    """

    x: Any
    y: Array
    weights: Array
    loss: str
    l1_ratio: float
    n_steps: int = N_STEPS


@dataclass(frozen=True, slots=True)
class Coefficients:
    """A linear model: slopes (p, n_scores) and intercepts (n_scores,)."""

    slopes: Array
    intercepts: Array

    def scores(self, x: Any) -> NDArray[np.float64]:
        """(n_rows, n_scores)."""
        return np.asarray(x @ np.asarray(self.slopes, dtype=x.dtype), dtype=np.float64) + self.intercepts


def path(problem: Problem, deadline: float) -> Iterator[Coefficients]:
    """Solutions from the strongest penalty, where almost nothing is learned, to the weakest; the first always comes."""
    strengths = _strengths(problem)
    is_plain = problem.loss == "squared" and problem.l1_ratio == 0 and isinstance(problem.x, np.ndarray)
    if is_plain and min(problem.x.shape) <= _EXACT_SIZE:
        yield from _ridge(problem, strengths)
        return
    current = _null(problem)
    for k, strength in enumerate(strengths):
        if k and time.monotonic() > deadline:
            return
        current = _descend(problem, float(strength), current, deadline)
        yield current


def mean_loss(problem: Problem, coefficients: Coefficients) -> float:
    """The weighted mean loss without the penalty."""
    return _LOSSES[problem.loss](coefficients.scores(problem.x), problem.y, problem.weights)[0]


def _squared(score: Array, y: Array, weights: Array) -> tuple[float, Array]:
    gap = score - y
    pull = weights[:, None] * gap
    return float(0.5 * np.sum(pull * gap)), pull


def _logistic(score: Array, y: Array, weights: Array) -> tuple[float, Array]:
    losses = np.logaddexp(0, score) - y * score
    chance = 0.5 * (1 + np.tanh(0.5 * score))
    return float(weights @ losses[:, 0]), weights[:, None] * (chance - y)


def _softmax(score: Array, y: Array, weights: Array) -> tuple[float, Array]:
    shifted = score - score.max(axis=1, keepdims=True)
    parts = np.exp(shifted)
    total = parts.sum(axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - np.sum(y * shifted, axis=1)
    return float(weights @ losses), weights[:, None] * (parts / total - y)


_LOSSES: dict[str, Loss] = {"squared": _squared, "logistic": _logistic, "softmax": _softmax}
_CURVATURE = {"squared": 1.0, "logistic": 0.25, "softmax": 0.5}


def _null(problem: Problem) -> Coefficients:
    mean: Array = np.asarray(problem.weights @ problem.y)
    if problem.loss != "squared":
        share = np.clip(mean, 1e-6, 1 - 1e-6)
        mean = np.log(share / (1 - share)) if problem.loss == "logistic" else np.log(share)
    return Coefficients(np.zeros((problem.x.shape[1], problem.y.shape[1])), np.asarray(mean, dtype=np.float64))


def _strengths(problem: Problem) -> NDArray[np.float64]:
    """From where nothing is learned (lasso), or the first direction is halved (ridge), down by decades."""
    null = _null(problem)
    if problem.l1_ratio > 0.01:
        _, pull = _LOSSES[problem.loss](null.scores(problem.x), problem.y, problem.weights)
        top = float(np.abs(problem.x.T @ pull).max(initial=0.0)) / problem.l1_ratio
        return max(top, 1e-12) * np.logspace(-0.5, -5, problem.n_steps)
    top = _CURVATURE[problem.loss] * _largest_eigenvalue(problem.x, problem.weights)
    return max(top, 1e-12) * np.logspace(0.5, -6.5, problem.n_steps)


def _largest_eigenvalue(x: Any, weights: Array) -> float:
    """Of the weighted covariance, by ten power iterations: an estimate from below, good enough to set a scale."""
    v: Array = np.asarray(np.random.default_rng(0).standard_normal(x.shape[1]), dtype=x.dtype)
    mean = weights @ x
    size = 0.0
    for _ in range(10):
        v = v / x.dtype.type(max(float(np.linalg.norm(v)), 1e-30))
        score = x @ v - mean @ v
        v = np.asarray((weights * score) @ x - (weights @ score) * mean, dtype=x.dtype)
        size = float(np.linalg.norm(v))
    return size


def _ridge(problem: Problem, strengths: NDArray[np.float64]) -> Iterator[Coefficients]:
    root = np.sqrt(problem.weights)[:, None]
    x_mean, y_mean = problem.weights @ problem.x, problem.weights @ problem.y
    x = (problem.x - x_mean) * root
    y = (problem.y - y_mean) * root
    # The smaller of the two Gram matrices has all the eigenvalues there are.
    if x.shape[1] <= x.shape[0]:
        values, basis = np.linalg.eigh(np.asarray(x.T @ x, dtype=np.float64))
        right = basis.T @ (x.T @ y)
    else:
        values, rows = np.linalg.eigh(np.asarray(x @ x.T, dtype=np.float64))
        basis, right = x.T @ rows, rows.T @ y
    values = np.maximum(values, 0.0)
    for strength in strengths:
        slopes = basis @ (right / (values + strength)[:, None])
        yield Coefficients(slopes, y_mean - x_mean @ slopes)


def _descend(problem: Problem, strength: float, start: Coefficients, deadline: float) -> Coefficients:
    from scipy.optimize import minimize

    p, k = start.slopes.shape
    split = problem.l1_ratio > 0
    square, corner = strength * (1 - problem.l1_ratio), strength * problem.l1_ratio
    loss = _LOSSES[problem.loss]

    def slopes_of(theta: Array) -> Array:
        parts = theta[k:].reshape(-1, p, k)
        return np.asarray(parts[0] - parts[1] if split else parts[0])

    def objective(theta: Array) -> tuple[float, Array]:
        slopes = slopes_of(theta)
        value, pull = loss(Coefficients(slopes, theta[:k]).scores(problem.x), problem.y, problem.weights)
        down = np.asarray(problem.x.T @ np.asarray(pull, dtype=problem.x.dtype), dtype=np.float64) + square * slopes
        value += 0.5 * square * float(np.sum(slopes * slopes))
        both = [down + corner, corner - down] if split else [down]
        value += corner * float(theta[k:].sum()) if split else 0.0
        return value, np.concatenate([pull.sum(axis=0), *(side.ravel() for side in both)])

    def watch(_: Array) -> None:
        if time.monotonic() > deadline:
            raise StopIteration

    slopes = start.slopes
    sides = [np.maximum(slopes, 0), np.maximum(-slopes, 0)] if split else [slopes]
    theta = np.concatenate([start.intercepts, *(side.ravel() for side in sides)])
    bounds = [(None, None)] * k + [(0, None)] * (len(theta) - k) if split else None
    options = {"maxiter": _MAX_ITERATIONS, "ftol": 1e-7, "gtol": 1e-6}
    found = minimize(objective, theta, jac=True, method="L-BFGS-B", bounds=bounds, callback=watch, options=options).x
    return Coefficients(slopes_of(found), found[:k].copy())
