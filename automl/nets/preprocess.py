"""From encoded features to what a net eats: robustly scaled numbers, flags (one-hot) and embedding indices.

Only numpy: the fitted state is a handful of plain arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from automl.features import Block, Features

_SAMPLE_ROWS = 200_000
_BLOCK_ROWS = 16_384
_UNKNOWN, _MISSING, _FIRST_LEVEL = 0, 1, 2


class Prepared(NamedTuple):
    """Numbers and codes as a net reads them.

    Shape:
        x_num: (n_rows, d_num) float32, scaled, smoothly clipped to (-3, 3), 0 where missing.
        x_flag: (n_rows, d_flag) float32, one-hot columns of small categories and missing indicators, scaled alike.
        x_cat: (n_rows, d_cat) int64, rows of embedding tables: 0 unknown, 1 missing, 2 on levels.
    """

    x_num: NDArray[np.float32]
    x_flag: NDArray[np.float32]
    x_cat: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InputSizes:
    """Sizes of what a net reads: numeric columns, flag columns, rows of each embedding table; and its blocks."""

    d_num: int
    d_flag: int
    n_categories: tuple[int, ...]
    blocks: tuple[Block, ...] = ()

    @property
    def has_columns(self) -> bool:
        """Whether there is anything but blocks."""
        return bool(self.d_num + self.d_flag + len(self.n_categories))


def robust_scale(x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Center and factor of each column: the median, and 1 / interquartile range.

    Where the quartiles meet, the factor is 2 / range; where all values are one, it is 0. Only finite values count.
    Source: RealMLP, arXiv 2407.04491, section 3.

    Args:
        x: (n_rows, d).

    Returns:
        Centers (d,) and factors (d,).
    """
    center, factor = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    stride = -(-len(x) // _SAMPLE_ROWS) or 1
    for j in range(x.shape[1]):
        values = x[::stride, j].astype(np.float64)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        low, q1, center[j], q3, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        if q3 > q1:
            factor[j] = 1 / (q3 - q1)
        elif high > low:
            factor[j] = 2 / (high - low)
    return center, factor


def smooth_clip(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The function x / sqrt(1 + (x / 3)^2): like x near 0, never out of (-3, 3); arXiv 2407.04491, section 3."""
    clipped: NDArray[np.float64] = x / np.sqrt(1 + np.square(x / 3))
    return clipped


class Preprocessor:
    """Scales numbers, turns small categories into flags and large ones into embedding indices.

    A category of at most `max_one_hot` levels becomes one flag a level (one of -1 and 1 if there are two), as in
    RealMLP. A missing category is a level of its own where training has missing values; levels that training does not
    have, and missing ones where it has none, are all zeros, or embedding row 0.

    Args:
        max_one_hot: Most levels that become flags.
    """

    def __init__(self, max_one_hot: int = 9) -> None:
        self.max_one_hot = max_one_hot

    def fit(self, x: Features) -> Preprocessor:
        """Learn medians, spreads, which columns have missing values and which levels there are."""
        self.flagged_: NDArray[np.int64] = np.flatnonzero(~np.isfinite(x.x_num).all(axis=0))
        self.center_, self.factor_ = robust_scale(x.x_num)
        maps = [_index_levels(x.x_cat[:, j], n) for j, n in enumerate(x.layout.n_levels)]
        self.level_start_ = np.cumsum([0, *map(len, maps)]).astype(np.int64)
        self.levels_ = np.concatenate([*maps, np.zeros(0, np.int64)])
        n_used = np.array([m.max() - _MISSING + (m[1] == _MISSING) for m in maps], dtype=np.int64)
        self.one_hot_ = np.flatnonzero(n_used <= self.max_one_hot)
        self.embedded_ = np.flatnonzero(n_used > self.max_one_hot)
        self.flag_center_, self.flag_factor_ = robust_scale(self._flags(x))
        return self

    @property
    def sizes(self) -> InputSizes:
        """What `transform` returns, in sizes."""
        tables = tuple(int(self._map(int(j)).max()) + 1 for j in self.embedded_)
        return InputSizes(len(self.center_), len(self.flag_center_), tables)

    def transform(self, x: Features) -> Prepared:
        """Rows as input of a net; every row by itself."""
        blocks = [self._block(x.take(slice(i, i + _BLOCK_ROWS))) for i in range(0, max(1, x.n_rows), _BLOCK_ROWS)]
        if len(blocks) == 1:
            return blocks[0]
        return Prepared(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The fitted state."""
        return {name: np.ascontiguousarray(value) for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> Preprocessor:
        """Take a fitted state back."""
        vars(self).update(arrays)
        return self

    def _map(self, j: int) -> NDArray[np.int64]:
        return self.levels_[self.level_start_[j] : self.level_start_[j + 1]]

    def _indices(self, x: Features, j: int) -> NDArray[np.int64]:
        """(n_rows,) embedding rows; codes are shifted by two so that -2 and -1 index the map's first entries."""
        table = self._map(j)
        codes = x.x_cat[:, j].astype(np.int64) + 2
        return table[np.where((codes < 0) | (codes >= len(table)), 0, codes)]

    def _flags(self, x: Features) -> NDArray[np.float32]:
        parts = [(~np.isfinite(x.x_num[:, self.flagged_])).astype(np.float32)]
        for j in self.one_hot_:
            table = self._map(int(j))
            first = _MISSING if table[1] == _MISSING else _FIRST_LEVEL
            one_hot = np.eye(table.max() + 1, dtype=np.float32)[self._indices(x, int(j))][:, first:]
            parts.append(one_hot[:, 1:] - one_hot[:, :1] if one_hot.shape[1] == 2 else one_hot)
        return np.concatenate(parts, axis=1)

    def _block(self, x: Features) -> Prepared:
        finite = np.isfinite(x.x_num)
        # float64: squares of huge values must not overflow
        values = np.where(finite, x.x_num, self.center_)
        x_num = smooth_clip((values - self.center_) * self.factor_).astype(np.float32)
        x_flag = smooth_clip((self._flags(x) - self.flag_center_) * self.flag_factor_).astype(np.float32)
        x_cat = np.zeros((x.n_rows, len(self.embedded_)), dtype=np.int64)
        for i, j in enumerate(self.embedded_):
            x_cat[:, i] = self._indices(x, int(j))
        return Prepared(x_num, x_flag, x_cat)


def _index_levels(codes: NDArray[np.int32], n_levels: int) -> NDArray[np.int64]:
    """(n_levels + 2,) embedding row of unseen, missing and every level; 0 for what training does not have."""
    present = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=n_levels)[:n_levels])
    table = np.zeros(n_levels + 2, dtype=np.int64)
    table[1] = _MISSING if (codes == -1).any() else _UNKNOWN
    table[present + 2] = np.arange(len(present)) + _FIRST_LEVEL
    return table
