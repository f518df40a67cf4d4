"""D020-D023: what is odd about the target."""

from __future__ import annotations

import numpy as np

from automl.checks.context import Context, listed, percent
from automl.profile import Finding

_RARE = 10  # rows of a class below which no fold can be trusted with it
_IMBALANCED = 0.1
_STRONGLY = 0.01
_SKEWED = 3.0


def no_target(context: Context) -> list[Finding]:
    """D020: rows whose target is missing."""
    n = context.n_without_target
    if context.task is None or n == 0:
        return []
    total = context.full.n_rows
    return [
        Finding(
            code="D020",
            title="rows without a target",
            severity="info" if n < 0.2 * total else "warning",
            columns=(context.task.target,),
            evidence=f"{n:,} of {total:,} rows ({percent(n, total)})",
            action="left out",
        )
    ]


def class_imbalance(context: Context) -> list[Finding]:
    """D021: the rarest of two classes, or the least of several against an even share, is far in the minority."""
    counts = _class_counts(context)
    if len(counts) < 2:
        return []
    label, least = min(counts.items(), key=lambda pair: (pair[1], pair[0]))
    total = sum(counts.values())
    # for several classes 10 % and 1 % are measured against two even classes
    share = least / total * len(counts) / 2
    if share >= _IMBALANCED:
        return []
    return [
        Finding(
            code="D021",
            title="unbalanced classes",
            severity="warning" if share < _STRONGLY else "info",
            columns=(context.task.target,) if context.task else (),
            evidence=f"class {label!r} has {least:,} of {total:,} rows ({percent(least, total)})",
            advice="accuracy says little here; roc_auc, average_precision or balanced_accuracy (--metric) say more",
        )
    ]


def rare_classes(context: Context) -> list[Finding]:
    """D022: classes of fewer than 10 rows."""
    counts = _class_counts(context)
    rare = [label for label, n in counts.items() if n < _RARE]
    if not rare or context.task is None:
        return []
    single = sum(counts[label] == 1 for label in rare)
    return [
        Finding(
            code="D022",
            title="very rare classes",
            severity="warning",
            columns=(context.task.target,),
            evidence=f"fewer than {_RARE} rows: {listed(rare)}"
            + (f"; {single} of them a single row" if single else ""),
            advice="they are kept, but hardly learned and not measured in every fold; merge or remove them if you can",
        )
    ]


def skewed_target(context: Context) -> list[Finding]:
    """D023: a few very large values of the target rule the squared error (skewness above 3)."""
    task, target = context.task, context.target
    if task is None or target is None or task.is_classification or target.numbers is None:
        return []
    numbers = target.numbers
    if abs(numbers.skew) < _SKEWED:
        return []
    metric = "rmsle or mae" if numbers.minimum >= 0 else "mae"
    return [
        Finding(
            code="D023",
            title="skewed target",
            severity="info",
            columns=(task.target,),
            evidence=f"skewness {numbers.skew:.1f}; median {numbers.quantiles[3]:.4g}, greatest {numbers.maximum:.4g}",
            advice=f"{task.metric} is ruled by the few extreme rows; --metric {metric} weighs all of them more evenly",
        )
    ]


def _class_counts(context: Context) -> dict[str, int]:
    """Rows of each class, over all rows."""
    task, target = context.task, context.target
    if task is None or target is None or not task.is_classification:
        return {}
    codes = context.full.column(task.target).without(target.missing_tokens).codes(task.classes)
    counts = np.bincount(codes[codes >= 0], minlength=len(task.classes))
    return dict(zip(task.classes, counts.tolist(), strict=True))
