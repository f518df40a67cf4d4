from __future__ import annotations

import time

import numpy as np
import pytest
from shipped_fakes import (
    LAYOUT,
    FakeMember,
    FakeShipped,
    additive,
    family_with,
    interacting,
    shipped_family,
    shipped_function,
    table_of,
    task_of,
)

from automl.explainers import shap
from automl.explainers.pool import Cost, RowPool, foremost_columns, players_of
from automl.explainers.subject import outputs_of
from automl.features import Features, Layout


def pool_of(shipped: FakeShipped, n_rows: int) -> RowPool:
    outputs = outputs_of(shipped.task)
    features = shipped.encode(table_of(n_rows))
    return RowPool(features, players_of(shipped.layout), lambda x: outputs.of(shipped.predict(x)))


def later() -> float:
    return time.monotonic() + 120


def test_a_mixed_row_takes_every_feature_of_a_column_from_the_row_picked():
    pool = pool_of(shipped_function("regression"), 30)
    picks = np.array([[3, 4, 5, 6, 7]])
    mixed, x = pool.mixed(picks), pool.features
    assert mixed.x_num[0, 1] == x.x_num[4, 1]
    assert (mixed.x_num[0, 3:] == x.x_num[6, 3:]).all()
    assert mixed.x_cat[0, 0] == x.x_cat[7, 0]


def test_equal_values_share_their_pick():
    first = pool_of(shipped_function("regression"), 40).first_equal()
    assert (first[:, 2] == 0).all()
    assert (first <= np.arange(40)[:, None]).all()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_permutation_values_and_base_add_up_to_the_prediction(kind):
    pool = pool_of(shipped_function(kind), 40)
    rows, background = np.arange(30, 40), np.arange(20)
    found = shap.permutation_shap(pool, rows, background, repeats=2, seed=0, deadline=later())
    assert found.values.shape[:2] == (10, 5)
    np.testing.assert_allclose(
        found.base + found.values.sum(axis=1), pool.predict(pool.whole(rows)), atol=1e-6, rtol=1e-6
    )
    np.testing.assert_allclose(found.base[0], pool.predict(pool.whole(background)).mean(axis=0), rtol=1e-6)
    assert (found.values[:, 2] == 0).all()


def test_permutation_values_of_an_additive_model_are_its_terms():
    shipped = FakeShipped(task_of("regression"), LAYOUT, additive)
    pool = pool_of(shipped, 40)
    rows, background = np.arange(40), np.arange(40)
    found = shap.permutation_shap(pool, rows, background, repeats=1, seed=3, deadline=later())
    rooms = 2.0 * pool.features.x_num[:, 1]
    np.testing.assert_allclose(found.values[:, 1, 0], rooms - rooms.mean(), atol=1e-6)
    date = 0.02 * pool.features.x_num[:, 3].astype(float) + pool.features.x_num[:, 4]
    np.testing.assert_allclose(found.values[:, 3, 0], date - date.mean(), atol=1e-3)


def test_symmetric_columns_get_equal_values_and_numpys_state_is_left_alone():
    layout = Layout(columns=("a", "b"), num_names=("a", "b"), num_sources=(0, 1))
    x = np.random.default_rng(0).normal(size=(20, 1)).astype(np.float32).repeat(2, axis=1)
    features = Features(x, np.zeros((20, 0), dtype=np.int32), layout)
    pool = RowPool(features, players_of(layout), lambda f: (f.x_num[:, :1] * f.x_num[:, 1:]).astype(float))
    before = np.random.get_state()[1].copy()
    found = shap.permutation_shap(pool, np.arange(20), np.arange(20), repeats=1, seed=0, deadline=later())
    np.testing.assert_allclose(found.values[:, 0], found.values[:, 1], atol=1e-6)
    assert (np.random.get_state()[1] == before).all()


def test_values_do_not_depend_on_how_many_rows_there_is_time_for():
    pool = pool_of(shipped_function("binary"), 40)
    background = np.arange(20)
    few, many = (
        shap.permutation_shap(pool, np.arange(25, stop), background, repeats=1, seed=5, deadline=later())
        for stop in (28, 40)
    )
    assert (few.values == many.values[:3]).all()
    late = shap.permutation_shap(pool, np.arange(25, 40), background, repeats=1, seed=5, deadline=0.0)
    assert len(late.values) == 1


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("traits", [("boosting", "tree"), ("linear",)])
def test_exact_values_add_up_to_the_calibrated_log_odds_that_ship(kind, traits):
    shipped = shipped_family(family_with(*traits), kind, temperature=1.0 if kind == "regression" else 1.4)
    x, background = shipped.encode(table_of(40, seed=9)), shipped.encode(table_of(30, seed=8))
    positive = outputs_of(shipped.task).positive
    found = shap.exact_shap(shipped, x, background, positive, later())
    assert found.explainer.startswith("exact")
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.total)
    predicted = shipped.predict(x)
    if kind == "regression":
        np.testing.assert_allclose(found.total[:, 0], predicted, rtol=1e-3)
        return
    assert found.unit == "log-odds"
    usable = (predicted > 1e-4).all(axis=1)
    if kind == "binary":
        said = 1 / (1 + np.exp(-found.total[:, 0]))
        np.testing.assert_allclose(said[usable], predicted[usable, 1], rtol=1e-2)
    else:
        power = np.exp(found.total)
        np.testing.assert_allclose((power / power.sum(axis=1, keepdims=True))[usable], predicted[usable], rtol=1e-2)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"pairs": True}, ["halved"]),
        ({"link": "log"}, ["logarithms"]),
        ({"link": "log", "pairs": True}, ["halved", "log"]),
    ],
)
def test_values_of_pairs_and_of_logarithms_are_shared_out_and_add_up_to_what_ships(params, said):
    shipped = shipped_family(family_with("boosting", "tree"), "regression", above=50.0, **params)
    x, background = shipped.encode(table_of(40, seed=9)), shipped.encode(table_of(30, seed=8))
    found = shap.exact_shap(shipped, x, background, None, later())
    np.testing.assert_allclose(found.total[:, 0], shipped.predict(x), rtol=1e-3)
    assert found.explainer.startswith("tree SHAP of 2 models")
    assert all(word in found.explainer for word in said)
    sizes = np.abs(found.values[:, :, 0]).mean(axis=0)
    assert sizes.argmin() == LAYOUT.columns.index("dull")
    assert sizes.max() > 1


def test_values_of_a_logarithm_keep_their_proportions():
    values = np.array([[[0.3], [-0.1]], [[0.0], [0.0]], [[1e-12], [0.0]]])
    told, base = shap._exponential(values, np.array([2.0]))
    np.testing.assert_allclose(base + told.sum(axis=1), np.exp(2.0 + values.sum(axis=1)), rtol=1e-12)
    np.testing.assert_allclose(told[0, 0] / told[0, 1], -3)
    assert (told[1] == 0).all()


def test_exact_values_follow_the_class_that_counts_as_positive():
    shipped = shipped_family(family_with("boosting", "tree"), "binary")
    x = shipped.encode(table_of(30, seed=9))
    yes, no = (shap.exact_shap(shipped, x, x, positive, later()).values for positive in (1, 0))
    np.testing.assert_allclose(yes, -no)
    assert np.abs(yes).max() > 0


def test_trees_of_probabilities_are_exact_and_refused_once_calibrated():
    shipped = shipped_family(family_with("tree", "bagging"), "binary", n_models=1)
    x = shipped.encode(table_of(20, seed=9))
    found = shap.exact_shap(shipped, x, x, 1, later())
    assert found.unit == "probability"
    np.testing.assert_allclose(found.total[:, 0], shipped.predict(x)[:, 1], atol=1e-3)
    calibrated = FakeShipped(shipped.task, LAYOUT, lambda f: shipped.predict(f) ** 2, shipped.members)
    with pytest.raises(shap.Refused, match="add up"):
        shap.exact_shap(calibrated, x, x, 1, later())


def test_forests_that_would_fill_the_memory_are_refused(monkeypatch):
    shipped = shipped_family(family_with("tree", "bagging"), "regression", n_models=1)
    x = shipped.encode(table_of(20, seed=9))
    assert shap.exact_shap(shipped, x, x, None, later()).explainer.startswith("exact tree")
    monkeypatch.setattr(shap, "_MAX_NODES", 100)
    with pytest.raises(shap.Refused, match="nodes would take too much memory"):
        shap.exact_shap(shipped, x, x, None, later())


def test_exact_and_permutation_values_agree_on_an_additive_model():
    shipped = shipped_family(family_with("linear"), "regression")
    pool = pool_of(shipped, 40)
    rows, background = np.arange(30, 40), np.arange(30)
    exact = shap.exact_shap(shipped, pool.features.take(rows), pool.features.take(background), None, later())
    sampled = shap.permutation_shap(pool, rows, background, repeats=1, seed=0, deadline=later())
    np.testing.assert_allclose(exact.values, sampled.values, atol=1e-3 * np.abs(exact.values).max())


def test_a_blend_with_a_net_is_refused_and_too_little_time_too():
    tree = shipped_family(family_with("boosting", "tree"), "regression")
    x = tree.encode(table_of(20))
    mixed = [FakeMember(0.5, family_with("neural"), None), *tree.members]
    with pytest.raises(shap.Refused, match="not every model"):
        shap.exact_shap(FakeShipped(tree.task, LAYOUT, interacting, mixed), x, x, None, later())
    with pytest.raises(shap.Refused, match="a row"):
        shap.exact_shap(tree, x, x, None, time.monotonic() - 1)


def test_the_columns_that_matter_are_found_among_thousands():
    d, telling = 3000, [17, 900, 901, 2999]
    layout = Layout(
        columns=tuple(f"g{i}" for i in range(d)),
        num_names=tuple(f"g{i}" for i in range(d)),
        num_sources=tuple(range(d)),
    )
    x = np.random.default_rng(0).normal(size=(120, d)).astype(np.float32)
    calls = []

    def predict(features: Features) -> np.ndarray:
        calls.append(features.n_rows)
        return (features.x_num[:, telling] @ np.array([3.0, 2.0, -2.0, 1.0]))[:, None]

    pool = RowPool(Features(x, np.zeros((120, 0), dtype=np.int32), layout), players_of(layout), predict)
    found = foremost_columns(pool, np.arange(120), 30, 0, later(), Cost(0.0, 1e-6))
    assert sorted(found) == telling
    assert found[0] == 17
    assert sum(calls) < 64 * 300
    players = players_of(layout, found)
    assert players[-1].name == "all other columns (2,996)"
    assert len(players) == 5
    calls.clear()
    assert 17 in foremost_columns(pool, np.arange(120), 30, 0, time.monotonic(), Cost(0.0, 1.0))
    assert sum(calls) < 100, "few predictions where there is no time for them"
