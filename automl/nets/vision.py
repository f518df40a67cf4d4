"""Images: augmentation, and a small residual net (He et al. 2016, arXiv 1512.03385)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from automl.nets.geometry import n_stages, strides

_SAMPLE_ROWS = 512


class Standardise(nn.Module):
    """The last axis less its mean, over its deviation, both of training data.

    Shape:
        (..., d) of any type -> (..., d) float32

    Example:
        >>> layer = Standardise(3)
        >>> layer.fit_initial(torch.randint(0, 256, (9, 4, 4, 3), dtype=torch.uint8))
        >>> layer(torch.zeros(2, 4, 4, 3, dtype=torch.uint8)).shape
        torch.Size([2, 4, 4, 3])
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, d: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("factor", torch.ones(d))

    @torch.no_grad()
    def fit_initial(self, x: Tensor) -> None:
        """Learn both from a sample; an axis that does not vary, or no sample, leaves a factor of 1."""
        if not x.numel():
            return
        flat = x.flatten(0, -2).double()
        deviation = flat.std(dim=0, correction=0)
        self.mean.copy_(flat.mean(dim=0))
        self.factor.copy_(torch.where(deviation > 0, 1 / deviation, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Scaled."""
        return (x.float() - self.mean) * self.factor


class RandomCrop(nn.Module):
    """Moves every image by up to a share of its sides, and mirrors every other one left to right; in training only.

    It is the crop from a padded image of He et al. (section 4.2), padded with what lies inside, mirrored at the edge.

    Shape:
        (n_rows, height, width, channels) -> the same

    Example:
        >>> RandomCrop(share=0.125, flip=True)(torch.zeros(2, 8, 8, 1, dtype=torch.uint8)).dtype
        torch.uint8
    """

    def __init__(self, share: float, flip: bool) -> None:
        super().__init__()
        self.share = share
        self.flip = flip

    def forward(self, x: Tensor) -> Tensor:
        """The images, moved."""
        if not self.training or not (self.share or self.flip):
            return x
        n_rows, height, width, channels = x.shape
        rows, columns = (self._places(n_rows, side, x.device) for side in (height, width))
        if self.flip:
            columns = torch.where(torch.rand(n_rows, 1, device=x.device) < 0.5, columns.flip(1), columns)
        first = torch.arange(n_rows, device=x.device)[:, None, None] * (height * width)
        places = (first + rows[:, :, None] * width + columns[:, None, :]).flatten()
        return x.reshape(-1, channels).index_select(0, places).view(x.shape)

    def _places(self, n_rows: int, side: int, device: torch.device) -> Tensor:
        most = int(self.share * side)
        moved = torch.arange(side, device=device) + torch.randint(-most, most + 1, (n_rows, 1), device=device)
        return side - 1 - (side - 1 - moved.abs()).abs()


class RandomLight(nn.Module):
    """Changes brightness and contrast of every image by up to `share` of a deviation; in training only.

    Shape:
        (n_rows, height, width, channels) float32 -> the same
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """The images, lighter or darker, paler or harder."""
        if not self.training or not self.share:
            return x
        shift, factor = torch.empty(2, len(x), 1, 1, 1, device=x.device).uniform_(-self.share, self.share)
        return torch.addcmul(shift, x, 1 + factor)


class RandomErasing(nn.Module):
    """Sets a rectangle, somewhere in every row, to zero; in training only.

    Sources: cutout, arXiv 1708.04552; along the whole of one axis, SpecAugment, arXiv 1904.08779.

    Shape:
        (n_rows, height, width, channels) float32 -> the same

    Args:
        shares: Most that is erased of the height and of the width, half of that on average; None for the whole
            of a side.

    Example:
        >>> RandomErasing((0.5, None))(torch.ones(1, 8, 8, 1)).amax(dim=1).unique().tolist()
        [1.0]
    """

    def __init__(self, shares: tuple[float | None, float | None]) -> None:
        super().__init__()
        self.shares = shares

    def forward(self, x: Tensor) -> Tensor:
        """The rows with a hole."""
        if not self.training or 0 in self.shares:
            return x
        tall, wide = (self._hole(x, axis) for axis in (0, 1))
        return x * ~(tall[:, :, None] & wide[:, None, :])[..., None]

    def _hole(self, x: Tensor, axis: int) -> Tensor:
        """(n_rows, side) whether a place lies in the hole."""
        n_rows, side, share = len(x), x.shape[axis + 1], self.shares[axis]
        if share is None:
            return torch.ones(n_rows, side, dtype=torch.bool, device=x.device)
        length, start = torch.rand(2, n_rows, 1, device=x.device)
        length = (length * share * side).round()
        start = (start * (side - length + 1)).floor()
        place = torch.arange(side, device=x.device)
        hole: Tensor = (place >= start) & (place < start + length)
        return hole


def _convolution(d_in: int, d_out: int, kernel: int = 3, stride: tuple[int, int] = (1, 1)) -> list[nn.Module]:
    convolution = nn.Conv2d(d_in, d_out, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(d_out)]


class Residual(nn.Module):
    """Two convolutions beside a shortcut; He et al., section 4.2.

    Shape:
        (n_rows, d, height, width) -> the same
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_convolution(d, d), nn.ReLU(inplace=True), *_convolution(d, d))

    def forward(self, x: Tensor) -> Tensor:
        """The sum, rectified."""
        out: Tensor = self.body(x)
        return (out + x).relu_()


class ResidualTrunk(nn.Module):
    """A first layer, then stages that halve the sides and double the channels, then the mean over what is left.

    Each stage is a convolution of stride 2 and residual blocks (He et al., section 3.3).

    Shape:
        (n_rows, channels, height, width) float32, in the memory of channels_last -> (n_rows, d_out)

    Example:
        >>> trunk = ResidualTrunk(3, (32, 32), width=8, depth=1)
        >>> trunk(torch.zeros(2, 3, 32, 32)).shape, trunk.d_out
        (torch.Size([2, 64]), 64)

    Args:
        channels: Of the input.
        sides: Its height and width.
        width: Channels of the first layer.
        depth: Residual blocks of a stage.
    """

    def __init__(self, channels: int, sides: tuple[int, int], width: int, depth: int) -> None:
        super().__init__()
        stride_y, stride_x = strides(sides)
        kernel = 2 * max(stride_y, stride_x) + 1
        layers = [*_convolution(channels, width, kernel, (stride_y, stride_x)), nn.ReLU(inplace=True)]
        widths = [width * 2**i for i in range(n_stages(sides) + 1)]
        for d_in, d_out in pairwise(widths):
            layers += [*_convolution(d_in, d_out, stride=(2, 2)), nn.ReLU(inplace=True)]
            layers += [Residual(d_out) for _ in range(depth)]
        self.layers = nn.Sequential(*layers)
        self.d_out = widths[-1]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Features of every row."""
        out: Tensor = self.layers(x)
        return out.mean(dim=(2, 3))


class ConvImage(nn.Module):
    """Images by convolution.

    Shape:
        (n_rows, height, width, channels) uint8 -> (n_rows, d_out)

    Example:
        >>> net = ConvImage((28, 28, 1), width=8)
        >>> net(torch.zeros(2, 28, 28, 1, dtype=torch.uint8)).shape
        torch.Size([2, 64])

    Args:
        shape: Of one image.
        width, depth: Of the trunk.
        augment: Strength of augmentation: at 1 images move by up to an eighth, a square of up to half a side is erased
            and light changes by up to a fifth; 0 for none.
        flip: Whether images are mirrored left to right.
    """

    def __init__(
        self, shape: Sequence[int], width: int = 16, depth: int = 1, augment: float = 1.0, flip: bool = False
    ) -> None:
        super().__init__()
        height, across, channels = shape
        self.crop = RandomCrop(augment / 8, flip)
        self.standardise = Standardise(channels)
        self.light = RandomLight(augment / 5)
        self.erase = RandomErasing((augment / 2, augment / 2))
        self.trunk = ResidualTrunk(channels, (height, across), width, depth)
        self.d_out = self.trunk.d_out

    def fit_initial(self, x: Tensor) -> None:
        """Learn mean and deviation of pixels; a row of zeros is a missing image."""
        x = x[:_SAMPLE_ROWS]
        self.standardise.fit_initial(x[(x != 0).flatten(1).any(dim=1)])

    def forward(self, x: Tensor) -> Tensor:
        """Features of every image."""
        x = self.erase(self.light(self.standardise(self.crop(x))))
        out: Tensor = self.trunk(x.permute(0, 3, 1, 2))
        return out
