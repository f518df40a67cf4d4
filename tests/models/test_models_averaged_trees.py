"""Forests on categories of many levels: cross-fitted means beside, or in place of, an order that knows the target."""

from __future__ import annotations

import time

import numpy as np
import pytest

from automl import registry
from automl.errors import ModelFileError
from automl.family import Limits, Rows, State
from automl.features import Features, Layout
from automl.task import Task
from automl.testing.examples import example

N_LEVELS = 200
LAYOUT = Layout(
    columns=("size", "id", "city"),
    num_names=("size",),
    num_sources=(0,),
    cat_names=("id", "city"),
    cat_sources=(1, 2),
    n_levels=(N_LEVELS, 3),
    cat_ordered=(False, False),
)
TASK = Task(kind="regression", target="y", metric="rmse")


def rows(n: int, seed: int, strength: float) -> Rows:
    """Few rows of each level, which move the target by `strength`."""
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, N_LEVELS, n), rng.integers(0, 3, n)], axis=1).astype(np.int32)
    effect = np.random.default_rng(0).normal(size=N_LEVELS)
    y = strength * effect[codes[:, 0]] + 0.5 * codes[:, 1] + 0.3 * rng.normal(size=n)
    return Rows(Features(rng.normal(size=(n, 1)).astype(np.float32), codes, LAYOUT), y)


@pytest.mark.parametrize("name", ["forest", "extra_trees", "tree"])
def test_trees_are_told_what_rare_levels_mean_and_not_what_their_own_rows_are(name: str) -> None:
    family = registry.family(name)
    params = family.default(example("regression", 900).profile)[0]
    test = rows(2_000, 2, 1.0)
    model = family.build(params, TASK, LAYOUT)
    model.fit(rows(1_200, 1, 1.0), None, Limits(deadline=time.monotonic() + 60))
    assert np.mean((model.predict(test.x) - test.y) ** 2) < 0.5 * test.y.var()
    sources = model.tree_sources()  # type: ignore[attr-defined]
    assert sources.ravel().tolist() == [0, 2, 1], "the number, the city by its place, the mean of the id"
    again = family.build(params, TASK, LAYOUT)
    again.load(model.save())
    np.testing.assert_array_equal(again.predict(test.x), model.predict(test.x))
    state = model.save()
    damaged = {name: array for name, array in state.arrays.items() if name != "mean_table"}
    with pytest.raises(ModelFileError, match="mean_table"):
        family.build(params, TASK, LAYOUT).load(State(state.config, damaged))
    noise, unseen = rows(1_200, 1, 0.0), rows(2_000, 2, 0.0)
    model = family.build(params, TASK, LAYOUT)
    model.fit(noise, None, Limits(deadline=time.monotonic() + 60))
    assert np.mean((model.predict(unseen.x) - unseen.y) ** 2) < 0.8 * unseen.y.var(), "the city is still found"


@pytest.mark.parametrize("name", ["forest", "extra_trees"])
def test_levels_of_many_rows_are_told_apart_by_their_places_too(name: str) -> None:
    family = registry.family(name)
    params = family.default(example("regression", 900).profile)[0]
    learned, tested = rows(8_000, 5, 1.0), rows(2_000, 6, 1.0)
    model, again = family.build(params, TASK, LAYOUT), family.build(params, TASK, LAYOUT)
    model.fit(learned, None, Limits(deadline=time.monotonic() + 60))
    assert model.tree_sources().ravel().tolist() == [0, 1, 2, 1]  # type: ignore[attr-defined]
    again.load(model.save())
    np.testing.assert_array_equal(again.predict(tested.x), model.predict(tested.x))
    model.fit(rows(1_200, 1, 1.0), None, Limits(deadline=time.monotonic() + 60))
    assert model.tree_sources().ravel().tolist() == [0, 2, 1]  # type: ignore[attr-defined]
