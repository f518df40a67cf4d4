"""What a family receives: two dense blocks and the layout that names their columns."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Names and origin of encoded features.

    Attributes:
        columns: The user's columns that features come from, in the order of the file.
        num_names: Names of numeric features, (d_num,).
        num_sources: Index into `columns` of each numeric feature, (d_num,).
        cat_names: Names of categorical features, (d_cat,).
        cat_sources: Index into `columns` of each categorical feature, (d_cat,).
        n_levels: Categories of each categorical feature, (d_cat,); codes run from 0 to n_levels - 1.
        cat_ordered: Whether the codes follow an order, (d_cat,).
    """

    columns: tuple[str, ...]
    num_names: tuple[str, ...] = ()
    num_sources: tuple[int, ...] = ()
    cat_names: tuple[str, ...] = ()
    cat_sources: tuple[int, ...] = ()
    n_levels: tuple[int, ...] = ()
    cat_ordered: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """Encoded rows.

    Shape:
        x_num: (n_rows, d_num) float32, NaN where missing.
        x_cat: (n_rows, d_cat) int32, code of the category; -1 where missing, -2 where unseen in training.
    """

    x_num: FloatArray
    x_cat: IntArray
    layout: Layout

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.x_num)

    def take(self, rows: NDArray[np.intp] | slice) -> Features:
        """The given rows, by index or slice."""
        return Features(self.x_num[rows], self.x_cat[rows], self.layout)
