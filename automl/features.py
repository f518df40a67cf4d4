"""What a family receives: numbers, codes and blocks, and the layout that names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
BlockKind: TypeAlias = Literal["image", "audio", "words", "terms", "grams", "series"]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of one column carries beside numbers and codes: an image, a sound, a text.

    Kinds, with the array of one block over all rows:
        image: (n_rows, height, width, channels) uint8.
        audio: (n_rows, n_frames, n_bands) float16, a log-mel spectrogram.
        words: (n_rows, n_words) int32, the words of a text in order; 0 beyond its end.
        terms: (n_rows, n_terms) float32, a sparse matrix (scipy CSR) of weighted words and pairs of words.
        grams: (n_rows, n_grams) float32, likewise of weighted runs of characters.
        series: (n_rows, n_steps, n_variables) float32, NaN where unknown. No encoder makes it: nets put it together of
            the columns of a window.

    Attributes:
        column: Of the user's file.
        shape: Of one row.
        n_codes: Codes of words, 0 included; 0 for other kinds.
    """

    column: str
    kind: BlockKind
    shape: tuple[int, ...]
    n_codes: int = 0


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
        blocks: Of media and texts, in the order of their columns.
        embedded: Columns that a pretrained encoder reads too, which takes milliseconds a value.
    """

    columns: tuple[str, ...]
    num_names: tuple[str, ...] = ()
    num_sources: tuple[int, ...] = ()
    cat_names: tuple[str, ...] = ()
    cat_sources: tuple[int, ...] = ()
    n_levels: tuple[int, ...] = ()
    cat_ordered: tuple[bool, ...] = ()
    blocks: tuple[Block, ...] = ()
    embedded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """Encoded rows.

    Shape:
        x_num: (n_rows, d_num) float32, NaN where missing.
        x_cat: (n_rows, d_cat) int32, code of the category; -1 where missing, -2 where unseen in training.
        blocks: One array each of `layout.blocks`, all zero in a row whose value is missing.
    """

    x_num: FloatArray
    x_cat: IntArray
    layout: Layout
    blocks: tuple[Any, ...] = ()

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.x_num)

    def take(self, rows: NDArray[np.intp] | slice) -> Features:
        """The given rows, by index or slice."""
        return Features(self.x_num[rows], self.x_cat[rows], self.layout, tuple(block[rows] for block in self.blocks))

    def beside(self, kinds: frozenset[BlockKind]) -> Features:
        """Numbers and codes of the columns that have no block of these kinds."""
        layout = self.layout
        taken = {layout.columns.index(block.column) for block in layout.blocks if block.kind in kinds}
        num = [i for i, source in enumerate(layout.num_sources) if source not in taken]
        cat = [i for i, source in enumerate(layout.cat_sources) if source not in taken]
        rest = msgspec.structs.replace(
            layout,
            num_names=tuple(layout.num_names[i] for i in num),
            num_sources=tuple(layout.num_sources[i] for i in num),
            cat_names=tuple(layout.cat_names[i] for i in cat),
            cat_sources=tuple(layout.cat_sources[i] for i in cat),
            n_levels=tuple(layout.n_levels[i] for i in cat),
            cat_ordered=tuple(layout.cat_ordered[i] for i in cat),
            blocks=(),
        )
        return Features(self.x_num[:, num], self.x_cat[:, cat], rest)


def stacked(first: Features, second: Features) -> Features:
    """The rows of two, of one layout, one after the other."""
    blocks = [_stacked(a, b) for a, b in zip(first.blocks, second.blocks, strict=True)]
    x_num, x_cat = np.concatenate([first.x_num, second.x_num]), np.concatenate([first.x_cat, second.x_cat])
    return Features(x_num, x_cat, first.layout, tuple(blocks))


def _stacked(first: Any, second: Any) -> Any:
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second])
    from scipy.sparse import vstack

    return vstack([first, second], format="csr")
