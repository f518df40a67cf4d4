"""Texts as vectors: tf-idf of words and character n-grams, reduced by a truncated singular value decomposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.encoding.tokens import WORDS, Tokens, gram_keys, n_characters_of, parts_of, tokens_of
from automl.table import Column

_GRAMS = (3, 4)
_MAX_KEYS = 2**14
_MAX_FIT_ROWS = 10_000
_MAX_FIT_CHARACTERS = 2_500_000
_TOLERANCE = 0.01  # of singular values, relative
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class TextSpace:
    """What was learned of one column of texts.

    Words are runs of letters and digits in lower case. A word is the sum of its terms: itself, and its n-grams of 3
    and 4 characters with its ends marked, each weighted by its inverse document frequency. A text is the sum of its
    words, each weighted by 1 + log(times it occurs), over the length of that sum had the words no term in common
    (Manning et al., Introduction to Information Retrieval, 2008, ch. 6, where the length is exact: here a text's
    vector is a sum over words, which is ten times faster). The decomposition is latent semantic analysis (ch. 18).

    Shape:
        keys: (n_keys,) uint64, sorted hashes of the terms that count.
        idf: (n_keys,) float64.
        components: (n_keys, n_dims) float64.
    """

    keys: NDArray[np.uint64]
    idf: NDArray[np.float64]
    components: NDArray[np.float64]

    @property
    def n_dims(self) -> int:
        """Numbers a text becomes."""
        return int(self.components.shape[1])

    def encode(self, texts: Column) -> NDArray[np.float64]:
        """(n_rows, n_dims) the vectors; NaN where the text is missing, 0 where no word of it is known."""
        parts = []
        for part in parts_of(texts):
            tokens = tokens_of(part, WORDS)
            terms = _terms(tokens, self.keys, self.idf)
            parts.append(_weighted(tokens.counts(), terms) @ (terms @ self.components))
        vectors = np.concatenate(parts)
        vectors[texts.missing] = np.nan
        return vectors


def fit_text(texts: Column, n_dims: int) -> TextSpace | None:
    """Learn the space of a column of texts from a sample of its rows; None where its terms never repeat."""
    series = texts.series.drop_nulls()
    n_characters = n_characters_of(Column(series))
    sample = Column(series[:: max(1, -(-len(series) // _MAX_FIT_ROWS), n_characters // _MAX_FIT_CHARACTERS)])
    n_rows = len(sample.series)
    tokens = tokens_of(sample, WORDS)
    by_text, keys = tokens.counts(), np.unique(_term_keys(tokens)[1])
    found = by_text @ _terms(tokens, keys, np.ones(len(keys)))
    keys, n_texts = _telling(keys, np.bincount(found.indices, minlength=len(keys)), n_rows)
    if len(keys) < 2 or n_rows < 3:
        return None
    idf = np.log((1 + n_rows) / (1 + n_texts)) + 1
    terms = _terms(tokens, keys, idf)
    components = _components(_weighted(by_text, terms) @ terms, min(n_dims, len(keys) - 1, n_rows - 1))
    return TextSpace(keys, idf, components)


def _components(vectors: Any, n_dims: int) -> NDArray[np.float64]:
    """(n_keys, at most n_dims) right singular vectors of (n_rows, n_keys) sparse vectors, the largest first (ARPACK).

    Directions in which no text lies, where texts differ in fewer ways than that, are left out.
    """
    from scipy.sparse.linalg import svds

    start = np.random.default_rng(0).standard_normal(min(vectors.shape))
    _, lengths, components = svds(vectors, n_dims, tol=_TOLERANCE, v0=start)
    return np.ascontiguousarray(components[lengths > _NOTHING * lengths.max()][::-1].T)


def _telling(
    keys: NDArray[np.uint64], n_texts: NDArray[np.intp], n_rows: int
) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The keys that stand in at least two texts and not in all, the most frequent ones, with how many texts."""
    counts = np.where((n_texts >= 2) & (n_texts < n_rows), n_texts, 0)
    top = np.argsort(-counts, kind="stable")[:_MAX_KEYS]
    top = np.sort(top[counts[top] > 0])
    return keys[top], counts[top]


def _terms(tokens: Tokens, keys: NDArray[np.uint64], weights: NDArray[np.float64]) -> Any:
    """(n_words, n_keys) sparse: the weighted terms of each word that are among the keys."""
    from scipy.sparse import csr_matrix

    word, key = _term_keys(tokens)
    at = np.minimum(np.searchsorted(keys, key), max(0, len(keys) - 1))
    known = keys[at] == key if len(keys) else np.zeros(len(key), np.bool_)
    terms = csr_matrix((weights[at[known]], (word[known], at[known])), shape=(len(tokens.words), len(keys)))
    terms.sort_indices()
    return terms


def _weighted(by_text: Any, terms: Any) -> Any:
    """(n_rows, n_words) sparse weights of the words in each text."""
    from scipy.sparse import csr_matrix

    data = 1 + np.log(by_text.data)
    owner = np.repeat(np.arange(by_text.shape[0]), np.diff(by_text.indptr))
    length = np.asarray(terms.multiply(terms).sum(axis=1)).ravel()[by_text.indices]
    norm = np.sqrt(np.bincount(owner, data**2 * length, minlength=by_text.shape[0]))
    return csr_matrix((data / np.maximum(norm, 1e-12)[owner], by_text.indices, by_text.indptr), shape=by_text.shape)


def _term_keys(tokens: Tokens) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """(n_pairs,) index of a word and key of one of its terms: the word itself and its character n-grams."""
    owner, grams = gram_keys(tokens.words, _GRAMS)
    return np.concatenate([np.arange(len(tokens.words)), owner]), np.concatenate([tokens.keys, grams])
