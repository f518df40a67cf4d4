"""Random forest (Breiman 2001, doi:10.1023/A:1010933404324)."""

from __future__ import annotations

from typing import Any

from automl.models.bagging import bagged_trees
from automl.task import Task


def _estimator(task: Task) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return RandomForestClassifier if task.is_classification else RandomForestRegressor


FAMILY = bagged_trees("forest", "random forest", _estimator, seconds_a_cell=1.6e-8)
