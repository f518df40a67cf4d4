"""Texts for models that read words: the words in order, and weighted terms as a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.encoding.tokens import WORDS_AND_SIGNS, Tokens, gram_keys, n_characters_of, pair_keys, parts_of, tokens_of
from automl.table import Column

_GRAMS = (2, 3, 4, 5)
_MAX_WORDS = 30_000
_MAX_TERMS = 2**16  # of words and pairs of words, and as many of character n-grams
_MAX_FIT_ROWS = 50_000
_MAX_FIT_CHARACTERS = 20_000_000
_MAX_CELLS = 40_000_000
_CELLS_A_WORD = 10
_LONGEST = 256
_N_BUCKETS = 1024


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words and terms of one column of texts.

    A word's code is its place in `words` plus 1; words that are not there share buckets by their hash. Terms are words
    and pairs of neighbours, then character n-grams of 2 to 5 letters within words. A term's weight is (1 + log of how
    often it occurs) times its inverse document frequency; terms of words and n-grams are each scaled to length 1
    (Manning et al., Introduction to Information Retrieval, 2008, ch. 6; n-grams as in scikit-learn's "char_wb").

    Shape:
        words: (n_words,) uint64, sorted hashes.
        word_terms: (n_word_terms,) uint64, sorted hashes of words and pairs.
        gram_terms: (n_gram_terms,) uint64, sorted hashes of n-grams.
        idf: (n_word_terms + n_gram_terms,) float32.
    """

    words: NDArray[np.uint64]
    word_terms: NDArray[np.uint64]
    gram_terms: NDArray[np.uint64]
    idf: NDArray[np.float32]

    @property
    def n_codes(self) -> int:
        """Codes of words: 0 for none, the known words, and the buckets."""
        return 1 + len(self.words) + _N_BUCKETS

    def encode(self, texts: Column, length: int) -> tuple[NDArray[np.int32], Any, Any]:
        """Codes of the first `length` words (n_rows, length); words and pairs, then n-grams, as sparse float32."""
        from scipy.sparse import vstack

        codes, words, grams = [], [], []
        word_idf, gram_idf = np.split(self.idf, [len(self.word_terms)])
        for part in parts_of(texts):
            tokens = tokens_of(part, WORDS_AND_SIGNS)
            codes.append(self._codes(tokens, length))
            words.append(_weighted(_counted(tokens, self.word_terms), word_idf))
            in_words = _of_words(*_grams(tokens), len(tokens.words), self.gram_terms)
            grams.append(_weighted(tokens.counts() @ in_words, gram_idf))
        return np.concatenate(codes), vstack(words, format="csr"), vstack(grams, format="csr")

    def _codes(self, tokens: Tokens, length: int) -> NDArray[np.int32]:
        at, known = _places(self.words, tokens.keys)
        bucket = 1 + len(self.words) + (tokens.keys % np.uint64(_N_BUCKETS)).astype(np.intp)
        code = np.where(known, at + 1, bucket)[tokens.place]
        position = np.arange(len(code)) - tokens.ends[tokens.row]
        codes = np.zeros((tokens.n_rows, length), np.int32)
        early = position < length
        codes[tokens.row[early], position[early]] = code[early]
        return codes


def _weighted(counts: Any, idf: NDArray[np.float32]) -> Any:
    """Terms weighted by how often they occur and how rare they are, each row of length 1."""
    from scipy.sparse import csr_matrix

    counts.sort_indices()
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(row, data**2, minlength=counts.shape[0]))[row]
    return csr_matrix(((data / length).astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


def fit_lexicon(texts: Column, max_cells: int = _MAX_CELLS) -> tuple[Lexicon, int] | None:
    """Learn words and terms from a sample of texts, and how many words of a text to read; None where none repeats.

    Args:
        texts: Training values.
        max_cells: Of the sparse matrix of all of them; where n-grams would exceed it, they are left out.
    """
    series = texts.series.drop_nulls()
    n_characters = n_characters_of(Column(series))
    sample = Column(series[:: max(1, -(-len(series) // _MAX_FIT_ROWS), n_characters // _MAX_FIT_CHARACTERS)])
    tokens = tokens_of(sample, WORDS_AND_SIGNS)
    n_rows = tokens.n_rows
    if n_rows < 3 or not len(tokens.place):
        return None
    by_text = tokens.counts()
    n_texts = np.bincount(by_text.indices, minlength=len(tokens.words))
    words = np.sort(_frequent(tokens.keys, n_texts, 2, n_rows + 1, _MAX_WORDS)[0])
    both = np.unique(np.concatenate([tokens.keys, _pairs(tokens)[1]]))
    found = _counted(tokens, both)
    word_terms, in_words = _frequent(both, np.bincount(found.indices, minlength=len(both)), 2, n_rows)
    gram_terms, in_grams = np.zeros(0, np.uint64), np.zeros(0, np.intp)
    if len(tokens.place) / n_rows * _CELLS_A_WORD * len(series) <= max_cells:
        owner, key = _grams(tokens)
        every_gram = np.unique(key)
        grams = by_text @ _of_words(owner, key, len(tokens.words), every_gram)
        gram_terms, in_grams = _frequent(every_gram, np.bincount(grams.indices, minlength=len(every_gram)), 2, n_rows)
    if len(word_terms) < 2:
        return None
    idf = np.log((1 + n_rows) / (1 + np.concatenate([in_words, in_grams]))) + 1
    length = int(np.clip(np.quantile(np.diff(tokens.ends), 0.98), 8, _LONGEST))
    return Lexicon(words, word_terms, gram_terms, idf.astype(np.float32)), length


def _frequent(
    keys: NDArray[np.uint64], n_texts: NDArray[np.intp], least: int, below: int, most: int = _MAX_TERMS
) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The keys, sorted, of the terms that stand in enough texts but not in all, the most frequent; in how many."""
    counts = np.where((n_texts >= least) & (n_texts < below), n_texts, 0)
    top = np.argsort(-counts, kind="stable")[:most]
    top = top[counts[top] > 0]
    top = top[np.argsort(keys[top])]
    return keys[top], counts[top]


def _counted(tokens: Tokens, keys: NDArray[np.uint64]) -> Any:
    """(n_rows, n_keys) sparse: how often each word and each pair of neighbours occurs in each text."""
    from scipy.sparse import csr_matrix

    row, pair = _pairs(tokens)
    rows = np.concatenate([tokens.row, row])
    at, known = _places(keys, np.concatenate([tokens.keys[tokens.place], pair]))
    counts = csr_matrix((np.ones(int(known.sum())), (rows[known], at[known])), shape=(tokens.n_rows, len(keys)))
    counts.sum_duplicates()
    return counts


def _pairs(tokens: Tokens) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """(n_pairs,) the text of each pair of neighbouring words, and its hash."""
    row, key = tokens.row, tokens.keys[tokens.place]
    inside = row[1:] == row[:-1]
    return row[1:][inside], pair_keys(key[:-1][inside], key[1:][inside])


def _grams(tokens: Tokens) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    return gram_keys(tokens.words, _GRAMS)


def _of_words(owner: NDArray[np.intp], key: NDArray[np.uint64], n_words: int, keys: NDArray[np.uint64]) -> Any:
    """(n_words, n_keys) sparse: how often each of the keys occurs in each word."""
    from scipy.sparse import csr_matrix

    at, known = _places(keys, key)
    counts = csr_matrix((np.ones(int(known.sum())), (owner[known], at[known])), shape=(n_words, len(keys)))
    counts.sum_duplicates()
    return counts


def _places(keys: NDArray[np.uint64], sought: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each sought hash stands among sorted ones, and whether it does."""
    if not len(keys):
        return np.zeros(len(sought), np.intp), np.zeros(len(sought), np.bool_)
    at = np.minimum(np.searchsorted(keys, sought), len(keys) - 1)
    return at, keys[at] == sought
