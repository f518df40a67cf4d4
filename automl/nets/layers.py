"""Layers shared by the nets: each with its shapes, its source and an example."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Parameters whose learning rate and weight decay are those of the recipe times a factor."""

    parameters: list[nn.Parameter]
    lr: float = 1.0
    decay: float = 1.0


def _check_2d(x: Tensor, d: int, name: str) -> None:
    if x.ndim != 2 or x.shape[1] != d:
        raise ValueError(f"{name} must have the shape (n_rows, {d}), however: {name}.shape={tuple(x.shape)}")


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if value <= 0:
            raise ValueError(f"{name} must be positive, however: {name}={value}")


class NTKLinear(nn.Module):
    """A linear layer in neural tangent parametrisation: x W / sqrt(d_in) + b with entries of W of order one.

    The learning rate that suits it does not depend on the width. Source: arXiv 2407.04491, appendix A.

    Shape:
        (n_rows, d_in) -> (n_rows, d_out)

    Example:
        >>> NTKLinear(3, 2)(torch.ones(5, 3)).shape
        torch.Size([5, 2])
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        _check_positive(d_in=d_in, d_out=d_out)
        self.weight = nn.Parameter(torch.randn(d_in, d_out))
        self.bias = nn.Parameter(torch.randn(d_out))
        self.gain = 1 / math.sqrt(d_in)

    def forward(self, x: Tensor) -> Tensor:
        """The product, scaled, plus the bias."""
        _check_2d(x, len(self.weight), "x")
        return torch.addmm(self.bias, x, self.weight, alpha=self.gain)

    @torch.no_grad()
    def fit_initial(self, x: Tensor, n_points: int = 5) -> Tensor:
        """Scale W so that every output has deviation 1 on `x`, and put kinks amid the data ("std", "he+5").

        Each bias is minus a random convex combination of the outputs of `n_points` rows, so that the activation bends
        where data are. Source: pytabkit `WeightFitter`, `BiasFitter`; arXiv 2407.04491, appendix A.

        Returns:
            The outputs on `x`, (n_rows, d_out).
        """
        out = x @ self.weight * self.gain
        deviation = out.std(dim=0, correction=0)
        deviation[deviation < 1e-6] = 1.0
        self.weight.div_(deviation)
        out /= deviation
        rows = torch.randint(len(x), (n_points, out.shape[1]))
        shares = torch.empty(n_points, out.shape[1]).exponential_()
        self.bias.copy_(-(out.gather(0, rows) * shares / shares.sum(dim=0)).sum(dim=0))
        return out + self.bias


class ParametricActivation(nn.Module):
    """x + a (f(x) - x) with a learnable a for each feature, 1 at first; f is SELU or Mish.

    Source: arXiv 2407.04491, section 3.

    Shape:
        (n_rows, d) -> (n_rows, d)

    Example:
        >>> ParametricActivation(4, "mish")(torch.zeros(2, 4)).sum().item()
        0.0
    """

    def __init__(self, d: int, name: str) -> None:
        super().__init__()
        if name not in ("selu", "mish"):
            raise ValueError(f'the activation must be "selu" or "mish", however: {name=}')
        self.mix = nn.Parameter(torch.ones(d))
        self.function = functional.selu if name == "selu" else functional.mish

    def forward(self, x: Tensor) -> Tensor:
        """Between the identity and f."""
        return x + self.mix * (self.function(x) - x)


class Scale(nn.Module):
    """A learnable factor for each feature, 1 at first: a soft feature selection. Source: arXiv 2407.04491, section 3.

    Shape:
        (n_rows, d) -> (n_rows, d)
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        """The scaled features."""
        return x * self.factor


class PeriodicEmbedding(nn.Module):
    """PBLD: each number x becomes [x, W2 cos(2 pi w1 x + b1) + b2].

    Source: arXiv 2407.04491, section 3, after arXiv 2203.05556; w1 ~ N(0, sigma^2), b1 ~ U(-pi, pi).

    Shape:
        (n_rows, d) -> (n_rows, d * d_embedding)

    Example:
        >>> PeriodicEmbedding(3, d_embedding=4)(torch.randn(2, 3)).shape
        torch.Size([2, 12])

    Args:
        d: Numeric features.
        n_frequencies: Cosines of a feature.
        d_embedding: Outputs of a feature, the number itself among them.
        sigma: Deviation of the first frequencies.
    """

    def __init__(self, d: int, n_frequencies: int = 16, d_embedding: int = 4, sigma: float = 0.1) -> None:
        super().__init__()
        _check_positive(d=d, n_frequencies=n_frequencies, d_embedding=d_embedding - 1)
        bound = n_frequencies**-0.5
        self.frequency = nn.Parameter(2 * math.pi * sigma * torch.randn(d, n_frequencies))
        self.phase = nn.Parameter(torch.empty(d, n_frequencies).uniform_(-math.pi, math.pi))
        self.weight = nn.Parameter(torch.empty(d, n_frequencies, d_embedding - 1).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(d, 1, d_embedding - 1).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Numbers and their waves."""
        _check_2d(x, len(self.frequency), "x")
        waves = torch.addcmul(self.phase[:, None], x.T[:, :, None], self.frequency[:, None]).cos()
        out = torch.baddbmm(self.bias, waves, self.weight)
        return torch.cat([x, out.transpose(0, 1).flatten(1)], dim=1)


class CategoryEmbedding(nn.Module):
    """A learnt vector for each category of each column; row 0 (unknown) stays zero.

    Shape:
        (n_rows, d_cat) int64 -> (n_rows, d_cat * d_embedding)

    Example:
        >>> CategoryEmbedding([3, 5], 8)(torch.tensor([[2, 4], [0, 0]])).shape
        torch.Size([2, 16])
    """

    start: Tensor

    def __init__(self, n_categories: Sequence[int], d_embedding: int = 8) -> None:
        super().__init__()
        _check_positive(d_embedding=d_embedding, n_columns=len(n_categories), n_categories=min(n_categories))
        sizes = torch.tensor([0, *n_categories])
        self.register_buffer("start", sizes.cumsum(0)[:-1], persistent=False)
        self.weight = nn.Parameter(torch.randn(int(sizes.sum()), d_embedding))

    def forward(self, x: Tensor) -> Tensor:
        """Vectors of every column side by side."""
        _check_2d(x, len(self.start), "x")
        vectors = functional.embedding(x + self.start, self.weight)
        return (vectors * (x > 0)[:, :, None]).flatten(1)
