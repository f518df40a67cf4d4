"""Texts, as codes of words in order (0 beyond the end): four ways to read them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from automl.nets.sequences import AttentionPooling, BidirectionalGRU, TransformerBlock, lengths_of, masked_mean

# Odd 32-bit constants, so that neighbouring codes are spread over the table of pairs.
_FIRST, _SECOND = 0x9E3779B1, 0x85EBCA6B


class WordDropout(nn.Module):
    """Takes words out of texts at random: their code becomes 0; in training only.

    Source: Iyyer et al., ACL 2015, aclanthology.org/P15-1162.

    Shape:
        (n_rows, n_words) int32 -> the same
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, codes: Tensor) -> Tensor:
        """The texts, with gaps."""
        if not self.training or not self.p:
            return codes
        return codes * (torch.rand(codes.shape, device=codes.device) >= self.p)


class WordEmbedding(nn.Module):
    """A learnt vector for each code; that of 0 is zero and stays so.

    Shape:
        (n_rows, n_words) int32 -> (n_rows, n_words, d)

    Example:
        >>> WordEmbedding(5, 3)(torch.tensor([[4, 0]], dtype=torch.int32))[0, 1].tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, n_codes: int, d: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(n_codes, d))
        with torch.no_grad():
            self.weight[0] = 0

    def forward(self, codes: Tensor) -> Tensor:
        """The vectors."""
        return functional.embedding(codes, self.weight, padding_idx=0)


def pair_codes(codes: Tensor, n_pairs: int) -> Tensor:
    """(n_rows, n_words - 1) int64, 1 to n_pairs for each pair of neighbours, by a hash; 0 where either is 0."""
    first, second = codes[:, :-1].long(), codes[:, 1:].long()
    mixed = (first * _FIRST) ^ (second * _SECOND)
    return torch.where((first > 0) & (second > 0), (mixed >> 15) % n_pairs + 1, 0)


class WordBag(nn.Module):
    """The mean of the vectors of words and of pairs of neighbours (fastText, arXiv 1607.01759).

    Pairs are hashed to the rows of a table.

    Shape:
        (n_rows, n_words) int32 -> (n_rows, d)

    Example:
        >>> WordBag(10, 4, n_pairs=16)(torch.tensor([[3, 5, 0]], dtype=torch.int32)).shape
        torch.Size([1, 4])

    Args:
        n_codes: Of words, 0 included.
        d: Of a vector.
        n_pairs: Rows for pairs.
        word_dropout: Share of words left out in training.
    """

    def __init__(self, n_codes: int, d: int = 64, n_pairs: int = 2**16, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.n_codes = n_codes
        self.n_pairs = n_pairs
        self.drop = WordDropout(word_dropout)
        self.weight = nn.Parameter(torch.empty(n_codes + n_pairs, d).uniform_(-1 / d, 1 / d))
        self.d_out = d

    def forward(self, codes: Tensor) -> Tensor:
        """The mean; 0 for an empty text."""
        codes = self.drop(codes)
        pairs = pair_codes(codes, self.n_pairs)
        terms = torch.cat([codes.long(), torch.where(pairs > 0, pairs + self.n_codes - 1, 0)], dim=1)
        return functional.embedding_bag(terms, self.weight, mode="mean", padding_idx=0)


class WordConvolution(nn.Module):
    """The strongest answers in a text to filters over 3, 4 and 5 neighbouring words (Kim 2014, arXiv 1408.5882).

    Shape:
        (n_rows, n_words) int32 -> (n_rows, 3 * width)

    Example:
        >>> WordConvolution(10, 4, width=8)(torch.tensor([[3, 5, 0]], dtype=torch.int32)).shape
        torch.Size([1, 24])

    Args:
        n_codes: Of words, 0 included.
        d: Of a vector.
        width: Filters of each kind.
        word_dropout: Share of words left out in training.
    """

    _LENGTHS = (3, 4, 5)

    def __init__(self, n_codes: int, d: int = 64, width: int = 100, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.drop = WordDropout(word_dropout)
        self.embedding = WordEmbedding(n_codes, d)
        self.filters = nn.ModuleList(nn.Conv1d(d, width, length, padding=length - 1) for length in self._LENGTHS)
        self.d_out = len(self._LENGTHS) * width

    def forward(self, codes: Tensor) -> Tensor:
        """The answers; 0 for an empty text."""
        x = self.embedding(self.drop(codes)).transpose(1, 2)
        n_words = lengths_of(codes > 0)[:, None]
        parts = []
        for length, filters in zip(self._LENGTHS, self.filters, strict=True):
            answer = filters(x).relu()
            # a window that lies beyond the end does not count, and no answer is less than 0
            n_windows = torch.where(n_words > 0, n_words + length - 1, 0)
            counts = torch.arange(answer.shape[2], device=x.device) < n_windows
            parts.append((answer * counts[:, None]).amax(dim=2))
        return torch.cat(parts, dim=1)


class WordGRU(nn.Module):
    """Words read forwards and backwards by gated recurrent units, and attention over what was read (arXiv 1406.1078).

    Shape:
        (n_rows, n_words) int32 -> (n_rows, 2 * width)

    Example:
        >>> WordGRU(10, 4, width=8)(torch.tensor([[3, 5, 0]], dtype=torch.int32)).shape
        torch.Size([1, 16])

    Args:
        n_codes: Of words, 0 included.
        d: Of a vector.
        width: Units of a direction.
        word_dropout: Share of words left out in training.
        dropout: Of vectors.
    """

    def __init__(
        self, n_codes: int, d: int = 64, width: int = 64, word_dropout: float = 0.0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.drop = WordDropout(word_dropout)
        self.embedding = WordEmbedding(n_codes, d)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = BidirectionalGRU(d, width)
        self.pool = AttentionPooling(2 * width)
        self.d_out = 2 * width

    def forward(self, codes: Tensor) -> Tensor:
        """What was read; 0 for an empty text."""
        mask = codes > 0
        x = self.dropout(self.embedding(self.drop(codes)))
        out: Tensor = self.pool(self.recurrent(x, mask), mask)
        return out


class WordTransformer(nn.Module):
    """Words that look at each other, their places learnt, and the mean over what they saw (arXiv 1706.03762).

    Shape:
        (n_rows, n_words) int32 -> (n_rows, d)

    Example:
        >>> WordTransformer(10, 8, n_words=3)(torch.tensor([[3, 5, 0]], dtype=torch.int32)).shape
        torch.Size([1, 8])

    Args:
        n_codes: Of words, 0 included.
        d: Of a vector; a multiple of the number of heads.
        n_words: Of the longest text.
        depth: Blocks.
        n_heads: Of attention.
        word_dropout: Share of words left out in training.
        dropout: Of vectors, and of what each block adds.
    """

    def __init__(
        self,
        n_codes: int,
        d: int = 64,
        n_words: int = 256,
        depth: int = 2,
        n_heads: int = 4,
        word_dropout: float = 0.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.drop = WordDropout(word_dropout)
        self.embedding = WordEmbedding(n_codes, d)
        self.place = nn.Parameter(0.1 * torch.randn(n_words, d))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(TransformerBlock(d, n_heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(d)
        self.d_out = d

    def forward(self, codes: Tensor) -> Tensor:
        """The mean; 0 for an empty text."""
        mask = codes > 0
        x = self.dropout(self.embedding(self.drop(codes)) + self.place[: codes.shape[1]])
        for block in self.blocks:
            x = block(x, mask)
        return masked_mean(self.norm(x), mask)
