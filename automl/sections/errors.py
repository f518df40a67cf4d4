"""The errors on held-out rows in figures: curves, calibration and confusion of classes, residuals of values."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.metrics import binary_auc, labels
from automl.outcome import Evidence
from automl.report import Block, Figure, Series, TableBlock
from automl.task import Task, Threshold
from automl.typography import counted, format_number, format_share

_POINTS = 200
_MAX_DRAWN_ROWS = 1000
_MAX_CURVES = 6
_MAX_HEATMAP = 30
_MAX_CLASSES = 100
_BINS = 10
Array: TypeAlias = NDArray[Any]


def of_classes(task: Task, evidence: Evidence, threshold: Threshold | None) -> list[Block]:
    """ROC, precision and recall, calibration, confusion; of many classes the hardest."""
    codes = evidence.y.astype(int)
    said = labels(evidence.prediction, threshold)
    if len(task.classes) == 2:
        score = evidence.prediction[:, 1]
        blocks: list[Block] = [
            _roc_of_two(codes == 1, score, said == 1, threshold if isinstance(threshold, float) else None),
            _precision_recall(codes == 1, score),
        ]
    else:
        blocks = [_roc_of_many(task, codes, evidence.prediction)]
        blocks.append(_sureness(evidence.prediction))
    blocks.append(_calibration(task, codes, evidence.prediction))
    blocks += _confusion(task, codes, said, threshold)
    if len(task.classes) > 2:
        blocks.append(_by_class(task, codes, said))
    return blocks


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(map(float, values))


def _thin(x: Array, y: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A curve at its corners: runs along an axis need no points between, and at most `_POINTS` are kept."""
    inner = ((np.diff(x[:-1]) != 0) | (np.diff(x[1:]) != 0)) & ((np.diff(y[:-1]) != 0) | (np.diff(y[1:]) != 0))
    corners = np.flatnonzero(np.r_[True, inner, True][: len(x)])
    keep = corners[np.unique(np.linspace(0, len(corners) - 1, min(len(corners), _POINTS)).round().astype(int))]
    return _floats(x[keep]), _floats(y[keep])


def _curve(positive: Array, score: Array) -> tuple[Array, Array]:
    """Hits and rows called positive at each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    return np.cumsum(positive[order])[last], last + 1


def _roc(name: str, positive: Array, score: Array) -> Series:
    hits, said = _curve(positive, score)
    recall, fall_out = hits / max(int(positive.sum()), 1), (said - hits) / max(int((~positive).sum()), 1)
    return Series(name, *_thin(np.r_[0.0, fall_out], np.r_[0.0, recall]), mark="line")


def _roc_of_two(positive: Array, score: Array, said: Array, threshold: float | None) -> Figure:
    series = [_roc("ROC" if threshold is None else "all thresholds", positive, score)]
    if threshold is not None:
        recall = float((said & positive).sum() / max(int(positive.sum()), 1))
        fall_out = float((said & ~positive).sum() / max(int((~positive).sum()), 1))
        series.append(Series(f"the one in use, {format_number(threshold)}", (fall_out,), (recall,), mark="points"))
    return Figure(
        title="ROC curve",
        chart="line",
        series=tuple(series),
        x_label="false positive rate",
        y_label="true positive rate",
        diagonal=True,
        caption=f"Area {binary_auc(positive, score):.3f}: how often a positive row scores above a negative one.",
    )


def _roc_of_many(task: Task, codes: Array, p: Array) -> Figure:
    """Each class against all others, the hardest first."""
    there = [c for c in range(len(task.classes)) if 0 < np.count_nonzero(codes == c) < len(codes)]
    areas = {c: binary_auc(codes == c, p[:, c]) for c in there}
    hardest = sorted(there, key=lambda c: areas[c])[:_MAX_CURVES]
    some = (
        f"The {len(hardest)} hardest of {len(task.classes)} classes, each"
        if len(hardest) < len(there)
        else "Each class"
    )
    return Figure(
        title="ROC curves",
        chart="line",
        series=tuple(_roc(f"{task.classes[c]} ({areas[c]:.3f})", codes == c, p[:, c]) for c in hardest),
        x_label="false positive rate",
        y_label="true positive rate",
        diagonal=True,
        caption=f"{some} against all others, with the area under its curve.",
    )


def _precision_recall(positive: Array, score: Array) -> Figure:
    hits, said = _curve(positive, score)
    x, y = _thin(np.r_[0.0, hits / max(int(positive.sum()), 1)], np.r_[1.0, hits / said])
    rate = float(positive.mean())
    return Figure(
        title="Precision and recall",
        chart="line",
        series=(Series("model", x, y, mark="line"), Series("guessing", (0.0, 1.0), (rate, rate), mark="dashes")),
        x_label="recall: share of the positives that are found",
        y_label="precision: share of the found that are positive",
        caption=f"Guessing has a precision of {format_number(rate)} at every recall.",
    )


def _calibration(task: Task, codes: Array, p: Array) -> Figure:
    """How often it was so, by what was said, with Wilson's 90 % intervals (1927, doi:10.2307/2276774)."""
    said = p[:, 1] if p.shape[1] == 2 else p.max(axis=1)
    came = (codes == 1) if p.shape[1] == 2 else (codes == p.argmax(axis=1))
    edges = np.unique(np.quantile(said, np.linspace(0, 1, _BINS + 1)))
    bins = np.clip(np.searchsorted(edges, said, side="right") - 1, 0, max(len(edges) - 2, 0))
    members = [np.flatnonzero(bins == b) for b in range(max(len(edges) - 1, 1))]
    members = [rows for rows in members if len(rows)]
    n = np.array([len(rows) for rows in members])
    share = np.array([came[rows].mean() for rows in members])
    z = 1.645
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    of = task.classes[1] if p.shape[1] == 2 else "the likeliest class"
    return Figure(
        title="Calibration",
        chart="points",
        series=(
            Series(
                "",
                tuple(float(said[rows].mean()) for rows in members),
                _floats(share),
                low=_floats(np.clip(middle - half, 0.0, share)),
                high=_floats(np.clip(middle + half, share, 1.0)),
            ),
        ),
        x_label=f"predicted probability of {of}",
        y_label="how often it was so",
        diagonal=True,
        caption=f"Each dot is about {counted(round(float(np.mean(n))), 'row')}, its whisker a 90 % interval; "
        "on the diagonal, a predicted 70 % comes true in 70 % of the rows.",
    )


def _sureness(p: Array) -> Figure:
    top = p.max(axis=1)
    counts, edges = np.histogram(top, bins=20, range=(float(np.floor(top.min() * 20) / 20), 1.0))
    return Figure(
        title="How sure it is",
        chart="histogram",
        series=(Series("", _floats((edges[:-1] + edges[1:]) / 2), _floats(counts)),),
        x_label="probability of the likeliest class",
        y_label="rows",
        caption=f"Half of all rows get their class with a probability above {format_share(float(np.median(top)))}.",
    )


def _confusion(task: Task, codes: Array, said: Array, threshold: Threshold | None) -> list[Block]:
    n = len(task.classes)
    counts = np.zeros((n, n), dtype=int)
    np.add.at(counts, (codes, said), 1)
    if n > _MAX_HEATMAP:
        return [_worst(task, counts)]
    called = _called(task, counts, threshold)
    found: list[Block] = [
        Figure(
            title="Confusion matrix",
            chart="heatmap",
            labels=task.classes,
            row_labels=task.classes,
            values=tuple(_floats(row) for row in counts),
            x_label="said",
            y_label="was",
            by_row=True,
            caption=f"Held-out rows by what they were and what was said; shaded by the share of the row.{called}",
        )
    ]
    return [*found, _worst(task, counts)] if n > _BINS else found


def _called(task: Task, counts: Array, threshold: Threshold | None) -> str:
    """How labels are told, in a sentence; empty where that is by the likeliest class, and each sometimes is."""
    if isinstance(threshold, float):
        return f" {task.classes[1]} is said from a probability of {format_number(threshold)}."
    if threshold is None:
        silent = [
            name
            for name, was, said in zip(task.classes, counts.sum(axis=1), counts.sum(axis=0), strict=True)
            if was and not said
        ]
        return f" {silent[0]} is never the likeliest: --metric balanced_accuracy would say it sooner." if silent else ""
    if min(threshold) == max(threshold):
        return ""
    rarest, times = int(np.argmin(threshold)), max(threshold) / min(threshold)
    return (
        f" Rare classes are said sooner: a probability counts up to {times:.2g} times as much ({task.classes[rarest]})."
    )


def _worst(task: Task, counts: Array) -> TableBlock:
    wrong = counts - np.diag(np.diag(counts))
    pairs = [divmod(int(k), len(counts)) for k in np.argsort(-wrong, axis=None, kind="stable")[:12]]
    rows = tuple(
        (task.classes[i], task.classes[j], f"{wrong[i, j]:,}", format_share(wrong[i, j] / counts[i].sum()))
        for i, j in pairs
        if wrong[i, j]
    )
    return TableBlock(
        "Most frequent confusions", ("was", "said", "rows", "of its class"), rows, (False, False, True, True)
    )


def _by_class(task: Task, codes: Array, said: Array) -> TableBlock:
    """Precision and recall of each class, the weakest first."""
    rows = []
    for c, name in enumerate(task.classes):
        was, called, both = codes == c, said == c, (codes == c) & (said == c)
        recall = both.sum() / was.sum() if was.any() else float("nan")
        precision = both.sum() / called.sum() if called.any() else float("nan")
        either = was.sum() + called.sum()
        f1 = 2 * both.sum() / either if either else float("nan")
        rows.append((f1, (name, f"{was.sum():,}", *(_share(v) for v in (precision, recall, f1)))))
    rows.sort(key=lambda row: (np.isnan(row[0]), row[0]))
    more = f", the weakest {_MAX_CLASSES} of {len(rows):,}" if len(rows) > _MAX_CLASSES else ""
    kept = tuple(row for _, row in rows[:_MAX_CLASSES])
    head = ("class", "rows", "precision", "recall", "F1")
    return TableBlock(f"Class by class, the weakest first{more}", head, kept, (False, True, True, True, True))


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def of_values(evidence: Evidence) -> list[Block]:
    """Observed against predicted, residuals, and the error from low to high predictions."""
    y, v = evidence.y.astype(float), evidence.prediction.astype(float)
    rows = np.random.default_rng(0).permutation(len(y))[:_MAX_DRAWN_ROWS]
    drawn = f" {len(rows):,} of {len(y):,} rows are drawn." if len(rows) < len(y) else ""
    low, high = np.quantile(y - v, [0.001, 0.999])
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(y - v, bins=min(40, max(5, len(y) // 20)), range=(low, high))
    half = format_number(float(np.median(np.abs(y - v))))
    return [
        Figure(
            title="Observed against predicted",
            chart="points",
            series=(Series("", _floats(v[rows]), _floats(y[rows])),),
            x_label="predicted",
            y_label="observed",
            diagonal=True,
            caption=f"On the diagonal, rows that were predicted exactly.{drawn}",
        ),
        Figure(
            title="Residuals",
            chart="histogram",
            series=(Series("", _floats((edges[:-1] + edges[1:]) / 2), _floats(counts)),),
            x_label="observed − predicted",
            y_label="rows",
            caption=f"Half of all rows are off by less than {half}.",
        ),
        _by_size(y, v),
    ]


def _by_size(y: Array, v: Array) -> Figure:
    """Mean absolute error of fifths of the rows, by prediction."""
    parts = [rows for rows in np.array_split(np.argsort(v, kind="stable"), 5) if len(rows)]
    size = [np.abs(y[rows] - v[rows]) for rows in parts]
    mean = np.array([s.mean() for s in size])
    error = np.array([s.std(ddof=1) / np.sqrt(len(s)) if len(s) > 1 else 0.0 for s in size])
    return Figure(
        title="Error from low to high predictions",
        chart="bars",
        labels=tuple(
            f"{format_number(float(v[rows].min()))} to {format_number(float(v[rows].max()))}" for rows in parts
        ),
        series=(
            Series(
                "error",
                _floats(np.arange(len(parts))),
                _floats(mean),
                low=_floats(mean - error),
                high=_floats(mean + error),
            ),
        ),
        x_label="mean absolute error",
        caption="Fifths of the held-out rows by what was predicted; whiskers: standard error.",
    )
