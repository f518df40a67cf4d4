"""Target encoding: categories as means of the target, for features of many levels.

Source: Micci-Barreca, ACM SIGKDD Explorations 3(1), 2001, doi:10.1145/507533.507538, with a fixed weight of the prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.family import Rows

Matrix: TypeAlias = NDArray[np.float64]

_MAX_CLASSES = 10
_N_FOLDS = 5
_SMOOTHING = 10.0  # rows of prior mixed into the mean of a level; TabPrep (arXiv:2606.02384) takes the same


class TargetMeans:
    """Smoothed means of the target by level of categorical features.

    A missing value is a level of its own; an unseen one has the prior.

    Args:
        arrays: `mean_feature`, `mean_offset`, `mean_table`, `mean_prior` and `mean_class`, as `fit` made them; others
            may stand beside them.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = {name: value for name, value in arrays.items() if name.startswith("mean_")}

    @classmethod
    def fit(cls, rows: Rows, features: NDArray[np.intp], n_classes: int) -> Self:
        """Means over all rows.

        Args:
            features: Indices of the categorical features.
            n_classes: Classes of `rows.y`; 0 or 1 for regression. Beyond 10, means of the 10 most frequent are taken.
        """
        n_levels = np.asarray(rows.x.layout.n_levels, dtype=np.intp)[features]
        weights, picked = _weights(rows), _picked_classes(rows, n_classes)
        targets = _targets(rows, picked)
        prior = weights @ targets / max(weights.sum(), 1e-12)
        offset = np.concatenate([[0], np.cumsum(n_levels + 2)]).astype(np.intp)
        arrays = {"mean_feature": features, "mean_offset": offset, "mean_prior": prior, "mean_class": picked}
        table = np.tile(prior, (int(offset[-1]), 1))
        for j, feature in enumerate(features):
            at = slice(offset[j], offset[j + 1])
            size = int(n_levels[j]) + 2
            slots = _slots(rows.x.x_cat[:, feature], size)
            mass = np.bincount(slots, weights, size)[:, None]
            sums = _sums(slots, weights, targets, size)
            table[at] = (sums + _SMOOTHING * prior) / (mass + _SMOOTHING)
        return cls(arrays | {"mean_table": table})

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]], features: NDArray[np.intp], n_levels: Sequence[int]) -> Self:
        """The means that were saved.

        Args:
            features: Those that there should be means of.
            n_levels: Of every categorical feature.

        Raises:
            ModelFileError: They are not of these features.
        """
        names = ("mean_feature", "mean_offset", "mean_table", "mean_prior", "mean_class")
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ModelFileError(f"the model file lacks {missing[0]} of a target encoding", "fit the model again")
        offset = np.concatenate([[0], np.cumsum(np.asarray(n_levels, dtype=np.intp)[features] + 2)])
        shape = (int(offset[-1]), len(arrays["mean_prior"]))
        same = np.array_equal(arrays["mean_feature"], features) and np.array_equal(arrays["mean_offset"], offset)
        same &= arrays["mean_prior"].ndim == 1 and arrays["mean_table"].shape == shape
        if not same or not all(np.isfinite(arrays[name]).all() for name in ("mean_table", "mean_prior")):
            raise ModelFileError("the target encoding in the model file is of other features", "fit the model again")
        return cls(arrays)

    @property
    def sources(self) -> NDArray[np.intp]:
        """(n_features * n_means,) the categorical feature of each column of means."""
        return np.repeat(self.arrays["mean_feature"], len(self.arrays["mean_prior"])).astype(np.intp)

    def apply(self, x_cat: NDArray[np.int32]) -> Matrix:
        """(n_rows, n_features * n_means) means of the training rows, feature by feature."""
        a = self.arrays
        n_means = len(a["mean_prior"])
        out = np.empty((len(x_cat), len(a["mean_feature"]) * n_means), order="F")
        for j, feature in enumerate(a["mean_feature"]):
            start, stop = a["mean_offset"][j], a["mean_offset"][j + 1]
            slots = _slots(x_cat[:, feature], int(stop - start))
            out[:, j * n_means : (j + 1) * n_means] = a["mean_table"][start:stop][slots]
        return out

    def cross_fitted(self, rows: Rows, seed: int) -> Matrix:
        """(n_rows, n_features * n_means) means without the fold that a row stands in; the prior is the same for all."""
        a = self.arrays
        n_means, n_rows = len(a["mean_prior"]), rows.x.n_rows
        out = np.empty((n_rows, len(a["mean_feature"]) * n_means), order="F")
        if not len(a["mean_feature"]):
            return out
        weights, targets = _weights(rows), _targets(rows, a["mean_class"])
        fold = np.random.default_rng(seed).permutation(n_rows) % _N_FOLDS
        for j, feature in enumerate(a["mean_feature"]):
            size = int(a["mean_offset"][j + 1] - a["mean_offset"][j])
            slots = _slots(rows.x.x_cat[:, feature], size)
            cell = fold * size + slots
            sums = _sums(cell, weights, targets, size * _N_FOLDS).reshape(_N_FOLDS, size, n_means)
            mass = np.bincount(cell, weights, size * _N_FOLDS).reshape(_N_FOLDS, size, 1)
            sums, mass = sums.sum(axis=0) - sums, mass.sum(axis=0) - mass
            means = (sums + _SMOOTHING * a["mean_prior"]) / (mass + _SMOOTHING)
            out[:, j * n_means : (j + 1) * n_means] = means[fold, slots]
        return out


def _weights(rows: Rows) -> Matrix:
    return np.ones(rows.x.n_rows) if rows.weights is None else np.asarray(rows.weights, dtype=np.float64)


def _picked_classes(rows: Rows, n_classes: int) -> NDArray[np.intp]:
    """The classes whose shares are the means: none for regression, the second for two, the most frequent for many."""
    if n_classes <= 1:
        return np.zeros(0, np.intp)
    if n_classes == 2:
        return np.array([1], np.intp)
    counts = np.bincount(rows.y.astype(np.intp), minlength=n_classes)
    return np.sort(np.argsort(-counts, kind="stable")[:_MAX_CLASSES])


def _targets(rows: Rows, picked: NDArray[np.intp]) -> Matrix:
    """(n_rows, n_means) what is averaged: the value itself, or whether the row is of each picked class."""
    if not len(picked):
        return np.asarray(rows.y, dtype=np.float64)[:, None]
    return np.asarray(rows.y[:, None] == picked[None, :], dtype=np.float64)


def _slots(codes: NDArray[np.int32], size: int) -> NDArray[np.intp]:
    """Codes with room for missing (second to last) and unseen (last)."""
    slots = codes.astype(np.intp)
    return np.where(slots == -1, size - 2, np.where((slots < 0) | (slots >= size - 2), size - 1, slots))


def _sums(cell: NDArray[np.intp], weights: Matrix, targets: Matrix, size: int) -> Matrix:
    """(size, n_means) weighted sums of the targets by cell."""
    return np.stack([np.bincount(cell, weights * targets[:, k], size) for k in range(targets.shape[1])], axis=1)
