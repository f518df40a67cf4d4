"""Figures of the errors say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, confusion_matrix, roc_auc_score, roc_curve

from automl.formats.html import render
from automl.outcome import Evidence
from automl.report import Block, Figure, Report, Section, TableBlock
from automl.sections import errors
from automl.task import Task


def a_task(n: int) -> Task:
    kind = "binary" if n == 2 else "multiclass"
    return Task(kind=kind, target="t", metric="log_loss", classes=tuple(f"c{i}" for i in range(n)))  # type: ignore[arg-type]


def drawn(n_rows: int, n_classes: int, seed: int = 0) -> Evidence:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_rows)
    p = rng.random((n_rows, n_classes)) + 1.5 * np.eye(n_classes)[y]
    return Evidence(y, p / p.sum(axis=1, keepdims=True))


def figure(blocks: list[Block], title: str) -> Figure:
    return next(b for b in blocks if isinstance(b, Figure) and b.title == title)


def check_page(blocks: list[Block]) -> None:
    section = Section("s", "s", tuple(blocks))
    assert render(Report(title="t", subtitle="", facts=(), sections=(section,), result={}))


def test_roc_is_that_of_scikit_learn() -> None:
    evidence = drawn(150, 2)
    blocks = errors.of_classes(a_task(2), evidence, 0.5)
    curve = figure(blocks, "ROC curve").series[0]
    assert auc(curve.x, curve.y) == pytest.approx(roc_auc_score(evidence.y, evidence.prediction[:, 1]), abs=1e-3)
    fpr, tpr, _ = roc_curve(evidence.y, evidence.prediction[:, 1])
    assert set(zip(curve.x, curve.y, strict=True)) <= set(zip(fpr, tpr, strict=True)) | set(
        zip(
            *(v.tolist() for v in roc_curve(evidence.y, evidence.prediction[:, 1], drop_intermediate=False)[:2]),
            strict=True,
        )
    )
    in_use = figure(blocks, "ROC curve").series[1]
    said = evidence.prediction[:, 1] >= 0.5
    assert in_use.y[0] == pytest.approx((said & (evidence.y == 1)).sum() / (evidence.y == 1).sum())
    check_page(blocks)


def test_confusion_counts_every_row() -> None:
    evidence = drawn(300, 4)
    blocks = errors.of_classes(a_task(4), evidence, None)
    counts = np.array(figure(blocks, "Confusion matrix").values)
    np.testing.assert_array_equal(counts, confusion_matrix(evidence.y, evidence.prediction.argmax(axis=1)))
    table = next(b for b in blocks if isinstance(b, TableBlock) and "Class by class" in b.title)
    assert sum(int(row[1]) for row in table.rows) == 300
    check_page(blocks)


def test_confusion_tells_how_labels_come_about() -> None:
    evidence = drawn(300, 3)

    def told(prediction: np.ndarray, threshold: tuple[float, ...] | None) -> str:
        blocks = errors.of_classes(a_task(3), Evidence(evidence.y, prediction), threshold)
        return figure(blocks, "Confusion matrix").caption

    faint = evidence.prediction * [1.0, 1.0, 0.001]
    assert told(evidence.prediction, None).endswith("share of the row.")
    assert told(evidence.prediction, (1.0, 1.0, 1.0)).endswith("share of the row.")
    assert "c2 is never the likeliest" in told(faint, None)
    assert "counts up to 50 times as much (c2)" in told(faint, (0.5, 0.4, 0.01))


def test_calibration_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(5000)
    evidence = Evidence((rng.random(5000) < p).astype(int), np.column_stack([1 - p, p]))
    [series] = figure(errors.of_classes(a_task(2), evidence, None), "Calibration").series
    inside = [low <= x <= high for x, low, high in zip(series.x, series.low, series.high, strict=True)]
    assert len(inside) == 10
    assert sum(inside) >= 7


@pytest.mark.parametrize("n_classes", [2, 3, 12, 40])
@pytest.mark.parametrize("n_rows", [1, 2, 30])
def test_few_rows_and_absent_classes(n_rows: int, n_classes: int) -> None:
    evidence = drawn(n_rows, n_classes)
    check_page(errors.of_classes(a_task(n_classes), evidence, 0.3 if n_classes == 2 else None))
    one = Evidence(np.zeros(n_rows, dtype=int), np.eye(n_classes)[np.zeros(n_rows, dtype=int)])
    check_page(errors.of_classes(a_task(n_classes), one, None))


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5000])
def test_residuals(n_rows: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=n_rows)
    blocks = errors.of_values(Evidence(y, y + 1.0))
    check_page(blocks)
    sizes = figure(blocks, "Error from low to high predictions").series[0].y
    assert sizes == pytest.approx([1.0] * min(5, n_rows))
    check_page(errors.of_values(Evidence(np.full(n_rows, 2.0), np.full(n_rows, 2.0))))
