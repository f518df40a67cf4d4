"""Cells of a table as numbers a pretrained net reads: value, rank in the column, ties, missing, category.

All of it is relative to the labelled rows (the context): no unit, scale or code of a column matters.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

_N_WAVES = 16
_N_TURNS = 4
_CLIP = 100.0


class Columns(NamedTuple):
    """What the labelled rows say of each column.

    Shape:
        ordered: (n_tasks, d, n_context) values in ascending order, missing ones as infinities at the end.
        n_known: (n_tasks, d, 1) values that are not missing, at least 1.
        center, factor: (n_tasks, d, 1) median, and 1 / interquartile range or what stands for it.
        is_category: (n_tasks, d, 1) whether values are codes without an order.
    """

    ordered: Tensor
    n_known: Tensor
    center: Tensor
    factor: Tensor
    is_category: Tensor


def read_columns(x: Tensor, is_category: Tensor) -> Columns:
    """Order, middle and spread of the columns of the labelled rows.

    The factor is 1 / interquartile range, 2 / range where the quartiles meet, 0 where all values are one: as in
    `preprocess.robust_scale` (RealMLP, arXiv 2407.04491, section 3).

    Args:
        x: (n_tasks, n_context, d) numbers and codes, NaN where missing.
        is_category: (n_tasks, d) bool.
    """
    known = x.isfinite()
    ordered = torch.where(known, x, torch.inf).transpose(1, 2).contiguous().sort(dim=2).values
    n_known = known.sum(dim=1).clamp(min=1)[:, :, None]
    place = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], device=x.device) * (n_known - 1)
    below = ordered.gather(2, place.long())
    above = ordered.gather(2, place.ceil().long())
    # a column without any value has infinities only
    cuts = torch.lerp(below, above, place - place.floor()).nan_to_num(0.0, 0.0, 0.0)
    low, q1, center, q3, high = (cuts[:, :, i : i + 1] for i in range(5))
    spread = torch.where(q3 > q1, q3 - q1, (high - low) / 2)
    factor = torch.where(spread > 0, 1 / spread.clamp(min=1e-30), 0.0)
    return Columns(ordered, n_known.to(x.dtype), center, factor, is_category[:, :, None])


def describe_cells(x: Tensor, columns: Columns) -> Tensor:
    """What the net reads of each cell; a row by itself, once the columns are known.

    A number gives its scaled value, its rank in [-1, 1] and waves of that; a category only waves of its code, of
    frequencies without a common measure, by which any number of codes can be told apart. Both give the share of
    labelled rows that have the very same value (0 for a code that none has).

    Args:
        x: (n_tasks, n_rows, d) numbers and codes, NaN where missing.

    Returns:
        (n_tasks, n_rows, d, D_CELL_INPUT).
    """
    values = x.transpose(1, 2).contiguous()
    known = values.isfinite()
    # what is missing is looked up as a value that stands nowhere
    sought = torch.where(known, values, -torch.inf)
    below = torch.searchsorted(columns.ordered, sought)
    upto = torch.searchsorted(columns.ordered, sought, right=True)
    rank = (below + upto) / columns.n_known - 1
    share = (upto - below) / columns.n_known
    scaled = ((sought - columns.center) * columns.factor).nan_to_num(0.0).clamp(-_CLIP, _CLIP)
    scaled = scaled / torch.sqrt(1 + torch.square(scaled / 3))
    is_category = columns.is_category.expand_as(known)
    is_number, is_code = known & ~is_category, known & is_category
    turns = (math.pi / 2) * rank[..., None] * 2.0 ** torch.arange(_N_TURNS, device=x.device)
    code = torch.where(is_code, values, 0.0)
    waves = torch.cos(code[..., None] * _frequencies(x.device) + torch.arange(_N_WAVES, device=x.device))
    flags = torch.stack([scaled * is_number, rank * is_number, share * known, (~known).float(), is_code.float()], dim=3)
    parts = [flags, turns.sin() * is_number[..., None], turns.cos() * is_number[..., None], waves * is_code[..., None]]
    return torch.cat(parts, dim=3).transpose(1, 2)


def _frequencies(device: torch.device) -> Tensor:
    """(_N_WAVES,) radians a code, from roots of primes: no sum of whole multiples of them comes back to 0."""
    primes = torch.tensor([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53], device=device)
    return 2 * math.pi * torch.frac(primes.sqrt())
