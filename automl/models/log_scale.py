"""Models that learn the logarithm of the target, whatever their family, where the metric is one of logarithms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from automl.family import FitLog, Limits, Model, Rows, State
from automl.features import Features


class OnLogScale:
    """A model of log(1 + y); values below 0 count as 0, as in the metric."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:
        """Fit the model to logarithms."""
        return self._model.fit(_logarithms(train), None if valid is None else _logarithms(valid), limits)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """(n_rows,) values, 0 at least."""
        return np.maximum(np.expm1(self._model.predict(x)), 0.0)

    def save(self) -> State:
        """The model's."""
        return self._model.save()

    def load(self, state: State) -> None:
        """Load the model."""
        self._model.load(state)


def _logarithms(rows: Rows) -> Rows:
    return replace(rows, y=np.log1p(np.maximum(rows.y, 0.0)))
