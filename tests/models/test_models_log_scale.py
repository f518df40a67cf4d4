"""A metric of logarithms is learned on the scale of logarithms, whatever the family."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest

from automl import registry
from automl.family import Limits, Rows
from automl.features import Features, Layout
from automl.metrics import METRICS
from automl.models.building import build_model
from automl.task import Task
from automl.testing.examples import example

LAYOUT = Layout(columns=("a", "b"), num_names=("a", "b"), num_sources=(0, 1))
TASK = Task(kind="regression", target="y", metric="rmsle")


def _rows(n_rows: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 2)).astype(np.float32)
    y = np.exp(2.0 * x[:, 0] + 1.5 * rng.normal(size=n_rows))
    return Rows(Features(x, np.empty((n_rows, 0), dtype=np.int32), LAYOUT), y)


@pytest.mark.parametrize("name", ["majority", "linear", "lightgbm", "extra_trees", "knn", "tabm"])
def test_logarithms_are_learned_where_the_metric_is_of_them(name: str) -> None:
    family = registry.family(name)
    params = family.default(example("regression", 900).profile)[0]
    train, valid, test = _rows(600, 0), _rows(200, 1), _rows(400, 2)
    values = build_model(family, params, msgspec.structs.replace(TASK, metric="rmse"), LAYOUT)
    logarithms = build_model(family, params, TASK, LAYOUT)
    for model in (values, logarithms):
        model.fit(train, valid, Limits(deadline=time.monotonic() + 60))
    metric = METRICS["rmsle"]
    assert metric(test.y, logarithms.predict(test.x)) < 0.95 * metric(test.y, values.predict(test.x))
    again = build_model(family, params, TASK, LAYOUT)
    again.load(logarithms.save())
    np.testing.assert_array_equal(again.predict(test.x), logarithms.predict(test.x))


def test_values_below_zero_count_as_zero_and_none_is_predicted() -> None:
    rows = _rows(200, 0)
    model = build_model(registry.family("majority"), {}, TASK, LAYOUT)
    model.fit(Rows(rows.x, np.full(200, -5.0)), None, Limits(deadline=time.monotonic() + 60))
    np.testing.assert_array_equal(model.predict(rows.x), 0.0)


def test_the_best_constant_is_the_mean_of_logarithms() -> None:
    rows = _rows(5, 0)
    y = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
    model = build_model(registry.family("majority"), {}, TASK, LAYOUT)
    model.fit(Rows(rows.x, y), None, Limits(deadline=time.monotonic() + 60))
    assert model.predict(rows.x)[0] == pytest.approx(np.expm1(np.log1p(y).mean()))
