"""Random numbers on a device, all from one generator: the same seed gives the same tasks on the same kind of device."""

from __future__ import annotations

import random

import torch
from torch import Tensor


class Draw:
    """What the prior draws.

    Attributes:
        python: For sizes, which the host must know without waiting for the device.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.python = random.Random(seed)  # noqa: S311 - no secret
        self._generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Between low and high."""
        return low + (high - low) * torch.rand(shape, generator=self._generator, device=self.device)

    def log_uniform(self, *shape: int, low: float, high: float) -> Tensor:
        """Between low and high, evenly on a log scale."""
        return low * (high / low) ** self.uniform(*shape)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self._generator, device=self.device)

    def below(self, most: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to most - 1."""
        return torch.randint(most, shape, generator=self._generator, device=self.device)

    def chance(self, p: float | Tensor, *shape: int) -> Tensor:
        """True with probability p."""
        return self.uniform(*shape) < p

    def order(self, *shape: int) -> Tensor:
        """Along the last axis a random order of its indices."""
        return self.uniform(*shape).argsort(dim=-1)


def at(table: Tensor, index: Tensor) -> Tensor:
    """The entries of the last axis: table (..., k), index (..., n) -> (..., n)."""
    return table.gather(-1, index)


def standardised(x: Tensor) -> Tensor:
    """Mean 0 and deviation 1 along the last axis; zeros where nothing varies."""
    x = x.nan_to_num(0.0, 1e4, -1e4).clamp(-1e4, 1e4)
    x = x - x.mean(dim=-1, keepdim=True)
    return x / x.std(dim=-1, keepdim=True).clamp(min=1e-6)


def ranked(x: Tensor) -> Tensor:
    """Mid-ranks along the last axis, in (0, 1); ties share one."""
    ordered = x.sort(dim=-1).values
    below = torch.searchsorted(ordered, x.contiguous())
    upto = torch.searchsorted(ordered, x.contiguous(), right=True)
    return (below + upto) / (2 * x.shape[-1])
