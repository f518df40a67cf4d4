"""Texts taken apart: words in order, and the terms that each word stands for, as hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.table import Column

WORDS = r"\w+"
WORDS_AND_SIGNS = r"\w+|[^\w\s]"

_MAX_CHARACTERS = 20_000  # of one text; the rest of a longer one is not read
_PART_ROWS = 20_000
_PART_CHARACTERS = 10_000_000
_PRIME = np.uint64(0x9E3779B97F4A7C15)

_Split: TypeAlias = tuple[NDArray[np.intp], list[str], NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of some texts.

    Attributes:
        ends: (n_rows + 1,) where the words of each text end in `place`; the first is 0.
        place: (n_tokens,) index into `words` of each word of each text, in order.
        words: The distinct words, in the order of their hashes, which depends on nothing but the words.
        keys: (n_words,) uint64, their hashes.
    """

    ends: NDArray[np.intp]
    place: NDArray[np.intp]
    words: list[str]
    keys: NDArray[np.uint64]

    @property
    def n_rows(self) -> int:
        """Texts."""
        return len(self.ends) - 1

    @property
    def row(self) -> NDArray[np.intp]:
        """(n_tokens,) the text of each word."""
        return np.repeat(np.arange(self.n_rows), np.diff(self.ends))

    def counts(self) -> Any:
        """(n_rows, n_words) sparse: how often each word occurs in each text."""
        from scipy.sparse import csr_matrix

        shape = (self.n_rows, len(self.words))
        counts = csr_matrix((np.ones(len(self.place)), self.place, self.ends), shape=shape)
        counts.sum_duplicates()
        return counts


def n_characters_of(texts: Column) -> int:
    """Characters that are read of all texts."""
    return int(np.nansum(np.minimum(texts.lengths(), _MAX_CHARACTERS)))


def parts_of(texts: Column) -> Iterator[Column]:
    """The texts in runs of rows, one at least, of which each is held as tokens without taking much memory."""
    n_rows = len(texts.series)
    many = max(1, n_characters_of(texts) // _PART_CHARACTERS, -(-n_rows // _PART_ROWS))
    size = max(1, -(-n_rows // many))
    for start in range(0, max(1, n_rows), size):
        yield Column(texts.series[start : start + size])


def tokens_of(texts: Column, pattern: str) -> Tokens:
    """The runs of characters that match, in lower case; a missing text has none."""
    few = _split_ascii(texts, pattern) if texts.is_few else None
    n_tokens, words, which = few or _split(texts, pattern)
    # sums run in the order of the words, which must not depend on the other texts or on the dataframe library
    keys = word_keys(words)
    order = np.argsort(keys)
    place = np.empty(len(words), dtype=np.intp)
    place[order] = np.arange(len(words))
    ends = np.concatenate([[0], np.cumsum(n_tokens, dtype=np.intp)])
    return Tokens(ends, place[which], [words[i] for i in order], keys[order])


def _split(texts: Column, pattern: str) -> _Split:
    """(n_rows,) words in each text, the distinct words, and (n_tokens,) which of them each is."""
    lists = texts.series.str.slice(0, _MAX_CHARACTERS).str.to_lowercase().str.extract_all(pattern)
    n_tokens = lists.list.len().fill_null(0).to_numpy().astype(np.intp)
    tokens = lists.drop_nulls().explode().drop_nulls()
    _, first, which = np.unique(tokens.hash(0).to_numpy(), return_index=True, return_inverse=True)
    return n_tokens, tokens.gather(first).to_list(), which


def _split_ascii(texts: Column, pattern: str) -> _Split | None:
    """The same one by one; None where a text has other letters, of which Python's patterns think otherwise."""
    values = [text or "" for text in texts.series.to_list()]
    if not all(text.isascii() for text in values):
        return None
    lists = [re.findall(pattern, text[:_MAX_CHARACTERS].lower(), re.ASCII) for text in values]
    tokens = [token for tokens in lists for token in tokens]
    number = {word: i for i, word in enumerate(dict.fromkeys(tokens))}
    n_tokens = np.array([len(tokens) for tokens in lists], dtype=np.intp)
    return n_tokens, list(number), np.array([number[token] for token in tokens], dtype=np.intp)


def word_keys(words: list[str]) -> NDArray[np.uint64]:
    """(n_words,) a hash of each word."""
    if not words:
        return np.zeros(0, np.uint64)
    letters, size, start = _letters(words)
    position = np.arange(len(letters)) - np.repeat(start, size)
    return mixed(np.add.reduceat(letters * _powers(int(size.max()))[position], start), 0)


def gram_keys(words: list[str], sizes: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """(n_pairs,) index of a word, and hash of one of its character n-grams; the ends of a word count as blanks."""
    letters, size, start = _letters(words)
    owner = np.repeat(np.arange(len(words)), size)
    position = np.arange(len(letters)) - start[owner]
    power = _powers(max(sizes, default=1))
    pairs = []
    for n in sizes:
        at = np.flatnonzero(position + n <= size[owner])
        gram = sum((letters[at + i] * power[i] for i in range(n)), start=np.zeros(len(at), np.uint64))
        pairs.append((owner[at], mixed(gram, n)))
    return np.concatenate([w for w, _ in pairs]), np.concatenate([k for _, k in pairs])


def pair_keys(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(n,) a hash of each pair of words, the first before the second."""
    return mixed(first * _PRIME + second, 1)


def mixed(value: NDArray[np.uint64], kind: int) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele et al., 2014, doi:10.1145/2714064.2660195), another one for each kind."""
    value = value + np.full(1, kind, np.uint64) * _PRIME  # an array wraps around without a warning
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _letters(words: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.intp], NDArray[np.intp]]:
    """Letters of all words with a blank at either end of each, and each word's length and start in them."""
    padded = "".join(f" {word} " for word in words)
    letters = np.frombuffer(padded.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    size = np.array([len(word) + 2 for word in words], dtype=np.intp)
    return letters, size, np.cumsum(size) - size


def _powers(n: int) -> NDArray[np.uint64]:
    """(n + 1,) powers of an odd constant modulo 2^64."""
    return np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(n, _PRIME)]), dtype=np.uint64)
