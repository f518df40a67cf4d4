from __future__ import annotations

import time

import numpy as np
import pytest
from shipped_fakes import DAY, LAYOUT, FakeShipped, additive, gain, table_of, task_of, truth

from automl.explainers import dependence, lime, permutation
from automl.explainers.pool import RowPool, players_of
from automl.features import Features, Layout
from automl.profile import ColumnProfile
from automl.table import Table


@pytest.fixture
def shipped() -> FakeShipped:
    return FakeShipped(task_of("regression"), LAYOUT, additive)


@pytest.fixture
def pool(shipped: FakeShipped) -> RowPool:
    features = shipped.encode(table_of(200))
    return RowPool(features, players_of(LAYOUT), lambda x: shipped.predict(x)[:, None])


def test_codes_are_quartiles_levels_and_missing(pool):
    codes = lime.column_codes(pool)
    size = pool.features.x_num[:, 0]
    assert ((codes[:, 0] == 0) == np.isnan(size)).all()
    counts = np.bincount(codes[:, 0])[1:]
    assert len(counts) == 4
    assert counts.max() - counts.min() <= 2
    assert len(np.unique(codes[:, 1])) == 4
    assert len(np.unique(codes[:, 2])) == 1
    assert len(np.unique(codes[:, 4])) == 5


def test_lime_tells_the_terms_of_an_additive_model(pool):
    codes = lime.column_codes(pool)
    row = int(np.argmax(np.nan_to_num(pool.features.x_num[:, 1])))
    local = lime.explain_row(pool, codes, row, 0, n_samples=3000, seed=0)
    again = lime.explain_row(pool, codes, row, 0, n_samples=3000, seed=0)
    assert (local.values == again.values).all()
    assert (local.intercept, local.fidelity) == (again.intercept, again.fidelity)
    others = pool.features.x_num[codes[:, 1] != codes[row, 1], 1]
    expected = 2.0 * (pool.features.x_num[row, 1] - others.mean())
    assert local.values[1] == pytest.approx(expected, rel=0.2)
    assert local.values[2] == 0
    assert 0.1 < local.fidelity <= 1
    assert type(local.values.tolist()[0]) is float


def test_lime_explains_a_row_with_missing_infinite_and_constant_values():
    layout = Layout(columns=("a", "b", "c"), num_names=("a", "b", "c"), num_sources=(0, 1, 2))
    x = np.full((12, 3), np.nan, dtype=np.float32)
    x[:, 1] = np.inf
    x[:6, 2] = np.arange(6)
    pool = RowPool(
        Features(x, np.zeros((12, 0), dtype=np.int32), layout),
        players_of(layout),
        lambda f: np.isnan(f.x_num[:, 2:]).astype(float),
    )
    local = lime.explain_row(pool, lime.column_codes(pool), 11, 0, n_samples=500, seed=0)
    assert local.values[:2] == pytest.approx([0, 0], abs=1e-9)
    assert local.values[2] > 0.5


def test_shuffling_costs_what_a_column_is_worth(shipped, pool):
    rows = np.arange(200)
    y = truth(shipped, table_of(200))
    bare = RowPool(pool.features, pool.players, shipped.predict)
    settings = {"repeats": 4, "seed": 1}
    found = permutation.losses(bare, rows, y, gain, order=range(5), deadline=time.monotonic() + 60, **settings)
    assert found.means[2] == 0
    assert found.errors[2] == 0
    assert found.means[1] > 5 * found.errors[1] > 0
    other = permutation.losses(bare, rows, y, gain, order=[3, 1], deadline=time.monotonic() + 60, **settings)
    assert other.means.tolist() == [found.means[3], found.means[1]]
    late = permutation.losses(bare, rows, y, gain, order=range(5), deadline=0.0, **settings)
    assert not len(late.players)


def test_every_column_is_shuffled_twice_before_any_is_shuffled_more(shipped, pool, monkeypatch):
    asked = []

    def with_note(_pool, rows, player, donors):
        asked.append((player, len(rows) // 20))
        return shipped.predict(_pool.features.take(donors))

    monkeypatch.setattr(RowPool, "predict_with", with_note)
    rows, y = np.arange(20), truth(shipped, table_of(20))
    bare = RowPool(pool.features, pool.players, shipped.predict)
    permutation.losses(bare, rows, y, gain, order=[1, 0], repeats=5, seed=1, deadline=time.monotonic() + 60)
    assert asked == [(1, 2), (0, 2), (1, 3), (0, 3)]


def test_axes_speak_of_the_users_values(shipped):
    table = table_of(80)
    x = shipped.encode(table)
    axes = {name: dependence.axis_of(table.column(name), i, x) for i, name in enumerate(LAYOUT.columns)}
    assert axes["when"].scale == "date"
    assert axes["when"].values[0] == pytest.approx(x.x_num[0, 3] * DAY)
    assert axes["city"].scale == "category"
    assert set(axes["city"].labels) == {"Bern", "Köln", "Łódź", "🏝"}
    np.testing.assert_array_equal(np.isnan(axes["size"].values), np.isnan(x.x_num[:, 0]))
    points, rows = axes["size"].grid()
    assert len(points) <= 20
    assert (axes["size"].values[rows] == points).all()
    assert (np.diff(points) > 0).all()


def test_free_text_has_no_axis_but_dates_and_amounts_kept_as_text_have():
    n = 40
    layout = Layout(columns=("t",), num_names=("t 1", "t 2"), num_sources=(0, 0))
    x = Features(np.zeros((n, 2), dtype=np.float32), np.zeros((n, 0), dtype=np.int32), layout)
    axes = [
        dependence.axis_of(Table.from_columns({"t": [make(i) for i in range(n)]}).column("t"), 0, x)
        for make in (lambda i: f"word {i} of many", lambda i: f"2024-01-{i % 28 + 1:02d}", lambda i: f"{i}.5")
    ]
    assert axes[0] is None
    assert axes[1] is not None
    assert axes[1].scale == "date"
    assert axes[2] is not None
    assert axes[2].scale == "number"


def test_dates_kept_as_text_are_read_as_the_profile_says():
    layout = Layout(columns=("t",), num_names=("t 1", "t 2"), num_sources=(0, 0))
    x = Features(np.zeros((2, 2), dtype=np.float32), np.zeros((2, 0), dtype=np.int32), layout)
    column = Table.from_columns({"t": ["31.12.2023", "01.01.2024"]}).column("t")
    profile = ColumnProfile(
        name="t", kind="datetime", confidence=1.0, evidence="", storage="string", date_format="%d.%m.%Y"
    )
    axis = dependence.axis_of(column, 0, x, profile)
    assert axis is not None
    assert axis.scale == "date"
    assert np.diff(axis.values).tolist() == [DAY]


def test_partial_dependence_of_an_additive_model_is_its_term(shipped, pool):
    table = table_of(200)
    axis = dependence.axis_of(table.column("rooms"), 1, pool.features)
    points, rows = axis.grid()
    average = dependence.partial_dependence(pool, 1, rows, np.arange(100))[:, 0]
    np.testing.assert_allclose(np.diff(average), 2.0 * np.diff(points), rtol=1e-6)
    levels, background = average - 2.0 * points, pool.predict(pool.whole(np.arange(100))).mean()
    np.testing.assert_allclose(levels, background - 2.0 * pool.features.x_num[:100, 1].mean(), rtol=1e-5)
