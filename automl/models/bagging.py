"""Families of trees that are grown apart from each other and averaged: what forests of either kind share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.family import Family, Limits, Model
from automl.features import Layout
from automl.models.averaged_trees import AveragedTrees, Growth
from automl.plan import Cost, Hardware
from automl.profile import Profile, Shape
from automl.space import Float, Int, Params, Space
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_N_TREES, _FEWEST_TREES = 200, 25
_MAX_LEAVES = 15_000
_MOST_BYTES = 500e6  # of the leaves of a forest: with many classes there are fewer trees
_BATCH_BYTES = 50e6  # of trees in scikit-learn's layout, which has a number for each class in each node
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
    size, leaf = profile.size, int(params["min_samples_leaf"] or 1)
    n_trees = _count_trees(size.n_rows, size.n_outputs, leaf)
    seconds = forest_seconds(size, float(params["max_features"] or 1.0), n_trees, seconds_a_cell)
    return Cost(seconds / hardware.speed, forest_bytes(size, leaf, n_trees))


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
) -> Growth:
    leaf = int(params["min_samples_leaf"] or 1)
    n_trees = _count_trees(len(x), task.n_outputs, leaf)
    most = max(1, int(_BATCH_BYTES / _grown_bytes(len(x), task.n_outputs, leaf)))

    def grow(n: int, seed: int) -> Sequence[Any]:
        forest = estimator(task)(
            n_estimators=n,
            max_features=params["max_features"],
            min_samples_leaf=params["min_samples_leaf"],
            # A tree is cut off where it would cost more than it can add; below that, growing depth first is faster.
            max_leaf_nodes=_MAX_LEAVES if len(x) > 2 * _MAX_LEAVES else None,
            n_jobs=limits.n_threads,
            random_state=seed,
        )
        return [each.tree_ for each in forest.fit(x, y, sample_weight=weights).estimators_]

    return Growth(n_trees, _batches(grow, n_trees, most, limits))


def _batches(
    grow: Callable[[int, int], Sequence[Any]], n_trees: int, most: int, limits: Limits
) -> Iterator[Sequence[Any]]:
    """Grow trees, one at first and `most` at a time, until there are all or the deadline is near.

    Args:
        grow: (number of trees, seed) -> fitted trees.
    """
    start, done, n = time.monotonic(), 0, 1
    while n:
        yield grow(n, int(np.random.SeedSequence((limits.seed, done)).generate_state(1)[0]))
        done += n
        now = time.monotonic()
        affordable = int(0.8 * (limits.deadline - now) / max((now - start) / done, 1e-9))
        n = max(0, min(2 * done, most, n_trees - done, affordable))


def _count_trees(n_rows: int, n_outputs: int, min_samples_leaf: int) -> int:
    """Trees of a forest: as many as are worth while, fewer where their leaves are large."""
    most = _MOST_BYTES / (4 * n_outputs * _count_leaves(n_rows, min_samples_leaf))
    return int(np.clip(most, _FEWEST_TREES, _N_TREES))


def _count_leaves(n_rows: int, min_samples_leaf: int) -> int:
    """Leaves of a tree, about."""
    return min(_MAX_LEAVES, max(1, n_rows * 2 // (3 * min_samples_leaf)))


def forest_seconds(size: Shape, max_features: float, n_trees: int, per_cell: float) -> float:
    """CPU seconds to grow and read a forest: each level of a tree looks at every row in the features drawn for it."""
    drawn = max(1.0, max_features * size.d)
    depth = np.log2(max(size.n_rows, 4))
    growing = per_cell * size.n_rows * depth * (drawn + 3.0)
    return float(n_trees * (6e-4 + growing * (1.0 + 0.02 * size.n_outputs)))


def forest_bytes(size: Shape, min_samples_leaf: int, n_trees: int) -> int:
    """Peak bytes of a forest: our arrays twice while they are joined, a batch as it was grown, and the matrix."""
    kept = n_trees * _count_leaves(size.n_rows, min_samples_leaf) * (2 * 30 + 4 * size.n_outputs)
    grown = max(_BATCH_BYTES, _grown_bytes(size.n_rows, size.n_outputs, min_samples_leaf))
    return int(2 * kept + grown + 8 * size.n_rows * size.d)


def _grown_bytes(n_rows: int, n_outputs: int, min_samples_leaf: int) -> int:
    """Bytes of one tree in scikit-learn's layout."""
    return 2 * _count_leaves(n_rows, min_samples_leaf) * (64 + 8 * n_outputs)
