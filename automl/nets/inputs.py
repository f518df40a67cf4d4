"""What a net reads of encoded rows: some blocks as they stand, and the other columns preprocessed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from automl.features import Block, BlockKind, Features
from automl.nets.preprocess import InputSizes, Preprocessor
from automl.task import History


class Inputs:
    """Blocks of some kinds, then the numbers, flags and categories of all columns that have no such block.

    A series is put together of the columns of a history, which stand among the numbers as well.

    Args:
        kinds: Of blocks that the net reads; none for nets that read tables only.
        max_one_hot: Most levels of a category that become flags.
        history: Of the rows, if they have one.
    """

    def __init__(self, kinds: frozenset[BlockKind], max_one_hot: int = 9, history: History | None = None) -> None:
        self._kinds = kinds
        self._history = history
        self.preprocessor = Preprocessor(max_one_hot)
        self.blocks_: tuple[Block, ...] = ()

    def fit(self, x: Features) -> Inputs:
        """Learn which blocks there are, and how to scale the rest."""
        places = self._places(x)
        series = (Block(column="", kind="series", shape=places.shape),) if places.size else ()
        self.blocks_ = (*series, *(block for block in x.layout.blocks if block.kind in self._kinds))
        self.preprocessor.fit(self._beside(x))
        return self

    @property
    def sizes(self) -> InputSizes:
        """What `transform` returns, in sizes."""
        return replace(self.preprocessor.sizes, blocks=self.blocks_)

    def transform(self, x: Features) -> tuple[NDArray[Any], ...]:
        """Arrays of n_rows each: the blocks, in their own types and memory, then `Prepared` columns."""
        blocks = [x.blocks[i] for i, block in enumerate(x.layout.blocks) if block.kind in self._kinds]
        places = self._places(x)
        if places.size:
            blocks.insert(0, x.x_num[:, places])
        return (*blocks, *self.preprocessor.transform(self._beside(x)))

    def restore(self, arrays: dict[str, NDArray[Any]], blocks: tuple[Block, ...]) -> Inputs:
        """Take a fitted state back."""
        self.preprocessor.restore(arrays)
        self.blocks_ = blocks
        return self

    def _places(self, x: Features) -> NDArray[np.intp]:
        """(n_steps, n_variables) the numbers of which a series is made, the oldest first; none where it is not read."""
        if self._history is None or "series" not in self._kinds:
            return np.zeros((0, 0), dtype=np.intp)
        place = {name: i for i, name in enumerate(x.layout.num_names)}
        lags = [self._history.lags(column) for column in self._history.columns]
        whole = [[place[name] for name in names] for names in lags if place.keys() >= set(names)]
        return np.asarray(whole, dtype=np.intp).T

    def _beside(self, x: Features) -> Features:
        return x.beside(self._kinds) if self._kinds else Features(x.x_num, x.x_cat, x.layout)


def as_tensor(array: NDArray[Any]) -> Tensor:
    """The memory of an array in one piece as a tensor, which nothing is to write to: the array may be read-only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return torch.from_numpy(np.ascontiguousarray(array))


def padded(array: NDArray[Any], n_rows: int) -> NDArray[Any]:
    """The array with rows of zeros at its end, so that there are `n_rows`."""
    missing = n_rows - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array
