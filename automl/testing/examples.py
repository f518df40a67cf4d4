"""Small learnable tables with everything unpleasant in them, for conformance suites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.family import Rows
from automl.features import Features, Layout
from automl.profile import ColumnProfile, Profile, Shape
from automl.task import History, Task, TaskKind
from automl.testing.media import Medium, medium_blocks, medium_column

_MEDIUM = "media"
_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


@dataclass(frozen=True, slots=True)
class Example:
    """A learnable table with everything that is unpleasant in one, split in three."""

    task: Task
    profile: Profile
    layout: Layout
    train: Rows
    valid: Rows
    test: Rows


def example(kind: TaskKind, n_rows: int = 360, n_classes: int = 3, seed: int = 0) -> Example:
    """A table whose target follows one number and one category.

    It has missing values, an infinite one, a constant column, an all-missing column, a heavy tail, an ordered category,
    one with as many levels as a third of the rows, and categories missing and unseen in the test rows.
    """
    x, score = _table(n_rows, seed)
    return _split(kind, x, score, n_classes if kind == "multiclass" else 2)


def media_example(medium: Medium, kind: TaskKind, n_rows: int = 360, n_classes: int = 3, seed: int = 0) -> Example:
    """The same table with a column of images, sounds or texts, which is what the target follows.

    A number sums that column up, badly; some of its values are missing.
    """
    plain, _ = _table(n_rows, seed)
    rng = np.random.default_rng(seed + 1)
    score = rng.uniform(size=n_rows)
    place = np.where(rng.random(n_rows) < 0.03, np.nan, score)
    blocks, arrays = medium_blocks(medium, _MEDIUM, place, rng)
    columns = (*plain.layout.columns, _MEDIUM)
    layout = msgspec.structs.replace(
        plain.layout,
        columns=columns,
        num_names=(*plain.layout.num_names, f"{_MEDIUM}: sum"),
        num_sources=(*plain.layout.num_sources, len(columns) - 1),
        blocks=blocks,
    )
    summary = np.where(np.isnan(place), np.nan, rng.normal(size=n_rows)).astype(np.float32)
    x = Features(np.column_stack([plain.x_num, summary]), plain.x_cat, layout, arrays)
    n_classes = n_classes if kind == "multiclass" else 2
    return _split(kind, x, score, n_classes, (medium_column(medium, _MEDIUM),))


def series_example(kind: TaskKind, n_rows: int = 360, n_classes: int = 3, seed: int = 0) -> Example:
    """The same table as a series: its first number has the values of the rows before it beside it."""
    plain, score = _table(n_rows, seed)
    history = History(window=3, columns=plain.layout.num_names[:1])
    signal = plain.x_num[:, 0]
    earlier = [np.append(np.full(k, np.nan, np.float32), signal[:-k]) for k in (2, 1)]
    layout = msgspec.structs.replace(
        plain.layout,
        num_names=(*plain.layout.num_names, *history.lags(history.columns[0])[:-1]),
        num_sources=(*plain.layout.num_sources, 0, 0),
    )
    x = Features(np.column_stack([plain.x_num, *earlier]), plain.x_cat, layout)
    case = _split(kind, x, score, n_classes if kind == "multiclass" else 2)
    return replace(case, task=msgspec.structs.replace(case.task, history=history))


def _table(n_rows: int, seed: int) -> tuple[Features, NDArray[np.float64]]:
    """The messy table, and the score that its signal makes, (n_rows,)."""
    rng = np.random.default_rng(seed)
    signal, group = rng.normal(size=n_rows), rng.integers(0, 4, n_rows)
    score = 2.0 * signal + np.array([-2.0, 0.0, 0.5, 2.0])[group] + 0.3 * rng.normal(size=n_rows)
    x_num = np.column_stack(
        [
            signal,
            rng.normal(size=n_rows),
            np.full(n_rows, 7.0),
            np.full(n_rows, np.nan),
            np.exp(4 * rng.normal(size=n_rows)),
        ]
    ).astype(np.float32)
    x_num[rng.random(n_rows) < 0.1, 1] = np.nan
    x_num[rng.random(n_rows) < 0.03, 0] = np.nan
    x_num[0, 4] = np.inf
    n_many = max(2, n_rows // 3)
    x_cat = np.column_stack([group, rng.integers(0, 5, n_rows), rng.integers(0, n_many, n_rows)]).astype(np.int32)
    x_cat[rng.random(n_rows) < 0.05, 1] = -1
    layout = Layout(
        columns=("a", "b", "", "📦", "b ", "g", "o", "m"),
        num_names=("a", "b", "", "📦", "b "),
        num_sources=(0, 1, 2, 3, 4),
        cat_names=("g", "o", "m"),
        cat_sources=(5, 6, 7),
        n_levels=(4, 5, n_many),
        cat_ordered=(False, True, False),
    )
    return Features(x_num, x_cat, layout), score


def _split(
    kind: TaskKind,
    x: Features,
    score: NDArray[np.float64],
    n_classes: int,
    columns: tuple[ColumnProfile, ...] = (),
) -> Example:
    n_rows, layout = x.n_rows, x.layout
    edges = np.quantile(score, np.arange(1, n_classes) / n_classes)
    y: NDArray[Any] = 1e3 + 50 * score if kind == "regression" else np.searchsorted(edges, score).astype(np.int64)
    classes = () if kind == "regression" else tuple(f"class {c}" for c in range(n_classes))
    task = Task(
        kind=kind, target="y", metric=_METRICS[kind], classes=classes, positive=classes[-1] if classes else None
    )
    shape = Shape(
        n_rows=n_rows,
        d_num=len(layout.num_names),
        d_cat=len(layout.cat_names),
        n_levels=sum(layout.n_levels),
        n_outputs=task.n_outputs,
    )
    profile = Profile(
        source="example",
        n_rows=n_rows,
        n_rows_profiled=n_rows,
        memory_bytes=40 * n_rows,
        modality="mixed" if columns else "tabular",
        columns=columns,
        shape=shape,
    )
    a, b = n_rows * 5 // 9, n_rows * 7 // 9
    train, valid, test = (Rows(x.take(part), y[part]) for part in (slice(0, a), slice(a, b), slice(b, n_rows)))
    if x.x_cat.shape[1]:
        test.x.x_cat[:3, 0] = (-1, -2, -2)
    return Example(task, profile, layout, train, valid, test)


def only(case: Example, num: list[int], cat: list[int]) -> Example:
    """The same rows with some of the features only, and all blocks."""
    old = case.layout
    layout = Layout(
        columns=old.columns,
        num_names=tuple(old.num_names[i] for i in num),
        num_sources=tuple(old.num_sources[i] for i in num),
        cat_names=tuple(old.cat_names[i] for i in cat),
        cat_sources=tuple(old.cat_sources[i] for i in cat),
        n_levels=tuple(old.n_levels[i] for i in cat),
        cat_ordered=tuple(old.cat_ordered[i] for i in cat),
        blocks=old.blocks,
    )
    train, valid, test = (
        replace(rows, x=Features(rows.x.x_num[:, num], rows.x.x_cat[:, cat], layout, rows.x.blocks))
        for rows in (case.train, case.valid, case.test)
    )
    size = case.profile.size
    shape = Shape(n_rows=size.n_rows, d_num=len(num), d_cat=len(cat), n_levels=9, n_outputs=size.n_outputs)
    profile = msgspec.structs.replace(case.profile, shape=shape)
    return Example(case.task, profile, layout, train, valid, test)
