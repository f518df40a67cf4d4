"""Families of trees that are grown apart from each other and averaged: what forests of either kind share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.family import Family, Limits, Model
from automl.features import Layout
from automl.plan import Cost, Hardware
from automl.profile import Profile, Shape
from automl.space import Float, Int, Params, Space
from automl.task import Task
from automl.trees import AveragedTrees

Array: TypeAlias = NDArray[Any]

_N_TREES = 200
_MAX_LEAVES = 15_000
_TRAITS = frozenset({"tree", "bagging", "native_missing", "native_categorical"})


def bagged_trees(name: str, title: str, estimator: Callable[[Task], Any], seconds_a_cell: float) -> Family:
    """A family of averaged trees.

    Args:
        estimator: The scikit-learn class for a task; called when the first tree is grown.
        seconds_a_cell: CPU seconds on the reference machine to look at one row in one drawn feature at one level.
    """
    return Family(
        name=name,
        title=title,
        traits=_TRAITS,
        eligible=_eligible,
        cost=partial(_cost, seconds_a_cell),
        space=_space,
        default=_default,
        build=partial(_build, estimator),
    )


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - the contract's arguments
    return None if profile.size.d else "there is no feature to split on"


def _cost(seconds_a_cell: float, profile: Profile, params: Params, hardware: Hardware) -> Cost:
    seconds = forest_seconds(profile.size, float(params["max_features"] or 1.0), _N_TREES, seconds_a_cell)
    leaf = int(params["min_samples_leaf"] or 1)
    return Cost(seconds / hardware.speed, forest_bytes(profile.size, leaf, _N_TREES, _MAX_LEAVES))


def _space(profile: Profile) -> Space:
    return {
        "max_features": Float(min(1.0, 1.0 / np.sqrt(profile.size.d)), 1.0),
        "min_samples_leaf": Int(1, 32, log=True),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    size = profile.size
    root = float(1.0 / np.sqrt(size.d))
    leaf = 1 if size.n_rows < 10_000 else 2 if size.n_rows < 100_000 else 4
    usual = root if size.n_outputs > 1 else max(root, 0.4)
    return (
        {"max_features": usual, "min_samples_leaf": leaf},
        {"max_features": max(root, 0.6), "min_samples_leaf": 4 * leaf},
    )


def _build(estimator: Callable[[Task], Any], params: Params, task: Task, layout: Layout) -> Model:
    return AveragedTrees(partial(_grow, estimator, params, task), task, layout)


def _grow(
    estimator: Callable[[Task], Any],
    params: Params,
    task: Task,
    x: Array,
    y: Array,
    weights: Array | None,
    limits: Limits,
) -> tuple[Sequence[Any], bool]:
    forest = estimator(task)(
        max_features=params["max_features"],
        min_samples_leaf=params["min_samples_leaf"],
        # A tree is cut off where it would cost more than it can add; below that, growing depth first is faster.
        max_leaf_nodes=_MAX_LEAVES if len(x) > 2 * _MAX_LEAVES else None,
        n_jobs=limits.n_threads,
        random_state=limits.seed,
    )
    return grow_in_chunks(forest, _N_TREES, (x, y, weights), limits)


def grow_in_chunks(
    estimator: Any, n_trees: int, rows: tuple[Array, Array, Array | None], limits: Limits
) -> tuple[Sequence[Any], bool]:
    """Grow a scikit-learn forest until it has its trees or the deadline is near; at least one tree.

    Returns:
        The fitted trees, and whether the deadline cut them short.
    """
    x, y, weights = rows
    start, done, chunk = time.monotonic(), 0, 1
    while chunk:
        estimator.set_params(n_estimators=done + chunk, warm_start=True)
        estimator.fit(x, y, sample_weight=weights)
        done += chunk
        now = time.monotonic()
        affordable = int(0.8 * (limits.deadline - now) / max((now - start) / done, 1e-9))
        chunk = max(0, min(2 * done, n_trees - done, affordable))
    return estimator.estimators_, done < n_trees


def forest_seconds(size: Shape, max_features: float, n_trees: int, per_cell: float) -> float:
    """CPU seconds to grow and read a forest: each level of a tree looks at every row in the features drawn for it."""
    drawn = max(1.0, max_features * size.d)
    depth = np.log2(max(size.n_rows, 4))
    growing = per_cell * size.n_rows * depth * (drawn + 3.0)
    return float(n_trees * (6e-4 + growing * (1.0 + 0.02 * size.n_outputs)))


def forest_bytes(size: Shape, min_samples_leaf: int, n_trees: int, max_leaves: int) -> int:
    """Peak bytes of a forest: nodes in scikit-learn's layout and once more in ours, and the matrix."""
    n_nodes = 2 * min(max_leaves, max(1, size.n_rows * 2 // (3 * min_samples_leaf)))
    return int(n_trees * n_nodes * (64 + 30 + 12 * size.n_outputs) + 8 * size.n_rows * size.d)
