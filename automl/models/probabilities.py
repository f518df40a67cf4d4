"""Class probabilities that a loss can be taken of: one column a class, none exactly 0, rows adding up to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-7


def proper(p: NDArray[Any]) -> NDArray[np.float64]:
    """Rows lifted to at least `FLOOR` and scaled to add up to 1; (n_rows, n_classes) in and out."""
    lifted = np.maximum(np.asarray(p, dtype=np.float64), FLOOR)
    return np.asarray(lifted / lifted.sum(axis=1, keepdims=True))


def spread(p: NDArray[Any], present: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Probabilities of the classes seen in training, put in the columns of all classes.

    Args:
        p: (n_rows, n_present).
        present: Codes of the classes seen, (n_present,).
        n_classes: Columns of the result; those never seen get `FLOOR`.
    """
    full = np.zeros((len(p), n_classes))
    full[:, present] = p
    return proper(full)


def shares(y: NDArray[Any], weights: NDArray[np.float64] | None, n_classes: int) -> NDArray[np.float64]:
    """(n_classes,) weighted class shares, Laplace-smoothed so that a class never seen is not impossible."""
    counts = np.bincount(y, weights=weights, minlength=n_classes).astype(np.float64)
    if weights is not None:
        counts *= len(y) / max(float(counts.sum()), 1e-300)
    smoothed = counts + 1.0 / n_classes
    return np.asarray(smoothed / smoothed.sum())
