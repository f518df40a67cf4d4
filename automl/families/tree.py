"""One decision tree (CART), small enough to read."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.family import Family, Limits, Model
from automl.features import Layout
from automl.models.averaged_trees import AveragedTrees, Growth
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Int, Params, Space
from automl.task import Task


def _grow(
    params: Params, task: Task, x: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None, limits: Limits
) -> Growth:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    make = DecisionTreeClassifier if task.is_classification else DecisionTreeRegressor
    tree = make(
        max_leaf_nodes=params["max_leaf_nodes"],
        min_samples_leaf=min(int(params["min_samples_leaf"] or 1), max(1, len(x) // 4)),
        random_state=limits.seed,
    )
    return Growth(1, [[tree.fit(x, y, sample_weight=weights).tree_]])


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - the contract's arguments
    return None if profile.size.d else "there is no feature to split on"


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    size = profile.size
    cells = size.n_rows * size.d
    depth = np.log2(float(params["max_leaf_nodes"] or 2))
    # Fitted on generated tables of 1,000 to 100,000 rows: sorting each column once a level.
    return Cost(seconds=float(2e-3 + 5e-8 * cells * depth) / hardware.speed, memory_bytes=8 * cells)


def _space(profile: Profile) -> Space:
    n = profile.size.n_rows
    return {
        "max_leaf_nodes": Int(4, 256, log=True),
        "min_samples_leaf": Int(1, max(32, min(500, n // 100)), log=True),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    n = profile.size.n_rows
    leaf = int(np.clip(n // 1000, 3, 32))
    middle = int(np.clip(n // 50, 8, 64))
    return (
        {"max_leaf_nodes": middle, "min_samples_leaf": leaf},
        {"max_leaf_nodes": max(4, middle // 4), "min_samples_leaf": leaf},
        {"max_leaf_nodes": min(256, middle * 4), "min_samples_leaf": leaf},
    )


def _build(params: Params, task: Task, layout: Layout) -> Model:
    return AveragedTrees(partial(_grow, params, task), task, layout)


FAMILY = Family(
    name="tree",
    title="decision tree",
    traits=frozenset({"tree", "glass_box", "native_missing", "native_categorical"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
)
