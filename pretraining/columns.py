"""What becomes of clean values before they stand in a table: bent, rounded, cut into categories, shuffled, lost."""

from __future__ import annotations

import torch
from torch import Tensor

from pretraining.draw import Draw, at, ranked, standardised

_MOST_LEVELS = 128


def observed(draw: Draw, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Columns as a table holds them.

    Args:
        clean: (n_tasks, d, n_rows) standardised.

    Returns:
        (n_tasks, n_rows, d) numbers and codes, NaN where missing, and (n_tasks, d) whether they are categories.
    """
    n_tasks, d, _ = clean.shape
    noise = _shuffled(draw, clean)
    bent = _bent(draw, noise)
    steps = draw.log_uniform(n_tasks, d, 1, low=0.5, high=8.0)
    rounded = torch.round(bent * steps) / steps
    is_rounded = draw.chance(0.2, n_tasks, d, 1)
    # a third of the tables have no category, a few have nothing else
    share = (1.6 * draw.uniform(n_tasks, 1) - 0.5).clamp(0.0, 1.0)
    is_category = draw.chance(share, n_tasks, d)
    numbers = torch.where(is_rounded, rounded, bent)
    x = torch.where(is_category[..., None], _categories(draw, noise).float(), numbers)
    return _with_gaps(draw, x, noise).transpose(1, 2), is_category


def _shuffled(draw: Draw, x: Tensor) -> Tensor:
    """Some columns of some tables shuffled by row: noise with the distribution of a signal."""
    is_noise = draw.chance((draw.uniform(len(x), 1) - 0.4).clamp(min=0.0), *x.shape[:2])
    return torch.where(is_noise[..., None], x.gather(2, draw.order(*x.shape)), x)


def _bent(draw: Draw, x: Tensor) -> Tensor:
    """As it is, exponential, a signed power, or with a few values far out."""
    n_tasks, d, n_rows = x.shape
    strength = draw.log_uniform(n_tasks, d, 1, low=0.3, high=2.0)
    power = x.sign() * x.abs().pow(1 + 2 * strength)
    far = torch.where(draw.chance(0.01, n_tasks, d, n_rows), 20 * x, x)
    kind = draw.below(6, n_tasks, d, 1)
    bent = torch.where(kind == 0, torch.exp(strength * x), torch.where(kind == 1, power, x))
    return standardised(torch.where(kind == 2, far, bent))


def _categories(draw: Draw, x: Tensor) -> Tensor:
    """Codes of 2 to many levels, uneven in size and in no order, that cut a value into pieces."""
    n_tasks, d, n_rows = x.shape
    most = max(3, min(_MOST_LEVELS, n_rows // 4))
    n_levels = draw.log_uniform(n_tasks, d, 1, low=2.0, high=float(most)).round()
    unevenness = draw.log_uniform(n_tasks, d, 1, low=0.5, high=3.0)
    level = (n_levels * ranked(x).pow(unevenness)).long().clamp(max=most - 1)
    return at(draw.order(n_tasks, d, most), level)


def _with_gaps(draw: Draw, x: Tensor, clean: Tensor) -> Tensor:
    """Values missing in four of ten tables: at random, or where the value is high."""
    n_tasks, d, n_rows = x.shape
    has_gaps = draw.chance(0.4, n_tasks, 1, 1) & draw.chance(0.5, n_tasks, d, 1)
    share = draw.uniform(n_tasks, d, 1, high=0.4)
    at_random = draw.chance(share, n_tasks, d, n_rows)
    missing = torch.where(draw.chance(0.3, n_tasks, d, 1), ranked(clean) > 1 - share, at_random)
    return torch.where(has_gaps & missing, torch.nan, x)
