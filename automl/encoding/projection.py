"""The vectors of a pretrained encoder in fewer numbers: the directions in which a sample of them varies most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Projection:
    """Principal components of the vectors of one column, turned at random within their span.

    Families scale each feature by its own spread. Plain components would so be whitened, and the last ones, which are
    mostly noise, count as much as the first; turned, all features vary about alike. On 300, 1,000 and 3,600 tweets read
    by all-MiniLM-L6-v2, logistic regression had a log loss of 0.786, 0.722 and 0.677 with 128 turned components, of
    0.866, 0.749 and 0.688 with plain ones, and of 0.796, 0.730 and 0.664 with all 384 numbers of the encoder.

    Shape:
        mean: (d,) float32.
        directions: (d, n_dims) float32, orthonormal.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    @property
    def n_dims(self) -> int:
        """Numbers a vector becomes."""
        return int(self.directions.shape[1])

    def encode(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n_rows, n_dims) of (n_rows, d); each row by itself, so that it has the same bits in any company."""
        turned: NDArray[np.float64] = np.einsum("nd,dk->nk", vectors - self.mean, self.directions).astype(np.float64)
        return turned


def fit_projection(vectors: NDArray[np.float32], n_dims: int) -> Projection | None:
    """Learn at most `n_dims` directions from a sample (n_rows, d); None of fewer than three rows."""
    from sklearn.decomposition import PCA

    n_dims = min(n_dims, len(vectors) - 1, vectors.shape[1])
    if n_dims < 2:
        return None
    found = PCA(n_dims, random_state=0).fit(vectors)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(n_dims, n_dims)))
    return Projection(found.mean_.astype(np.float32), (found.components_.T @ turn).astype(np.float32))
