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
from automl.features import Layout

Matrix: TypeAlias = NDArray[np.float64]

_MAX_CLASSES = 10
_MANY_LEVELS = 30
_N_FOLDS = 5
_NAMES = ("mean_feature", "mean_offset", "mean_table")
_SMOOTHING = 10.0  # rows of prior mixed into the mean of a level; TabPrep (arXiv:2606.02384) takes the same


def of_many_levels(layout: Layout) -> NDArray[np.intp]:
    """Categorical features in no order of more than 30 levels, of which trees split on means.

    A split on codes parts off few of them, and finds chance ones.
    """
    levels = zip(layout.n_levels, layout.cat_ordered, strict=True)
    return np.array([j for j, (n, ordered) in enumerate(levels) if n > _MANY_LEVELS and not ordered], dtype=np.intp)


class TargetMeans:
    """Smoothed means of the target by level of categorical features, as deviations from its mean over all rows.

    A missing value is a level of its own; an unseen one deviates by 0.

    Args:
        arrays: `mean_feature`, `mean_offset`, `mean_table`, as `fit` made them; others may stand beside them.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = {name: arrays[name] for name in _NAMES}

    @classmethod
    def fit(cls, rows: Rows, features: NDArray[np.intp], n_classes: int, seed: int) -> tuple[Self, Matrix]:
        """Means over all rows, and for these rows themselves, of which each sees the means of folds it is not in.

        A model fitted on the latter does not see a row's own target in its features.

        Args:
            features: Indices of the categorical features.
            n_classes: Classes of `rows.y`; 0 or 1 for regression. Beyond 10, means of the 10 most frequent are taken.
            seed: Of the folds.

        Returns:
            The means, and (n_rows, n_features * n_means) those of the rows, feature by feature.
        """
        weights, targets = row_weights(rows), targets_of(rows, n_classes)
        targets = targets - weights @ targets / max(weights.sum(), 1e-12)
        sizes = np.asarray(rows.x.layout.n_levels, dtype=np.intp)[features] + 2
        fold = crossing_folds(rows, _N_FOLDS, seed)
        n_means = targets.shape[1]
        table = np.zeros((int(sizes.sum()), n_means))
        offset = _offset(sizes)
        crossed = np.empty((rows.x.n_rows, len(features) * n_means), order="F")
        for j, (feature, size) in enumerate(zip(features, sizes.tolist(), strict=True)):
            slots = _slots(rows.x.x_cat[:, feature], size)
            cell = fold * size + slots
            sums = _sums(cell, weights, targets, size * _N_FOLDS).reshape(_N_FOLDS, size, n_means)
            mass = np.bincount(cell, weights, size * _N_FOLDS).reshape(_N_FOLDS, size, 1)
            whole, whole_mass = sums.sum(axis=0), mass.sum(axis=0)
            table[offset[j] : offset[j + 1]] = whole / (whole_mass + _SMOOTHING)
            means = (whole - sums) / (whole_mass - mass + _SMOOTHING)
            crossed[:, j * n_means : (j + 1) * n_means] = means[fold, slots]
        return cls({"mean_feature": features, "mean_offset": offset, "mean_table": table}), crossed

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]], features: NDArray[np.intp], n_levels: Sequence[int]) -> Self:
        """The means that were saved.

        Args:
            features: Those that there should be means of.
            n_levels: Of every categorical feature.

        Raises:
            ModelFileError: They are not of these features.
        """
        missing = [name for name in _NAMES if name not in arrays]
        if missing:
            raise ModelFileError(f"the model file lacks {missing[0]} of a target encoding", "fit the model again")
        offset, table = _offset(np.asarray(n_levels, dtype=np.intp)[features] + 2), arrays["mean_table"]
        same = np.array_equal(arrays["mean_feature"], features) and np.array_equal(arrays["mean_offset"], offset)
        if not same or table.ndim != 2 or len(table) != offset[-1] or not np.isfinite(table).all():
            raise ModelFileError("the target encoding in the model file is of other features", "fit the model again")
        return cls(arrays)

    @property
    def sources(self) -> NDArray[np.intp]:
        """(n_features * n_means,) the categorical feature of each column of means."""
        return np.repeat(self.arrays["mean_feature"], self.arrays["mean_table"].shape[1]).astype(np.intp)

    def apply(self, x_cat: NDArray[np.int32]) -> Matrix:
        """(n_rows, n_features * n_means) means of the training rows, feature by feature."""
        table, offset = self.arrays["mean_table"], self.arrays["mean_offset"]
        n_means = table.shape[1]
        out = np.empty((len(x_cat), len(self.arrays["mean_feature"]) * n_means), order="F")
        for j, feature in enumerate(self.arrays["mean_feature"]):
            slots = _slots(x_cat[:, feature], int(offset[j + 1] - offset[j]))
            out[:, j * n_means : (j + 1) * n_means] = table[offset[j] : offset[j + 1]][slots]
        return out


def _offset(sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the levels of each feature begin, and where the last ones end."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)


def crossing_folds(rows: Rows, n_folds: int, seed: int) -> NDArray[np.intp]:
    """(n_rows,) folds of about equal size, for features of rows that are made from the targets of other rows.

    Rows of one group are in one fold, for they tell of each other's targets what no new row does.
    """
    rng = np.random.default_rng(seed)
    if rows.groups is None:
        return rng.permutation(rows.x.n_rows) % n_folds
    _, code, sizes = np.unique(rows.groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = np.cumsum(sizes[order]) - 0.5 * sizes[order]
    return np.asarray((middles * n_folds / len(code)).astype(np.intp)[code])


def row_weights(rows: Rows) -> Matrix:
    """(n_rows,) the weights, 1 where there are none."""
    return np.ones(rows.x.n_rows) if rows.weights is None else np.asarray(rows.weights, dtype=np.float64)


def n_means(n_classes: int) -> int:
    """Means of a target: one, or one of each frequent class where there are more than two; 0 classes for regression."""
    return min(n_classes, _MAX_CLASSES) if n_classes > 2 else 1


def targets_of(rows: Rows, n_classes: int) -> Matrix:
    """(n_rows, n_means) what is averaged: the value, or whether a row is of the second, or of each frequent, class."""
    if n_classes <= 1:
        return np.asarray(rows.y, dtype=np.float64)[:, None]
    picked = np.array([1])
    if n_classes > 2:
        counts = np.bincount(rows.y.astype(np.intp), minlength=n_classes)
        picked = np.sort(np.argsort(-counts, kind="stable")[:_MAX_CLASSES])
    return np.asarray(rows.y[:, None] == picked[None, :], dtype=np.float64)


def _slots(codes: NDArray[np.int32], size: int) -> NDArray[np.intp]:
    """Codes with room for missing (second to last) and unseen (last)."""
    slots = codes.astype(np.intp)
    return np.where(slots == -1, size - 2, np.where((slots < 0) | (slots >= size - 2), size - 1, slots))


def _sums(cell: NDArray[np.intp], weights: Matrix, targets: Matrix, size: int) -> Matrix:
    """(size, n_means) weighted sums of the targets by cell."""
    return np.stack([np.bincount(cell, weights * targets[:, k], size) for k in range(targets.shape[1])], axis=1)
