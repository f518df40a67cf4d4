"""The baseline a person can say aloud: a decision tree of depth 3."""

from __future__ import annotations

from functools import partial
from typing import Any

from numpy.typing import NDArray

from automl.family import Family, Limits, Model
from automl.features import Layout
from automl.models.averaged_trees import AveragedTrees, Growth
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Params, Space
from automl.task import Task


def _grow(task: Task, x: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None, limits: Limits) -> Growth:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    make = DecisionTreeClassifier if task.is_classification else DecisionTreeRegressor
    tree = make(max_depth=3, min_samples_leaf=max(1, len(x) // 100), random_state=limits.seed)
    return Growth(1, [[tree.fit(x, y, sample_weight=weights).tree_]])


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - the contract's arguments
    return None if profile.size.d else "there is no feature to split on"


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:  # noqa: ARG001 - nothing to set
    size = profile.size
    cells = size.n_rows * size.d
    return Cost(seconds=(2e-3 + 1.5e-7 * cells) / hardware.speed, memory_bytes=8 * cells)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - nothing to tune
    return {}


def _default(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - nothing to set
    return ({},)


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - nothing to set
    return AveragedTrees(partial(_grow, task), task, layout)


FAMILY = Family(
    name="one_rule",
    title="decision tree of depth 3",
    traits=frozenset({"baseline", "tree", "glass_box", "native_missing", "native_categorical"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
)
