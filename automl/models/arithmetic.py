"""Sums, differences, products and ratios of numeric features, two at a time.

Trees split on one feature at a time and need many splits for a rate that a table holds as amount and term. Which pairs
are worth a feature is learned. Source: TabPrep (arXiv:2606.02384), with a boosting of few rounds as the sieve.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.features import FloatArray

Gains: TypeAlias = Callable[[FloatArray], NDArray[Any]]

MOST_PAIRS = 16
_MOST_FEATURES = 8  # that pairs are made of
_NAMES = ("pair_first", "pair_second", "pair_operation")
_OPERATIONS: tuple[Callable[[Any, Any], Any], ...] = (
    np.add,
    np.subtract,
    np.multiply,
    np.divide,
    lambda first, second: second / first,
)
MOST_TRIED = len(_OPERATIONS) * _MOST_FEATURES * (_MOST_FEATURES - 1) // 2


class ArithmeticPairs:
    """Features made of two numeric features each.

    Args:
        arrays: `pair_first`, `pair_second`, `pair_operation`, as `fit` made them; others may stand beside them.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = {name: arrays[name] for name in _NAMES}

    @classmethod
    def none(cls) -> Self:
        """No pair."""
        return cls({name: np.empty(0, dtype=np.int32) for name in _NAMES})

    @classmethod
    def fit(cls, x_num: FloatArray, gains: Gains) -> Self:
        """The pairs of the most telling features that tell most themselves.

        Args:
            x_num: (n_rows, d_num).
            gains: (n_rows, p) features -> (p,) how much a few trees gain by each, 0 where they don't split on it.
        """
        telling = _best(gains(x_num), _MOST_FEATURES)
        made = [(*pair, operation) for pair in combinations(telling, 2) for operation in range(len(_OPERATIONS))]
        if not made:
            return cls.none()
        every = cls(dict(zip(_NAMES, np.array(made, dtype=np.int32).T, strict=True)))
        gained = gains(np.concatenate([x_num, every.apply(x_num)], axis=1))[x_num.shape[1] :]
        kept = _best(gained, MOST_PAIRS)
        return cls({name: values[kept] for name, values in every.arrays.items()})

    @classmethod
    def load(cls, arrays: dict[str, NDArray[Any]], d_num: int) -> Self:
        """The pairs that were saved.

        Raises:
            ModelFileError: They are not of so many numeric features.
        """
        if missing := [name for name in _NAMES if name not in arrays]:
            raise ModelFileError(f"the model file lacks {missing[0]} of pairs of features", "fit the model again")
        ends = d_num, d_num, len(_OPERATIONS)
        values = [arrays[name] for name in _NAMES]
        if len({v.shape for v in values}) != 1 or not all(map(_is_index, values, ends)):
            raise ModelFileError("the model file pairs features that are not there", "fit the model again")
        return cls(arrays)

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.arrays["pair_first"])

    @property
    def sources(self) -> NDArray[np.intp]:
        """(n, 2) the features of each."""
        return np.stack([self.arrays["pair_first"], self.arrays["pair_second"]], axis=1).astype(np.intp)

    def apply(self, x_num: FloatArray) -> FloatArray:
        """(n_rows, n) the features, NaN where a part is missing or the result is no number that fits."""
        first, second, operation = (self.arrays[name] for name in _NAMES)
        made = np.empty((len(x_num), len(first)), dtype=np.float32)
        for number, operate in enumerate(_OPERATIONS):
            these = np.flatnonzero(operation == number)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                made[:, these] = operate(x_num[:, first[these]], x_num[:, second[these]])
        made[~np.isfinite(made)] = np.nan
        return made


def _best(gains: NDArray[Any], most: int) -> NDArray[np.intp]:
    """Indices of the largest gains above 0, in order of size."""
    order = np.argsort(-gains, kind="stable")[:most]
    return np.asarray(order[gains[order] > 0])


def _is_index(values: NDArray[Any], end: int) -> bool:
    """Whether these are integers of 0 to `end`, exclusive, in one dimension."""
    if values.ndim != 1 or values.dtype.kind != "i":
        return False
    return not len(values) or bool(values.min() >= 0 and values.max() < end)
