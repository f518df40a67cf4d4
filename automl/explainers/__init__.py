"""Explanations of the model that ships, in the columns of the user's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl.family import Family, Model
from automl.features import Features, Layout
from automl.table import Table
from automl.task import Task


class Member(Protocol):
    """One model of the blend: a fold's fit of a family, with its weight in the blend (weights add up to 1)."""

    @property
    def weight(self) -> float:
        """Share of the blend, 0 to 1."""
        ...

    @property
    def family(self) -> Family:
        """What it is a model of."""
        ...

    @property
    def model(self) -> Model:
        """The fitted model."""
        ...


class Shipped(Protocol):
    """The model that ships, as explainers see it."""

    @property
    def task(self) -> Task:
        """What is predicted."""
        ...

    @property
    def layout(self) -> Layout:
        """Names and origin of the features."""
        ...

    @property
    def members(self) -> Sequence[Member]:
        """Every model of the blend."""
        ...

    def encode(self, table: Table) -> Features:
        """Rows of the user's file as features; row by row, nothing fitted."""
        ...

    def decode(self, table: Table, column: str) -> NDArray[Any]:
        """A column of media as the model sees it.

        Returns:
            (n_rows, height, width, channels) uint8 images, or (n_rows, n_frames, n_bands) float16 spectrograms.
        """
        ...

    def encode_decoded(self, table: Table, column: str, values: NDArray[Any]) -> Features:
        """`encode` with the media of one column given as `decode` returns them."""
        ...

    def predict(self, x: Features) -> NDArray[np.float64]:
        """(n_rows,) values, or (n_rows, n_classes) probabilities, calibration included."""
        ...
