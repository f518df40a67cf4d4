"""Rows as tensors in memory, and batches sliced from them: no workers, no copies beyond the batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Rows as tensors: the inputs of a net in its order, encoded targets and weights."""

    inputs: tuple[Tensor, ...]
    y: Tensor
    weights: Tensor | None = None

    def take(self, rows: Tensor | slice) -> Batch:
        """The given rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Batch(tuple(t[rows] for t in self.inputs), self.y[rows], weights)

    def to(self, device: torch.device) -> Batch:
        """The same rows on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return Batch(tuple(t.to(device) for t in self.inputs), self.y.to(device), weights)


class Rounds:
    """Batches sliced from tensors in memory, reshuffled on every pass; one round is what lies between validations.

    Rounds are several passes where passes are short, so that validating does not cost more than training.
    """

    def __init__(self, rows: Batch, batch_size: int, n_passes: int) -> None:
        self._rows = rows
        self.batch_size = min(batch_size, len(rows.y))
        self._n_passes = n_passes

    @property
    def pass_steps(self) -> int:
        """Steps of one pass; a rest smaller than a batch waits for the next shuffle."""
        return len(self._rows.y) // self.batch_size

    def __len__(self) -> int:
        return self.pass_steps * self._n_passes

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self._n_passes):
            order = torch.randperm(len(self._rows.y)).to(self._rows.y.device)
            for step in range(self.pass_steps):
                yield self._rows.take(order[step * self.batch_size : (step + 1) * self.batch_size])


class InOrder:
    """Batches of all rows in their order, for validation."""

    def __init__(self, rows: Batch, batch_size: int) -> None:
        self._rows = rows
        self.batch_size = batch_size

    @property
    def n_rows(self) -> int:
        """Rows in all."""
        return len(self._rows.y)

    def __len__(self) -> int:
        return math.ceil(len(self._rows.y) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self._rows.y), self.batch_size):
            yield self._rows.take(slice(start, start + self.batch_size))
