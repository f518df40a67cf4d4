"""RealMLP: a multilayer perceptron with meta-learned defaults ("TD").

Source: Holzmüller, Grinsztajn, Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data",
NeurIPS 2024, arXiv 2407.04491; defaults as in pytabkit's `default_params.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from automl.nets.layers import (
    CategoryEmbedding,
    NTKLinear,
    ParameterGroup,
    ParametricActivation,
    PeriodicEmbedding,
    Scale,
)
from automl.nets.preprocess import InputSizes


@dataclass(frozen=True, slots=True)
class RealMLPConfig:
    """What may be varied; the defaults are those of RealMLP-TD for classification.

    Attributes:
        width: Units of a hidden layer.
        depth: Hidden layers.
        activation: selu (classification) or mish (regression).
        dropout: Probability, before its schedule.
        embed_numbers: Whether numbers get periodic embeddings (off in RealMLP-TD-S).
        sigma: Deviation of the first frequencies of these.
        d_category: Dimension of category embeddings.
    """

    width: int = 256
    depth: int = 3
    activation: str = "selu"
    dropout: float = 0.15
    embed_numbers: bool = True
    sigma: float = 0.1
    d_category: int = 8


class RealMLP(nn.Module):
    """Embeddings, a scaling layer, and blocks of NTK linear layer, parametric activation and dropout.

    Departures from the source: data-driven initialisation looks at a sample of rows; a category that training does not
    have is zero rather than an untrained vector.

    Shape:
        x_num (n_rows, d_num), x_flag (n_rows, d_flag), x_cat (n_rows, d_cat) -> (n_rows, d_out)

    Example:
        >>> net = RealMLP(InputSizes(2, 1, (12,)), d_out=3, config=RealMLPConfig(width=16))
        >>> net(torch.randn(5, 2), torch.zeros(5, 1), torch.ones(5, 1, dtype=torch.int64)).shape
        torch.Size([5, 3])
    """

    def __init__(self, sizes: InputSizes, d_out: int, config: RealMLPConfig) -> None:
        super().__init__()
        d_in = sizes.d_num * (4 if config.embed_numbers else 1) + sizes.d_flag
        d_in += len(sizes.n_categories) * config.d_category
        self.number = (
            PeriodicEmbedding(sizes.d_num, sigma=config.sigma) if config.embed_numbers and sizes.d_num else None
        )
        self.category = CategoryEmbedding(sizes.n_categories, config.d_category) if sizes.n_categories else None
        self.scale = Scale(d_in)
        widths = [d_in] + [config.width] * config.depth
        self.linears = nn.ModuleList(NTKLinear(a, b) for a, b in zip(widths, [*widths[1:], d_out], strict=True))
        self.activations = nn.ModuleList(ParametricActivation(w, config.activation) for w in widths[1:])
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_num: Tensor, x_flag: Tensor, x_cat: Tensor) -> Tensor:
        """Logits, or the standardised value."""
        x = self.scale(self._embed(x_num, x_flag, x_cat))
        for linear, activation in zip(self.linears, self.activations, strict=False):
            x = self.dropout(activation(linear(x)))
        out: Tensor = self.linears[-1](x)
        return out

    def _embed(self, x_num: Tensor, x_flag: Tensor, x_cat: Tensor) -> Tensor:
        parts = [x_num if self.number is None else self.number(x_num), x_flag]
        if self.category is not None:
            parts.append(self.category(x_cat))
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def fit_initial(self, x_num: Tensor, x_flag: Tensor, x_cat: Tensor) -> None:
        """Initialise every layer on a sample of training rows, first to last."""
        x = self.scale(self._embed(x_num, x_flag, x_cat))
        for linear, activation in zip(self.linears, self.activations, strict=False):
            x = activation(linear.fit_initial(x))  # type: ignore[operator]
        self.linears[-1].fit_initial(x)  # type: ignore[operator]

    def parameter_groups(self) -> list[ParameterGroup]:
        """Factors of learning rate and weight decay, as in RealMLP-TD."""
        groups = [
            ParameterGroup([self.scale.factor], lr=6.0),
            ParameterGroup([linear.weight for linear in self.linears]),  # type: ignore[misc]
            ParameterGroup([linear.bias for linear in self.linears], lr=0.1, decay=0.0),  # type: ignore[misc]
            ParameterGroup([activation.mix for activation in self.activations], lr=0.1),  # type: ignore[misc]
        ]
        if self.number is not None:
            groups.append(ParameterGroup(list(self.number.parameters()), lr=0.1))
        if self.category is not None:
            groups.append(ParameterGroup([self.category.weight]))
        return groups
