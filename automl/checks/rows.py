"""D013, D027: rows that repeat or contradict each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl.checks.context import Context, percent
from automl.profile import Finding


def repeated_rows(context: Context) -> list[Finding]:
    """D013: rows that are the same in every column but the ids."""
    names = [c.name for c in context.columns if c.kind != "id"]
    if not names or context.full.n_rows < 2:
        return []
    n_repeats = _n_repeats(context.full.select(names).row_hashes())
    if n_repeats == 0:
        return []
    n = context.full.n_rows
    return [
        Finding(
            code="D013",
            title="repeated rows",
            severity="warning" if n_repeats > 0.05 * n else "info",
            evidence=f"{n_repeats:,} of {n:,} rows ({percent(n_repeats, n)}) repeat an earlier one in every column",
            advice="repeats on both sides of a split flatter the score; remove them if they are errors",
        )
    ]


def contradicting_rows(context: Context) -> list[Finding]:
    """D027: rows whose features are those of rows of another, more frequent class (1 % of the rows or more)."""
    task = context.task
    if task is None or not task.is_classification or not context.features:
        return []
    rows = context.small.select([c.name for c in context.features]).row_hashes()
    codes = context.small.column(task.target).codes(task.classes)
    known = codes >= 0
    n = int(known.sum())
    if n == 0:
        return []
    _, group = np.unique(rows[known], return_inverse=True)
    cells, counts = np.unique(group * len(task.classes) + codes[known], return_counts=True)
    # of rows alike, those outside the most frequent class are lost to any model
    torn = n - int(np.maximum.reduceat(counts, np.unique(cells // len(task.classes), return_index=True)[1]).sum())
    if torn < max(2, 0.01 * n):
        return []
    return [
        Finding(
            code="D027",
            title="same features, other class",
            severity="info",
            evidence=f"{torn:,} of {n:,} rows ({percent(torn, n)}) have the features of more rows of another class",
            advice="no model can get these right; a column that tells them apart may be missing",
        )
    ]


def _n_repeats(hashes: NDArray[np.uint64]) -> int:
    ordered = np.sort(hashes)
    return int((ordered[1:] == ordered[:-1]).sum())
