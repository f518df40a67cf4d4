"""Thresholds: the best there are, honest for rows that did not choose them, and what a search sees of a metric."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.ensemble import blend_weights
from automl.metrics import METRICS
from automl.task import Task
from automl.thresholds import best_threshold, crossed_thresholds, search_metric

RNG = np.random.default_rng(3)
BY_LABELS = [name for name, metric in METRICS.items() if metric.needs == "labels"]


def task(metric: str) -> Task:
    return Task(kind="binary", target="y", metric=metric, classes=("a", "b"))


def two_columns(score: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - score, score])


def test_the_threshold_serves_the_metric() -> None:
    y = (RNG.random(5000) < 0.05).astype(int)
    score = np.clip(0.1 * y + 0.1 * RNG.random(5000), 0, 1)
    p = np.column_stack([1 - score, score])
    t = best_threshold(y, p, METRICS["balanced_accuracy"])
    assert METRICS["balanced_accuracy"](y, p, t) > 0.95 > METRICS["balanced_accuracy"](y, p)


def test_crossed_thresholds_promise_no_more_than_they_keep() -> None:
    metric, seen, crossed, kept = METRICS["f1"], [], [], []
    rng = np.random.default_rng(3)
    for _ in range(400):
        y = (rng.random(2_150) < 0.3).astype(int)
        score = np.clip(0.3 + 0.05 * y + 0.15 * rng.normal(size=2_150), 0, 1)
        p = np.column_stack([1 - score, score])
        few, others = slice(0, 150), slice(150, None)
        t = best_threshold(y[few], p[few], metric)
        seen.append(metric(y[few], p[few], t))
        crossed.append(metric(y[few], p[few], crossed_thresholds(y[few], p[few], metric)))
        kept.append(metric(y[others], p[others], t))
    assert np.mean(seen) > np.mean(kept) + 0.02
    assert np.mean(crossed) < np.mean(kept) + 0.01


@pytest.mark.parametrize("name", BY_LABELS)
@given(rows=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=30))
def test_no_threshold_is_better_and_the_search_sees_its_value(name: str, rows: list[tuple[int, int]]) -> None:
    metric = METRICS[name]
    y, score = np.array([c for c, _ in rows]), np.array([s for _, s in rows]) / 8
    p = two_columns(score)
    every = [metric(y, p, t) for t in (*np.arange(0, 1.1, 1 / 16), 2.0)]
    t = best_threshold(y, p, metric)
    assert np.isfinite(t)
    assert metric(y, p, t) == pytest.approx(max(every))
    assert search_metric(task(name))(y, p) == pytest.approx(max(every))
    if metric(y, p, 0.5) == pytest.approx(max(every)):
        assert t == 0.5


def test_a_rare_class_is_found_though_no_model_ever_gives_it_half() -> None:
    y = (np.arange(4_000) % 800 == 0).astype(int)
    good, bad = (np.clip(0.1 * y * skill + 0.05 * RNG.random(4_000), 0, 1) for skill in (1.0, 0.1))
    seen = search_metric(task("f1"))
    assert METRICS["f1"](y, two_columns(good)) == METRICS["f1"](y, two_columns(bad)) == 0.0
    assert seen(y, two_columns(good)) == 1.0 > seen(y, two_columns(bad))
    assert best_threshold(y, two_columns(good), METRICS["f1"]) == pytest.approx(0.075, abs=0.03)
    assert blend_weights([two_columns(bad), two_columns(good)], y, seen)[1] > 0.5


def test_of_many_classes_the_rare_are_said_sooner_where_the_metric_weighs_classes_alike() -> None:
    y = RNG.choice(3, size=6_000, p=[0.9, 0.07, 0.03])
    scores = np.log([0.9, 0.07, 0.03]) + RNG.normal(size=(6_000, 3)) + 1.5 * np.eye(3)[y]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    balanced = METRICS["balanced_accuracy"]
    found = best_threshold(y, p, balanced)
    assert isinstance(found, tuple)
    assert found[0] > found[1] > found[2]
    assert balanced(y, p, found) > balanced(y, p) + 0.1
    crossed = crossed_thresholds(y, p, balanced)
    assert crossed.shape == p.shape
    assert balanced(y, p, crossed) == pytest.approx(balanced(y, p, found), abs=0.02)
    several = Task(kind="multiclass", target="y", metric="balanced_accuracy", classes=("a", "b", "c"))
    assert search_metric(several)(y, p) == pytest.approx(balanced(y, p, found), abs=0.02)


def test_every_metric_of_labels_of_many_classes_is_searched() -> None:
    y, p = RNG.integers(0, 3, 60), RNG.dirichlet(np.ones(3), 60)
    for name in BY_LABELS:
        if "multiclass" in METRICS[name].kinds:
            seen = search_metric(Task(kind="multiclass", target="y", metric=name, classes=("a", "b", "c")))
            assert 0 < seen(y, p) < 1 or name == "mcc"


def test_a_class_that_is_not_among_the_rows_is_not_favoured() -> None:
    y, p = np.array([0, 0, 0, 1]), np.array([[0.6, 0.3, 0.1]] * 4)
    found = best_threshold(y, p, METRICS["f1_macro"])
    assert isinstance(found, tuple)
    assert (np.argmax(p / np.asarray(found), axis=1) != 2).all()


def test_other_metrics_are_seen_as_they_are() -> None:
    assert search_metric(task("roc_auc")) is METRICS["roc_auc"]
    three = Task(kind="multiclass", target="y", metric="accuracy", classes=("a", "b", "c"))
    assert search_metric(three) is METRICS["accuracy"]
