"""Tree arrays: the same predictions as scikit-learn, additive attributions, and no damaged array gets through."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier

from automl.errors import ModelFileError
from automl.models.averaged_trees import order_levels
from automl.models.trees import TreeArrays, average, check_trees, leaf_places, node_dicts, pack


def _forest(d: int = 4) -> tuple[list, TreeArrays, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, d)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    y = (np.nan_to_num(x[:, 0]) > 0).astype(int) + (np.nan_to_num(x[:, 1]) > 1)
    trees = [e.tree_ for e in RandomForestClassifier(8, random_state=0).fit(x, y).estimators_]
    return trees, pack([trees[:3], trees[3:]], np.float64), x


TREES, ARRAYS, X = _forest()


def _average(arrays: TreeArrays, x: np.ndarray) -> np.ndarray:
    return average(arrays, leaf_places(arrays), x)


def test_rows_by_themselves_and_in_company_have_the_same_bits_as_by_the_fitted_trees() -> None:
    check_trees(ARRAYS, 4, 3)
    rng = np.random.default_rng(1)
    on_edges = np.concatenate([X, rng.choice(ARRAYS.threshold, size=(500, 4))]).astype(np.float32)
    total = sum(fitted.predict(on_edges).reshape(-1, 3) for fitted in TREES)
    np.testing.assert_array_equal(_average(ARRAYS, on_edges), total / len(TREES))
    alone = np.concatenate([_average(ARRAYS, row[None]) for row in on_edges])
    np.testing.assert_array_equal(alone, total / len(TREES))


def test_every_row_ends_in_the_leaf_of_the_fitted_tree() -> None:
    on_edges = np.concatenate([X, np.random.default_rng(1).choice(ARRAYS.threshold, size=(500, 4))]).astype(np.float32)
    for fitted in TREES:
        arrays = pack([[fitted]], np.float64)
        numbered = dataclasses.replace(arrays, value=np.flatnonzero(arrays.left == -1)[:, None].astype(np.float64))
        np.testing.assert_array_equal(_average(numbered, on_edges)[:, 0], fitted.apply(on_edges))
        np.testing.assert_array_equal(_average(numbered, on_edges[-20:])[:, 0], fitted.apply(on_edges[-20:]))


def test_no_rows_and_trees_of_one_leaf_are_averaged_too() -> None:
    stump = pack([[ExtraTreesRegressor(1).fit(np.zeros((5, 4)), np.full(5, 3.0)).estimators_[0].tree_]], np.float64)
    assert _average(ARRAYS, X[:0]).shape == (0, 3)
    np.testing.assert_array_equal(_average(stump, X), np.full((len(X), 1), 3.0))
    np.testing.assert_array_equal(_average(stump, X[:2]), np.full((2, 1), 3.0))


def test_float32_thresholds_send_neighbouring_values_the_same_way() -> None:
    # Values one unit in the last place apart: a threshold rounded up would swallow its right neighbour.
    steps = np.float32(1) + np.arange(64, dtype=np.float32) * np.finfo(np.float32).eps
    y = np.random.default_rng(0).normal(size=64)
    forest = ExtraTreesRegressor(20, random_state=0).fit(steps[:, None], y)
    arrays = pack([[e.tree_ for e in forest.estimators_]], np.float64)
    mean = _average(arrays, steps[:, None])
    np.testing.assert_allclose(mean[:, 0], forest.predict(steps[:, None]))


def test_attributions_of_the_node_dicts_add_up_to_the_prediction() -> None:
    import shap

    dicts = node_dicts(ARRAYS)
    model = {"trees": dicts, "internal_dtype": np.float64, "input_dtype": np.float64}
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    rows = X[~np.isnan(X).any(axis=1)][:20].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = explainer.shap_values(rows, check_additivity=False)
    mean = np.mean([tree.predict(rows.astype(np.float32)).reshape(-1, 3) for tree in TREES], axis=0)
    base = np.sum([tree["values"][0] for tree in dicts], axis=0)
    np.testing.assert_allclose(np.asarray(values).sum(axis=1) + base, mean, atol=1e-6)


def _break(name: str, index: int, value: float) -> TreeArrays:
    array = getattr(ARRAYS, name).copy()
    array.flat[index] = value
    return dataclasses.replace(ARRAYS, **{name: array})


INNER = int(np.flatnonzero(ARRAYS.left >= 0)[3])


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [
        ("left", INNER, 0),
        ("left", INNER, 10**6),
        ("left", INNER, -1),
        ("right", INNER, INNER),
        ("right", INNER, -7),
        ("left", INNER, int(ARRAYS.right[INNER])),
        ("feature", INNER, 4),
        ("feature", INNER, -2),
        ("threshold", INNER, np.nan),
        ("weight", 0, np.inf),
        ("weight", 0, -1.0),
        ("value", 0, np.nan),
        ("starts", 1, 10**6),
        ("starts", 0, 1),
        ("starts", 1, 0),
    ],
)
def test_damaged_trees_are_refused(name: str, index: int, value: float) -> None:
    with pytest.raises(ModelFileError):
        check_trees(_break(name, index, value), 4, 3)


def test_other_shapes_and_types_are_refused() -> None:
    for broken in (
        dataclasses.replace(ARRAYS, left=ARRAYS.left.astype(np.int64)),
        dataclasses.replace(ARRAYS, feature=ARRAYS.feature[:-1]),
        dataclasses.replace(ARRAYS, value=ARRAYS.value[:-1]),
        dataclasses.replace(ARRAYS, value=ARRAYS.value[:, :2]),
        dataclasses.replace(ARRAYS, starts=ARRAYS.starts[:1]),
    ):
        with pytest.raises(ModelFileError):
            check_trees(broken, 4, 3)
    with pytest.raises(ModelFileError):
        check_trees(ARRAYS, 2, 3)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["left", "right", "feature", "starts"]),
    place=st.integers(0, 10**6),
    value=st.integers(-(2**31), 2**31 - 1),
)
def test_whatever_integers_are_written_trees_are_refused_or_safe(name: str, place: int, value: int) -> None:
    broken = _break(name, place % getattr(ARRAYS, name).size, value)
    try:
        check_trees(broken, 4, 3)
    except ModelFileError:
        return
    assert np.isfinite(_average(broken, X)).all()
    assert np.isfinite(_average(broken, X[:5])).all()


def test_levels_are_ordered_along_the_target_or_by_frequency_where_that_would_leak() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 400)
    effect = np.array([3.0, -1.0, 2.0, 0.0])
    position = order_levels(codes, effect[codes] + 0.1 * rng.normal(size=400), 4, 0)
    order = np.argsort(position)
    assert list(effect[order]) in (sorted(effect), sorted(effect, reverse=True))
    few = np.repeat(np.arange(20), np.arange(1, 21) % 5 + 1)
    frequency = np.bincount(few)
    by_count = order_levels(few, rng.normal(size=len(few)), 20, 0)
    assert (np.diff(frequency[np.argsort(by_count)]) >= 0).all()
    assert sorted(by_count) == list(range(20))
