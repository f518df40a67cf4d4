"""The baseline that looks at no column: class shares, or the middle of the target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.family import Family, FitLog, Limits, Rows, State
from automl.features import Features, Layout
from automl.models.probabilities import shares
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Params, Space
from automl.task import Task

_BY_MEDIAN = {"mae", "median_absolute_error", "mape"}


class Middle:
    """The same prediction for every row: what minimises the metric without any feature."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.prediction_: NDArray[np.float64] = np.zeros(0)

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - the contract's arguments
        """Class shares, the median for absolute errors, else the mean."""
        y, weights = train.y, train.weights
        if self._task.is_classification:
            self.prediction_ = shares(y, weights, len(self._task.classes))
        elif self._task.metric in _BY_MEDIAN:
            self.prediction_ = np.array([_median(y, weights)])
        else:
            self.prediction_ = np.array([np.average(y, weights=weights)])
        return FitLog()

    def predict(self, x: Features) -> NDArray[np.float64]:
        """The prediction, once a row."""
        repeated = np.tile(self.prediction_, (x.n_rows, 1))
        return repeated if self._task.is_classification else repeated[:, 0]

    def save(self) -> State:
        """The prediction."""
        return State(config={}, arrays={"prediction": self.prediction_})

    def load(self, state: State) -> None:
        """Restore the prediction.

        Raises:
            ModelFileError: It does not fit the task.
        """
        prediction = state.arrays.get("prediction", np.zeros(0))
        if prediction.shape != (self._task.n_outputs,):
            raise ModelFileError(f"the baseline's prediction has shape {prediction.shape}", "fit the model again")
        self.prediction_ = prediction.astype(np.float64)


def _median(y: NDArray[np.float64], weights: NDArray[np.float64] | None) -> float:
    if weights is None:
        return float(np.median(y))
    order = np.argsort(y, kind="stable")
    below = np.cumsum(weights[order])
    return float(y[order][np.searchsorted(below, below[-1] / 2)])


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - always there to compare with
    return None


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:  # noqa: ARG001 - nothing to set
    return Cost(seconds=(1e-3 + 2e-8 * profile.size.n_rows) / hardware.speed, memory_bytes=16 * profile.size.n_rows)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - nothing to tune
    return {}


def _default(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - nothing to set
    return ({},)


def _build(params: Params, task: Task, layout: Layout) -> Middle:  # noqa: ARG001 - nothing to set
    return Middle(task)


FAMILY = Family(
    name="majority",
    title="majority class or middle of the target",
    traits=frozenset({"baseline", "glass_box", "native_missing", "native_categorical"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
)
