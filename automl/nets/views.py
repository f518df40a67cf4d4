"""Views of a labelled table: what is random in reading it in context, drawn once, kept, and averaged over."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sample_rows(
    y: NDArray[Any], weights: NDArray[np.float64] | None, n_rows: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """(n_rows,) rows in ascending order: each as often as its weight says, targets as evenly as can be.

    Systematic sampling over the rows in the order of their target: of n_rows rows of equal weight each is taken once,
    and where fewer are taken than there are, classes keep their shares. Source: Madow 1949,
    doi:10.1214/aoms/1177729988.

    Args:
        y: (n,) targets.
        weights: (n,) not negative, or None for equal ones.
    """
    n = len(y)
    if weights is None and n_rows >= n:
        return np.arange(n)
    order = np.lexsort((rng.random(n), y))
    share = np.ones(n) if weights is None else weights[order]
    edges = np.cumsum(share / share.sum())
    places = (np.arange(n_rows) + rng.random()) / n_rows
    return np.sort(order[np.minimum(np.searchsorted(edges, places), n - 1)])


def normal_scores(z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Targets as quantiles of a normal distribution by their mid-rank, and the knots that lead back.

    Args:
        z: (n,) targets.

    Returns:
        Scores (n,); scores of the knots, ascending, and their targets, (n_distinct,) each.
    """
    from scipy.special import ndtri

    targets, place, counts = np.unique(z, return_inverse=True, return_counts=True)
    scores = ndtri((np.cumsum(counts) - 0.5 * counts) / len(z))
    return scores[place], scores, targets
