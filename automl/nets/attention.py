"""Attention as the in-context net uses it: sources read once and kept, sharper the more there is to attend to."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# The number of sources at which a softmax is as sharp as its queries and keys make it.
_USUAL_SOURCES = 256


class Memory(NamedTuple):
    """What was read of a source: all that attending to it takes.

    Shape:
        key, value: (n_groups, n_kv_heads, n_source, d_head).
    """

    key: Tensor
    value: Tensor


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """(n_groups, n_rows, d) -> (n_groups, n_heads, n_rows, d / n_heads)."""
    return x.reshape(*x.shape[:2], n_heads, -1).transpose(1, 2)


def attend(query: Tensor, memory: Memory, sharpness: Tensor) -> Tensor:
    """Averages of values under a softmax that gets sharper with the logarithm of the number of sources.

    Without that, weights spread thinner the longer the source is than in training. Source: scalable softmax, arXiv
    2501.19399. Heads may share keys and values (arXiv 2305.13245); those that do stand below each other as further
    rows, which is the same to attention without a mask.

    Args:
        query: (n_groups, n_rows, n_heads * d_head).
        memory: Of the source.
        sharpness: (n_kv_heads, n_heads / n_kv_heads, 1, 1) factors.

    Returns:
        (n_groups, n_rows, n_heads * d_value).
    """
    n_groups, n_rows, _ = query.shape
    _, n_kv_heads, n_source, d_head = memory.key.shape
    heads = query.reshape(n_groups, n_rows, n_kv_heads, -1, d_head).permute(0, 2, 3, 1, 4)
    # a tensor, so that a compiled net does not take the number of sources for a constant
    growth = sharpness.new_full((), n_source + 1).log() / math.log(_USUAL_SOURCES + 1)
    heads = heads * (sharpness * growth).to(heads.dtype)
    found = functional.scaled_dot_product_attention(heads.flatten(2, 3), memory.key, memory.value)
    by_head = found.reshape(n_groups, n_kv_heads, -1, n_rows, found.shape[3])
    return by_head.permute(0, 3, 1, 2, 4).reshape(n_groups, n_rows, -1)


class Attention(nn.Module):
    """Attention of several heads to a source that is read once.

    Shape:
        (n_groups, n_rows, d), and a source of (n_groups, n_source, d) -> (n_groups, n_rows, d)

    Example:
        >>> layer = Attention(8, n_heads=2)
        >>> layer(torch.randn(3, 5, 8), layer.read(torch.randn(3, 7, 8))).shape
        torch.Size([3, 5, 8])

    Args:
        d: Size of rows and sources.
        n_heads: Heads of the queries; divides `d`.
        n_kv_heads: Heads of the keys and values; divides `n_heads`. As many as `n_heads` unless told.
    """

    def __init__(self, d: int, n_heads: int, n_kv_heads: int | None = None) -> None:
        super().__init__()
        self.n_kv_heads = n_kv_heads or n_heads
        if d % n_heads or n_heads % self.n_kv_heads:
            raise ValueError(f"heads must divide d, and shared heads the heads: {d=}, {n_heads=}, {n_kv_heads=}")
        d_shared = d // n_heads * self.n_kv_heads
        self.query = nn.Linear(d, d, bias=False)
        self.key = nn.Linear(d, d_shared, bias=False)
        self.value = nn.Linear(d, d_shared, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.sharpness = nn.Parameter(torch.ones(self.n_kv_heads, n_heads // self.n_kv_heads, 1, 1))

    def read(self, source: Tensor) -> Memory:
        """Keys and values of a source, (n_groups, n_source, d)."""
        key, value = (split_heads(linear(source), self.n_kv_heads) for linear in (self.key, self.value))
        return Memory(key, value)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """What the rows find in the source."""
        found: Tensor = self.out(attend(self.query(x), memory, self.sharpness))
        return found


class Vote(nn.Module):
    """Labels of the source, each weighted by how well its row answers a query; the mean over heads.

    Shape:
        (n_groups, n_rows, d), a source of (n_groups, n_source, d) and labels (n_groups, n_source, n_labels) that add up
        to 1 -> (n_groups, n_rows, n_labels) that add up to 1

    Example:
        >>> vote = Vote(8, n_heads=2)
        >>> memory = vote.read(torch.randn(3, 7, 8), torch.eye(4)[torch.randint(0, 4, (3, 7))])
        >>> vote(torch.randn(3, 5, 8), memory).sum(dim=2).allclose(torch.ones(3, 5))
        True
    """

    def __init__(self, d: int, n_heads: int) -> None:
        super().__init__()
        self.query = nn.Linear(d, d, bias=False)
        self.key = nn.Linear(d, d, bias=False)
        self.sharpness = nn.Parameter(torch.ones(n_heads, 1, 1, 1))

    def read(self, source: Tensor, labels: Tensor) -> Memory:
        """Keys of the source, and labels as what each head averages."""
        key = split_heads(self.key(source), len(self.sharpness))
        return Memory(key, labels.to(key.dtype)[:, None].expand(-1, key.shape[1], -1, -1))

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Shares of the labels."""
        votes = attend(self.query(x), memory, self.sharpness).float()
        return votes.reshape(*votes.shape[:2], len(self.sharpness), -1).mean(dim=2)


class FeedForward(nn.Module):
    """Normalised rows through a hidden layer of twice the size, added to the rows.

    Shape:
        (..., d) -> (..., d)

    Example:
        >>> FeedForward(8)(torch.randn(3, 5, 8)).shape
        torch.Size([3, 5, 8])
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d, bias=False)
        self.up = nn.Linear(d, 2 * d)
        self.down = nn.Linear(2 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        """The rows with what the layer adds."""
        added: Tensor = self.down(functional.gelu(self.up(self.norm(x))))
        return x + added


class AttentionBlock(nn.Module):
    """Attention to a source and a feed-forward layer, each normalised before and added after.

    Shape:
        (n_groups, n_rows, d), and a source of (n_groups, n_source, d) -> (n_groups, n_rows, d)

    Example:
        >>> block = AttentionBlock(8, n_heads=2)
        >>> block(torch.randn(3, 5, 8), block.read(torch.randn(3, 7, 8))).shape
        torch.Size([3, 5, 8])
    """

    def __init__(self, d: int, n_heads: int, n_kv_heads: int | None = None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d, bias=False)
        self.attention = Attention(d, n_heads, n_kv_heads)
        self.feed_forward = FeedForward(d)

    def read(self, source: Tensor) -> Memory:
        """What is kept of a source, normalised like the rows."""
        return self.attention.read(self.norm(source))

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """The rows with what they found."""
        rows: Tensor = self.feed_forward(x + self.attention(self.norm(x), memory))
        return rows
