"""Splits into training and validation rows, as indices."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.plan import Validation

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Split:
    """Row indices, disjoint and sorted.

    Shape:
        train: (n_train,).
        valid: (n_valid,).
    """

    train: Rows
    valid: Rows


def make_splits(
    validation: Validation,
    y: NDArray[Any],
    *,
    groups: NDArray[Any] | None = None,
    times: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> tuple[Split, ...]:
    """The splits of a validation scheme.

    Args:
        y: (n_rows,) class codes (integers are stratified by value) or values (stratified by rank).
        groups: (n_rows,) codes; rows of one group stay together.
        times: (n_rows,); validation rows then come after all training rows. Rows without a time train only.
        seed: Of the shuffle.

    Returns:
        One split a fold and repeat; within a repeat of a k-fold every row is validated once.
    """
    if times is not None:
        return _forward(times, validation)
    rng = np.random.default_rng(seed)
    n_parts = validation.n_folds if validation.kind == "kfold" else max(2, round(1 / validation.fraction))
    splits: list[Split] = []
    for _ in range(validation.n_repeats):
        part = _grouped(groups, n_parts, rng) if groups is not None else _parts(y, n_parts, validation.stratify, rng)
        used = range(n_parts) if validation.kind == "kfold" else _middling(part, validation.n_folds)
        splits += [Split(np.flatnonzero(part != p), np.flatnonzero(part == p)) for p in used]
    return tuple(split for split in splits if len(split.valid) and len(split.train))


def _parts(y: NDArray[Any], n_parts: int, stratify: bool, rng: np.random.Generator) -> NDArray[np.intp]:
    """(n_rows,) part of each row; parts differ by one row at most, and so do the shares of every class."""
    order = rng.permutation(len(y))
    if stratify:
        order = order[np.argsort(y[order], kind="stable")]
        if y.dtype.kind == "f":
            order = _shuffled_within(order, n_parts, rng)
    part = np.empty(len(y), dtype=np.intp)
    part[order] = np.arange(len(y)) % n_parts
    return part


def _shuffled_within(order: NDArray[np.intp], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The order with runs of `size` neighbours shuffled, so that a part is not always the low end of a run."""
    keys = np.arange(len(order)) // size + rng.random(len(order)) * 0.999
    return order[np.argsort(keys)]


def _grouped(groups: NDArray[Any], n_parts: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """(n_rows,) part of each row: whole groups, largest first into the part that is smallest so far."""
    _, code, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(n_parts, dtype=np.intp)
    part_of = np.empty(len(sizes), dtype=np.intp)
    for group in order:
        part = int(filled.argmin())
        part_of[group] = part
        filled[part] += sizes[group]
    return part_of[code.ravel()]


def _middling(part: NDArray[np.intp], n: int) -> list[int]:
    """The n parts nearest to an equal share of the rows: a group may be larger than that, and rule its part."""
    sizes = np.bincount(part)
    return [int(place) for place in np.argsort(np.abs(sizes - sizes.mean()), kind="stable")[:n]]


def _forward(times: NDArray[np.float64], validation: Validation) -> tuple[Split, ...]:
    """Expanding windows: each validation block is trained on everything before it; rows of one moment stay together."""
    known = np.flatnonzero(np.isfinite(times))
    unknown = np.flatnonzero(~np.isfinite(times))
    order = known[np.argsort(times[known], kind="stable")]
    n_blocks = validation.n_folds if validation.kind == "kfold" else 1
    fraction = min(0.5, validation.fraction if n_blocks == 1 else 0.5)
    edges = np.linspace(len(order) * (1 - fraction), len(order), n_blocks + 1).round().astype(int)
    moments = times[order]
    splits = []
    for start, stop in pairwise(edges):
        first = int(np.searchsorted(moments, moments[min(start, len(order) - 1)], side="left"))
        split = Split(np.sort(np.r_[order[:first], unknown]), np.sort(order[first:stop]))
        if len(split.train) and len(split.valid):
            splits.append(split)
    if not splits:
        middle = max(1, int(len(order) * (1 - fraction)))
        splits.append(Split(np.sort(order[:middle]), np.sort(order[middle:])))
    return tuple(splits)
