"""Sounds, as log-mel spectrograms: augmentation, a convolutional net and a recurrent one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from automl.nets.geometry import frames_together
from automl.nets.sequences import AttentionPooling, BidirectionalGRU
from automl.nets.vision import RandomErasing, ResidualTrunk, Standardise

_MASKS = 2
_SAMPLE_ROWS = 512


class RandomDelay(nn.Module):
    """Moves every sound in time by up to a share of its length, the end round to the beginning; in training only.

    Shape:
        (n_rows, n_frames, n_bands) -> the same

    Example:
        >>> RandomDelay(0.25)(torch.ones(2, 8, 3)).sum().item()
        48.0
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """The sounds, moved."""
        most = int(self.share * x.shape[1])
        if not self.training or not most:
            return x
        delay = torch.randint(-most, most + 1, (len(x), 1), device=x.device)
        place = (torch.arange(x.shape[1], device=x.device) - delay) % x.shape[1]
        return x[torch.arange(len(x), device=x.device)[:, None], place]


class Spectrogram(nn.Module):
    """A spectrogram as nets read it: scaled band by band, and in training moved in time and masked (SpecAugment).

    Frames of nothing but zeros are no sound: they are zero after scaling too. At a strength of 1 the masks take up to a
    third of the bands and a fifth of the frames, as in SpecAugment (arXiv 1904.08779).

    Shape:
        (n_rows, n_frames, n_bands) float16 -> (n_rows, n_frames, n_bands) float32

    Example:
        >>> Spectrogram(64, augment=1.0)(torch.ones(2, 10, 64, dtype=torch.float16)).shape
        torch.Size([2, 10, 64])
    """

    def __init__(self, n_bands: int, augment: float) -> None:
        super().__init__()
        self.delay = RandomDelay(augment / 8)
        self.standardise = Standardise(n_bands)
        self.masks = nn.Sequential(
            *(RandomErasing((augment / 5 / _MASKS, None)) for _ in range(_MASKS)),
            *(RandomErasing((None, augment / 3 / _MASKS)) for _ in range(_MASKS)),
        )

    def fit_initial(self, x: Tensor) -> None:
        """Learn mean and deviation of each band over the frames that there are."""
        x = x[:_SAMPLE_ROWS]
        self.standardise.fit_initial(x[(x != 0).any(dim=2)])

    def forward(self, x: Tensor) -> Tensor:
        """Scaled, and masked in training."""
        x = self.delay(x)
        scaled = self.standardise(x) * (x != 0).any(dim=2, keepdim=True)
        out: Tensor = self.masks(scaled[..., None])[..., 0]
        return out


class ConvSound(nn.Module):
    """Spectrograms by convolution over frames and bands.

    Shape:
        (n_rows, n_frames, n_bands) float16 -> (n_rows, d_out)

    Example:
        >>> ConvSound((100, 64), width=8)(torch.ones(2, 100, 64, dtype=torch.float16)).shape
        torch.Size([2, 64])

    Args:
        shape: Of one spectrogram.
        width, depth: Of the trunk.
        augment: Strength of augmentation, 0 for none.
    """

    def __init__(self, shape: Sequence[int], width: int = 16, depth: int = 1, augment: float = 1.0) -> None:
        super().__init__()
        n_frames, n_bands = shape
        self.spectrogram = Spectrogram(n_bands, augment)
        self.trunk = ResidualTrunk(1, (n_frames, n_bands), width, depth)
        self.d_out = self.trunk.d_out

    def fit_initial(self, x: Tensor) -> None:
        """Learn mean and deviation of bands."""
        self.spectrogram.fit_initial(x)

    def forward(self, x: Tensor) -> Tensor:
        """Features of every sound."""
        out: Tensor = self.trunk(self.spectrogram(x)[:, None])
        return out


class RecurrentSound(nn.Module):
    """Spectrograms by recurrence over frames, two or four at a step in longer sounds, and attention over steps.

    Shape:
        (n_rows, n_frames, n_bands) float16 -> (n_rows, 2 * width)

    Example:
        >>> RecurrentSound((100, 64), width=8)(torch.ones(2, 100, 64, dtype=torch.float16)).shape
        torch.Size([2, 16])

    Args:
        shape: Of one spectrogram.
        width: Units of a direction.
        depth: Recurrent layers.
        dropout: Between layers.
        augment: Strength of augmentation, 0 for none.
    """

    def __init__(
        self, shape: Sequence[int], width: int = 64, depth: int = 1, dropout: float = 0.0, augment: float = 1.0
    ) -> None:
        super().__init__()
        n_frames, n_bands = shape
        self.n_together = frames_together(n_frames)
        self.spectrogram = Spectrogram(n_bands, augment)
        d = 2 * width
        self.project = nn.Sequential(nn.Linear(n_bands * self.n_together, d), nn.LayerNorm(d), nn.ReLU())
        self.recurrent = nn.ModuleList(BidirectionalGRU(d, width) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.pool = AttentionPooling(d)
        self.d_out = d

    def fit_initial(self, x: Tensor) -> None:
        """Learn mean and deviation of bands."""
        self.spectrogram.fit_initial(x)

    def forward(self, x: Tensor) -> Tensor:
        """Features of every sound."""
        n_steps = x.shape[1] // self.n_together
        x = x[:, : n_steps * self.n_together]
        x = self.spectrogram(x).view(len(x), n_steps, -1)
        mask = (x != 0).any(dim=2)
        x = self.project(x)
        for layer in self.recurrent:
            x = layer(self.dropout(x), mask)
        out: Tensor = self.pool(x, mask)
        return out
