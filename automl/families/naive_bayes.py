"""Naive Bayes over mixed columns: a normal density (or a histogram) a number, a table of shares a category."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.family import Family, FitLog, Limits, Model, Rows, State
from automl.features import Features, Layout
from automl.models.probabilities import proper, shares
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_SHAPES = {
    "prior": ("n_classes",),
    "mean": ("d_num", "n_classes"),
    "variance": ("d_num", "n_classes"),
    "table": ("n_cells", "n_classes"),
    "edges": ("d_num", "n_edges"),
}


class NaiveBayes:
    """Features independent given the class; a missing or unseen value says nothing (its factor is left out)."""

    def __init__(self, params: Params, task: Task, layout: Layout) -> None:
        self._m = float(params["smoothing"] or 1.0)
        self._floor = float(params["variance_floor"] or 1e-9)
        self._n_edges = 19 if params["numbers"] == "histogram" else 0
        self._task = task
        self._layout = layout
        self.arrays_: dict[str, Array] = {}

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - one pass, nothing random
        """Count and average, a feature at a time."""
        n_classes = len(self._task.classes)
        weights = np.ones(len(train.y)) if train.weights is None else train.weights / train.weights.mean()
        prior = shares(train.y, train.weights, n_classes)
        x_num = train.x.x_num
        edges = _quantiles(x_num, self._n_edges)
        mean, variance = _moments(x_num, train.y, weights, n_classes, self._floor)
        codes = _cells(train.x, edges)
        tables = [
            _log_lifts(codes[:, j], size, (train.y, weights), prior, self._m) for j, size in enumerate(self._sizes)
        ]
        self.arrays_ = {
            "prior": np.log(prior),
            "mean": mean,
            "variance": variance,
            "table": np.concatenate([np.zeros((0, n_classes)), *tables]),
            "edges": edges,
        }
        return FitLog()

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Posterior of each class."""
        a = self.arrays_
        score = np.tile(a["prior"], (x.n_rows, 1))
        if not self._n_edges:
            for j in range(x.x_num.shape[1]):
                value = x.x_num[:, j].astype(np.float64)
                known = np.isfinite(value)
                distance = (value[known, None] - a["mean"][j]) ** 2 / a["variance"][j]
                score[known] -= 0.5 * (distance + np.log(a["variance"][j]))
        start = 0
        for size, codes in zip(self._sizes, _cells(x, a["edges"]).T, strict=True):
            known = (codes >= 0) & (codes < size)
            score[known] += a["table"][start + codes[known]]
            start += size
        likelihood = np.exp(score - score.max(axis=1, keepdims=True))
        return proper(likelihood / likelihood.sum(axis=1, keepdims=True))

    def save(self) -> State:
        """Means, variances and tables."""
        return State(config={}, arrays=dict(self.arrays_))

    def load(self, state: State) -> None:
        """Restore the arrays.

        Raises:
            ModelFileError: Their shapes don't fit the columns and classes.
        """
        known = {
            "n_classes": len(self._task.classes),
            "d_num": len(self._layout.num_names),
            "n_cells": sum(self._sizes),
            "n_edges": self._n_edges,
        }
        for name, shape in _SHAPES.items():
            wanted, array = tuple(known[side] for side in shape), state.arrays.get(name)
            if array is None or array.shape != wanted:
                found = None if array is None else array.shape
                raise ModelFileError(f"array {name} has shape {found}, not {wanted}", "fit the model again")
        self.arrays_ = dict(state.arrays)

    @property
    def _sizes(self) -> list[int]:
        """Cells of each table: histogram bins of numbers, then categories."""
        bins = [self._n_edges + 1] * len(self._layout.num_names) if self._n_edges else []
        return [*bins, *self._layout.n_levels]


def _quantiles(x_num: Array, n_edges: int) -> Array:
    edges = np.zeros((x_num.shape[1], n_edges))
    for j in range(x_num.shape[1] if n_edges else 0):
        known = x_num[np.isfinite(x_num[:, j]), j].astype(np.float64)
        if len(known):
            edges[j] = np.quantile(known, np.arange(1, n_edges + 1) / (n_edges + 1))
    return edges


def _moments(x_num: Array, y: Array, weights: Array, n_classes: int, floor: float) -> tuple[Array, Array]:
    """Mean and variance (d_num, n_classes) of known values; a class without any takes those of all rows."""
    d = x_num.shape[1]
    mean, variance = np.zeros((d, n_classes)), np.ones((d, n_classes))
    for j in range(d):
        known = np.isfinite(x_num[:, j])
        value, w, c = x_num[known, j].astype(np.float64), weights[known], y[known]
        if not w.sum():
            continue
        overall = np.average(value, weights=w)
        spread = np.average((value - overall) ** 2, weights=w)
        mass = np.bincount(c, weights=w, minlength=n_classes)
        # One row's worth of the overall moments steadies classes of a few rows.
        mean[j] = (np.bincount(c, weights=w * value, minlength=n_classes) + overall) / (mass + 1)
        deviation = np.bincount(c, weights=w * (value - mean[j, c]) ** 2, minlength=n_classes)
        variance[j] = (deviation + spread) / (mass + 1) + floor * spread + np.finfo(np.float64).tiny
        if not spread:
            variance[j] = 1.0
    return mean, variance


def _cells(x: Features, edges: Array) -> NDArray[np.intp]:
    """(n_rows, n_tables) histogram bins of numbers, if there are edges, then category codes; negative where unknown."""
    columns = [x.x_cat]
    if edges.shape[1]:
        bins = [np.searchsorted(edges[j], x.x_num[:, j].astype(np.float64)) for j in range(len(edges))]
        columns = [np.where(np.isnan(x.x_num[:, j]), -1, each)[:, None] for j, each in enumerate(bins)] + columns
    return np.concatenate(columns, axis=1).astype(np.intp)


def _log_lifts(codes: Array, size: int, rows: tuple[Array, Array], prior: Array, m: float) -> Array:
    """Log of how many times likelier each class is in each cell, (size, n_classes).

    Shares of the classes in a cell are mixed with `m` rows of the prior (m-estimate, Cestnik 1990), so that a cell of a
    few rows says little: by Bayes' rule that share over the prior is the factor the cell contributes.
    """
    y, weights = rows
    known = (codes >= 0) & (codes < size)
    flat = np.bincount(codes[known] * len(prior) + y[known], weights=weights[known], minlength=size * len(prior))
    counts = flat.reshape(size, len(prior))
    return np.asarray(np.log((counts / prior + m) / (counts.sum(axis=1, keepdims=True) + m)))


def _eligible(profile: Profile, task: Task) -> str | None:
    if not task.is_classification:
        return "it predicts classes only"
    return None if profile.size.d else "there is no feature to count"


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    size = profile.size
    per_cell = (6e-8 if params["numbers"] == "histogram" else 3e-8) + 4e-9 * size.n_outputs
    seconds = 1e-3 + per_cell * size.n_rows * size.d + 1e-4 * size.d
    return Cost(seconds / hardware.speed, 16 * size.n_rows * size.d + 16 * size.n_levels * size.n_outputs)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - the same for all
    return {
        "numbers": Choice(("normal", "histogram")),
        "smoothing": Float(0.5, 100.0, log=True),
        "variance_floor": Float(1e-9, 0.1, log=True),
    }


def _default(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - the same for all
    normal: Params = {"numbers": "normal", "smoothing": 5.0, "variance_floor": 1e-6}
    return normal | {"numbers": "histogram"}, normal


def _build(params: Params, task: Task, layout: Layout) -> Model:
    return NaiveBayes(params, task, layout)


FAMILY = Family(
    name="naive_bayes",
    title="naive Bayes",
    traits=frozenset({"bayes", "glass_box", "native_missing", "native_categorical"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
)
