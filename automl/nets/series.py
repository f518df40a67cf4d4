"""Windows over earlier rows, as series: recurrence or convolution over the moments of a window."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from automl.nets.sequences import AttentionPooling, BidirectionalGRU
from automl.nets.vision import Standardise

_WIDTHS = (3, 5)


class Window(nn.Module):
    """The values of a window as nets read them: scaled, 0 where unknown, with a flag for each that is known.

    Shape:
        (n_rows, n_steps, d) float32, NaN where unknown -> (n_rows, n_steps, 2 * d)

    Example:
        >>> Window(3)(torch.full((2, 5, 3), torch.nan)).abs().sum().item()
        0.0
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.standardise = Standardise(d)

    def fit_initial(self, x: Tensor) -> None:
        """Learn mean and deviation of each variable over the moments at which all are known."""
        self.standardise.fit_initial(x[x.isfinite().all(dim=2)])

    def forward(self, x: Tensor) -> Tensor:
        """Scaled and flagged."""
        known = x.isfinite()
        scaled = torch.where(known, self.standardise(x), 0.0).clamp(-10, 10)
        return torch.cat([scaled, known.float()], dim=2)


class RecurrentSeries(nn.Module):
    """A window by recurrence in both directions: its last moment, and attention over all.

    Shape:
        (n_rows, n_steps, d) -> (n_rows, 4 * width)

    Example:
        >>> RecurrentSeries((8, 3), width=4)(torch.zeros(2, 8, 3)).shape
        torch.Size([2, 16])

    Args:
        shape: Steps and variables of a window.
        width: Units of a direction.
    """

    def __init__(self, shape: Sequence[int], width: int = 32) -> None:
        super().__init__()
        _, d = shape
        self.window = Window(d)
        self.recurrent = BidirectionalGRU(2 * d, width)
        self.pool = AttentionPooling(2 * width)
        self.d_out = 4 * width

    def fit_initial(self, x: Tensor) -> None:
        """Learn the scale of each variable."""
        self.window.fit_initial(x)

    def forward(self, x: Tensor) -> Tensor:
        """Features of every window."""
        everywhere = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        found = self.recurrent(self.window(x), everywhere)
        return torch.cat([found[:, -1], self.pool(found, everywhere)], dim=1)


class ConvSeries(nn.Module):
    """A window by convolutions over its moments, of two lengths: their largest values, and those at its end.

    Shape:
        (n_rows, n_steps, d) -> (n_rows, 4 * width)

    Example:
        >>> ConvSeries((8, 3), width=4)(torch.zeros(2, 8, 3)).shape
        torch.Size([2, 16])

    Args:
        shape: Steps and variables of a window.
        width: Filters of a length.
    """

    def __init__(self, shape: Sequence[int], width: int = 32) -> None:
        super().__init__()
        _, d = shape
        self.window = Window(d)
        self.first = nn.ModuleList(nn.Conv1d(2 * d, width, size, padding=size // 2) for size in _WIDTHS)
        self.second = nn.Conv1d(len(_WIDTHS) * width, len(_WIDTHS) * width, 3, padding=1)
        self.d_out = 2 * len(_WIDTHS) * width

    def fit_initial(self, x: Tensor) -> None:
        """Learn the scale of each variable."""
        self.window.fit_initial(x)

    def forward(self, x: Tensor) -> Tensor:
        """Features of every window."""
        seen = self.window(x).transpose(1, 2)
        found = torch.cat([layer(seen).relu() for layer in self.first], dim=1)
        found = found + self.second(found).relu()
        return torch.cat([found.amax(dim=2), found[:, :, -1]], dim=1)
