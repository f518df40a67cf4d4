"""Extremely randomised trees: random thresholds, every row in every tree (doi:10.1007/s10994-006-6226-1)."""

from __future__ import annotations

from typing import Any

from automl.models.bagging import bagged_trees
from automl.task import Task


def _estimator(task: Task) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    return ExtraTreesClassifier if task.is_classification else ExtraTreesRegressor


FAMILY = bagged_trees("extra_trees", "extra trees", _estimator, seconds_a_cell=1.1e-8)
