"""Layers over steps in time, be they words or frames of a sound; a mask tells which steps there are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def lengths_of(mask: Tensor) -> Tensor:
    """(n_rows,) steps up to the last one there is, of (n_rows, n_steps) whether there is a step."""
    place = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (mask * place).amax(dim=1)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """(n_rows, d) the mean over the steps there are of (n_rows, n_steps, d); 0 where there is none."""
    share = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.bmm(share[:, None].to(x.dtype), x)[:, 0]


class AttentionPooling(nn.Module):
    """A mean over steps, weighted by how much each has to say: softmax of u . tanh(W x + b); arXiv 1512.08756.

    Shape:
        x (n_rows, n_steps, d), mask (n_rows, n_steps) -> (n_rows, d); 0 where there is no step

    Example:
        >>> AttentionPooling(4)(torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)).shape
        torch.Size([2, 4])
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(d, d)
        self.score = nn.Linear(d, 1, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """The weighted mean."""
        score = self.score(self.hidden(x).tanh())[:, :, 0].float()
        share = score.masked_fill(~mask, -1e9).softmax(dim=1) * mask
        return torch.bmm(share[:, None].to(x.dtype), x)[:, 0]


class BidirectionalGRU(nn.Module):
    """Gated recurrent units that read forwards, and others that read backwards from the last step there is.

    Rows are read alike whatever stands beside them, which packed sequences would not do to the bit.
    Source: Cho et al. 2014, arXiv 1406.1078.

    Shape:
        x (n_rows, n_steps, d_in), mask (n_rows, n_steps) -> (n_rows, n_steps, 2 * d)

    Example:
        >>> BidirectionalGRU(4, 5)(torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)).shape
        torch.Size([2, 3, 10])
    """

    def __init__(self, d_in: int, d: int) -> None:
        super().__init__()
        self.forwards = nn.GRU(d_in, d, batch_first=True)
        self.backwards = nn.GRU(d_in, d, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Both readings side by side; steps beyond the last one hold nothing of meaning."""
        place = torch.arange(x.shape[1], device=x.device)
        length = lengths_of(mask)[:, None]
        turned = torch.where(place < length, length - 1 - place, place)
        back, _ = self.backwards(_reordered(x, turned))
        ahead, _ = self.forwards(x)
        return torch.cat([ahead, _reordered(back, turned)], dim=2)


def _reordered(x: Tensor, order: Tensor) -> Tensor:
    """The steps of each row in another order, (n_rows, n_steps)."""
    return x.gather(1, order[:, :, None].expand(-1, -1, x.shape[2]))


class TransformerBlock(nn.Module):
    """Attention and a hidden layer, each after a normalisation and beside a shortcut (pre-norm, arXiv 2002.04745).

    Shape:
        x (n_rows, n_steps, d), mask (n_rows, n_steps) -> (n_rows, n_steps, d)

    Example:
        >>> TransformerBlock(8, n_heads=2, dropout=0.1)(torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)).shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, d: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before_attention = nn.LayerNorm(d)
        self.project = nn.Linear(d, 3 * d, bias=False)
        self.join = nn.Linear(d, d)
        self.before_hidden = nn.LayerNorm(d)
        self.hidden = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """The steps, each having looked at those there are; where there is none, at the first."""
        seen = mask.clone()
        seen[:, 0] = True
        x = x + self.dropout(self._attend(self.before_attention(x), seen))
        out: Tensor = x + self.dropout(self.hidden(self.before_hidden(x)))
        return out

    def _attend(self, x: Tensor, seen: Tensor) -> Tensor:
        n_rows, n_steps, d = x.shape
        q, k, v = self.project(x).view(n_rows, n_steps, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None, :])
        out: Tensor = self.join(heads.transpose(1, 2).reshape(n_rows, n_steps, d))
        return out
