"""TabM: many multilayer perceptrons in one, sharing most of their weights.

Source: Gorishniy, Kotelnikov, Babenko, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling",
ICLR 2025, arXiv 2410.24210; defaults as in its `tabm` package.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from automl.nets.layers import CategoryEmbedding, ParameterGroup
from automl.nets.preprocess import InputSizes


@dataclass(frozen=True, slots=True)
class TabMConfig:
    """What may be varied.

    Attributes:
        k: Members of the ensemble.
        width: Units of a hidden layer.
        depth: Hidden layers.
        dropout: Probability.
        n_bins: Most bins of a number's piecewise-linear encoding.
        d_number: Dimension of a number's embedding.
        d_category: Dimension of category embeddings.
    """

    k: int = 32
    width: int = 512
    depth: int = 2
    dropout: float = 0.1
    n_bins: int = 48
    d_number: int = 16
    d_category: int = 8


def _uniform(*shape: int, d: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape).uniform_(-(d**-0.5), d**-0.5))


class PiecewiseLinearEmbedding(nn.Module):
    """Each number becomes a linear function of itself plus one of its position among quantiles.

    The position is a vector of bins: 1 for those below the number, a share for the one it is in, 0 for those above; the
    first and the last bin go on beyond their ends. Its weights start at zero. Source: arXiv 2203.05556 (PLE), in the
    form "B" of `rtdl_num_embeddings`.

    Shape:
        (n_rows, d) -> (n_rows, d * d_embedding)

    Example:
        >>> embedding = PiecewiseLinearEmbedding(3, n_bins=4, d_embedding=5)
        >>> embedding.fit_initial(torch.randn(50, 3))
        >>> embedding(torch.randn(2, 3)).shape
        torch.Size([2, 15])
    """

    left: Tensor
    slope: Tensor
    floor: Tensor
    ceiling: Tensor

    def __init__(self, d: int, n_bins: int, d_embedding: int) -> None:
        super().__init__()
        self.scale = _uniform(d, d_embedding, d=1)
        self.shift = _uniform(d, d_embedding, d=1)
        self.weight = nn.Parameter(torch.zeros(d, n_bins, d_embedding))
        for name in ("left", "slope"):
            self.register_buffer(name, torch.zeros(d, n_bins))
        self.register_buffer("floor", torch.zeros(d, n_bins))
        self.register_buffer("ceiling", torch.ones(d, n_bins))

    @torch.no_grad()
    def fit_initial(self, x: Tensor) -> None:
        """Put the edges of bins at quantiles of `x`; equal edges are merged, unused bins stay zero."""
        levels = torch.linspace(0, 1, self.left.shape[1] + 1)
        for j, column in enumerate(x.T):
            edges = torch.unique_consecutive(torch.quantile(column, levels))
            n = len(edges) - 1
            if n < 1:
                continue
            self.left[j, :n] = edges[:-1]
            self.slope[j, :n] = 1 / edges.diff()
            self.floor[j, 0] = -torch.inf
            self.ceiling[j, n - 1] = torch.inf

    def encode(self, x: Tensor) -> Tensor:
        """(n_rows, d) -> (n_rows, d, n_bins) the piecewise-linear encoding."""
        position = (x[:, :, None] - self.left) * self.slope
        return torch.minimum(torch.maximum(position, self.floor), self.ceiling)

    def forward(self, x: Tensor) -> Tensor:
        """Embedded numbers side by side."""
        pieces = torch.bmm(self.encode(x).transpose(0, 1), self.weight).transpose(0, 1)
        return (torch.addcmul(self.shift, x[:, :, None], self.scale) + pieces).flatten(1)


class BatchEnsembleLinear(nn.Module):
    """k linear layers with one weight matrix: s_i * (W (r_i * x)) + b_i for member i.

    Source: BatchEnsemble, arXiv 2002.06715, equation 5; initialised as in arXiv 2410.24210: r and s are ones, biases
    the same for every member.

    Shape:
        (n_rows, k, d_in) -> (n_rows, k, d_out)

    Example:
        >>> BatchEnsembleLinear(3, 2, k=4)(torch.randn(5, 4, 3)).shape
        torch.Size([5, 4, 2])
    """

    def __init__(self, d_in: int, d_out: int, k: int) -> None:
        super().__init__()
        self.weight = _uniform(d_out, d_in, d=d_in)
        self.r = nn.Parameter(torch.ones(k, d_in))
        self.s = nn.Parameter(torch.ones(k, d_out))
        self.bias = nn.Parameter(_uniform(d_out, d=d_in).detach().repeat(k, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of every member."""
        if x.ndim != 3 or x.shape[1:] != self.r.shape:
            raise ValueError(
                f"x must have the shape (n_rows, {', '.join(map(str, self.r.shape))}), however: {x.shape=}"
            )
        return torch.addcmul(self.bias, functional.linear(x * self.r, self.weight), self.s)


class TabM(nn.Module):
    """Embeddings, k members that share the weights of their hidden layers, and k heads of their own.

    Departures from the source: members train on the same batches (the `share_training_batches` of its package);
    large categories get embeddings instead of one-hot columns; numbers are scaled robustly, not to normal quantiles.

    Shape:
        x_num (n_rows, d_num), x_flag (n_rows, d_flag), x_cat (n_rows, d_cat) -> (n_rows, k, d_out)

    Example:
        >>> net = TabM(InputSizes(2, 1, (12,)), d_out=3, config=TabMConfig(k=4, width=8))
        >>> x = torch.randn(5, 2), torch.zeros(5, 1), torch.ones(5, 1, dtype=torch.int64)
        >>> net.fit_initial(*x)
        >>> net(*x).shape
        torch.Size([5, 4, 3])
    """

    def __init__(self, sizes: InputSizes, d_out: int, config: TabMConfig) -> None:
        super().__init__()
        self.k = config.k
        self.sections = [config.d_number] * sizes.d_num + [1] * sizes.d_flag
        self.sections += [config.d_category] * len(sizes.n_categories)
        self.number = PiecewiseLinearEmbedding(sizes.d_num, config.n_bins, config.d_number) if sizes.d_num else None
        self.category = CategoryEmbedding(sizes.n_categories, config.d_category) if sizes.n_categories else None
        widths = [sum(self.sections)] + [config.width] * config.depth
        self.linears = nn.ModuleList(BatchEnsembleLinear(a, b, config.k) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.head_weight = _uniform(config.k, config.width, d_out, d=config.width)
        self.head_bias = _uniform(config.k, d_out, d=config.width)

    def forward(self, x_num: Tensor, x_flag: Tensor, x_cat: Tensor) -> Tensor:
        """Logits, or the standardised value, of every member."""
        parts = [x_flag] if self.number is None else [self.number(x_num), x_flag]
        if self.category is not None:
            parts.append(self.category(x_cat))
        x = torch.cat(parts, dim=1)[:, None].expand(-1, self.k, -1)
        for linear in self.linears:
            x = self.dropout(functional.relu(linear(x)))
        return torch.einsum("nkd,kde->nke", x, self.head_weight) + self.head_bias

    @torch.no_grad()
    def fit_initial(self, x_num: Tensor, x_flag: Tensor, x_cat: Tensor) -> None:  # noqa: ARG002 - all nets alike
        """Set bins, and tell members apart: one random factor a feature and member in the first layer."""
        if self.number is not None:
            self.number.fit_initial(x_num)
        factors = torch.randn(self.k, len(self.sections))
        if self.number is None:
            factors = factors.sign()
        first: BatchEnsembleLinear = self.linears[0]  # type: ignore[assignment]
        first.r.copy_(factors.repeat_interleave(torch.tensor(self.sections), dim=1))

    def parameter_groups(self) -> list[ParameterGroup]:
        """Weight decay on all but biases and the embeddings of numbers."""
        groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for name, parameter in self.named_parameters():
            groups["bias" not in name and not name.startswith("number.")].append(parameter)
        return list(_groups(groups))


def _groups(decayed: dict[bool, list[nn.Parameter]]) -> Iterator[ParameterGroup]:
    for decay, parameters in decayed.items():
        if parameters:
            yield ParameterGroup(parameters, decay=float(decay))
