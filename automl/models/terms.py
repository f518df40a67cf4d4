"""The design matrix of texts: their weighted terms side by side, sparse, with the scaled features of other columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automl.errors import Unsuitable
from automl.family import Rows
from automl.features import BlockKind, Features
from automl.models.design import Design

TEXT: frozenset[BlockKind] = frozenset({"words", "terms", "grams"})
_SMOOTHING = 1.0


class TermsDesign:
    """Terms of every text, and what the other columns give a linear model.

    Args:
        grams: Whether runs of characters count beside words and pairs of words.
        ratio: Whether each term is multiplied by how far its share differs between classes, the size of the largest
            log-count ratio of one class against the rest (NB-SVM: Wang & Manning, ACL 2012, aclanthology.org/P12-2018).
    """

    def __init__(self, grams: bool = True, ratio: bool = False) -> None:
        self.grams = grams
        self.ratio = ratio
        self._beside = Design(dtype="float32")
        self._weights = np.zeros(0, dtype=np.float32)

    @property
    def sources(self) -> NDArray[np.intp]:
        """None that exists.

        Raises:
            Unsuitable: Always; terms are no features.
        """
        raise Unsuitable("it weighs single words, which are no columns")

    @property
    def width(self) -> int:
        """Columns."""
        return len(self._weights) + self._beside.width

    def fit_transform(self, rows: Rows, n_classes: int, seed: int) -> Any:
        """(n_rows, p) sparse, of the training rows; target means of other columns are taken from other rows."""
        terms = self._terms(rows.x)
        self._weights = (
            _ratios(terms, rows.y, n_classes) if self.ratio and n_classes > 1 else np.ones(terms.shape[1], np.float32)
        )
        beside = self._beside.fit_transform(replace(rows, x=rows.x.beside(TEXT)), n_classes, seed)
        return self._joined(terms, beside)

    def transform(self, x: Features) -> Any:
        """(n_rows, p) sparse, of other rows."""
        return self._joined(self._terms(x), self._beside.transform(x.beside(TEXT)))

    def save(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON configuration and arrays, from which `load` makes the same design."""
        config, arrays = self._beside.save()
        kept = {f"beside.{name}": array for name, array in arrays.items()}
        return {"grams": self.grams, "ratio": self.ratio, "beside": config}, kept | {"weights": self._weights}

    @classmethod
    def load(cls, config: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The design that `save` wrote."""
        design = cls(config["grams"], config["ratio"])
        beside = {name.removeprefix("beside."): a for name, a in arrays.items() if name.startswith("beside.")}
        design._beside = Design.load(config["beside"], beside)
        design._weights = arrays["weights"]
        return design

    def _terms(self, x: Features) -> Any:
        return terms_of(x, grams=self.grams)

    def _joined(self, terms: Any, beside: NDArray[Any]) -> Any:
        from scipy.sparse import csr_matrix, hstack

        weighted = csr_matrix((terms.data * self._weights[terms.indices], terms.indices, terms.indptr), terms.shape)
        return hstack([weighted, csr_matrix(beside)], format="csr") if beside.shape[1] else weighted


def terms_of(x: Features, *, grams: bool) -> Any:
    """(n_rows, n_terms) sparse float32: the terms of every text, with runs of characters or without."""
    from scipy.sparse import hstack

    kinds = ("terms", "grams") if grams else ("terms",)
    blocks = [b for b, about in zip(x.blocks, x.layout.blocks, strict=True) if about.kind in kinds]
    if not blocks:
        raise Unsuitable("no column holds text")
    return hstack(blocks, format="csr")


def _ratios(terms: Any, y: NDArray[Any], n_classes: int) -> NDArray[np.float32]:
    """(n_terms,) the largest log ratio of a term's share in one class to its share in the others."""
    of_class = np.equal(y[:, None], np.arange(n_classes)).astype(np.float32)
    sums = np.asarray(terms.T @ of_class, dtype=np.float64)
    rest = sums.sum(axis=1, keepdims=True) - sums + _SMOOTHING
    sums += _SMOOTHING
    return np.asarray(np.abs(np.log(sums / sums.sum(axis=0)) - np.log(rest / rest.sum(axis=0))).max(axis=1), np.float32)
