"""Boosted trees as text: cut and rescaled without changing what they say; damaged text never reaches the library."""

from __future__ import annotations

import re

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.errors import ModelFileError
from automl.models.booster_text import Expected, check_text, rescale, tidy

EXPECTED = Expected(3, 1, ("regression",))


def _booster() -> tuple[str, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    x[:, 2] = rng.integers(0, 30, 400)
    y = x[:, 0] + np.sin(x[:, 2])
    config = {"objective": "regression", "num_leaves": 7, "verbosity": -1, "num_threads": 1, "min_data_per_group": 5}
    booster = lightgbm.train(config, lightgbm.Dataset(x, y, categorical_feature=[2]), 10)
    return booster.model_to_string(), x, booster.predict(x, num_threads=1)


RAW, X, PREDICTION = _booster()
TEXT = tidy(RAW)


def test_tidy_text_predicts_the_same_and_keeps_no_parameters() -> None:
    check_text(TEXT, EXPECTED)
    assert "num_cat=0\n" in TEXT
    assert "cat_threshold" in TEXT
    assert "parameters" not in TEXT
    np.testing.assert_array_equal(lightgbm.Booster(model_str=TEXT).predict(X, num_threads=1), PREDICTION)


def test_text_with_values_of_inner_nodes_is_read_too() -> None:
    dropped = ("tree_sizes=", "split_gain=", "internal_weight=", "leaf_weight=")
    kept = [line for line in RAW[: RAW.index("end of trees")].splitlines() if not line.startswith(dropped)]
    text = "\n".join([*kept, "end of trees", ""])
    assert "internal_value" in text
    assert "internal_value" not in TEXT
    check_text(text, EXPECTED)
    with pytest.raises(ModelFileError, match="internal_value"):
        check_text(re.sub(r"internal_value=\S+", "internal_value=x", text), EXPECTED)


def test_attributions_do_not_need_what_is_cut() -> None:
    whole, cut = (lightgbm.Booster(model_str=text).predict(X, pred_contrib=True) for text in (RAW, TEXT))
    np.testing.assert_array_equal(whole, cut)


def test_rescaled_text_predicts_in_the_other_unit() -> None:
    scaled = rescale(TEXT, 250.0, 1e6)
    check_text(scaled, EXPECTED)
    predicted = lightgbm.Booster(model_str=scaled).predict(X, num_threads=1)
    np.testing.assert_allclose(predicted, 1e6 + 250 * PREDICTION, rtol=1e-12)


def _with(key: str, change: dict[int, str], tree: int = 0) -> str:
    lines = TEXT.split("\n")
    at = [i for i, line in enumerate(lines) if line.startswith(f"{key}=")][tree]
    values = lines[at].partition("=")[2].split()
    for position, value in change.items():
        values[position] = value
    lines[at] = f"{key}={' '.join(values)}"
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        RAW,
        "",
        "tree\n",
        TEXT[: len(TEXT) // 2],
        TEXT.replace("version=v4", "version=v9"),
        TEXT.replace("max_feature_idx=2", "max_feature_idx=200"),
        TEXT.replace("num_class=1", "num_class=9"),
        TEXT.replace("objective=regression", "objective=custom"),
        TEXT.replace("Tree=3\n", "Tree=7\n"),
        TEXT.replace("num_leaves=7", "num_leaves=700000", 1),
        TEXT.replace("is_linear=0", "is_linear=1", 1),
        TEXT + "parameters:\n[input_model: /etc/passwd]\n",
        _with("split_feature", {0: "3"}),
        _with("split_feature", {0: "-1"}),
        _with("left_child", {2: "0"}),
        _with("right_child", {0: "90"}),
        _with("left_child", {0: "-99"}),
        _with("leaf_value", {1: "nan"}),
        _with("leaf_value", {1: "inf"}),
        _with("leaf_value", {1: ""}),
        _with("leaf_value", {1: "0.5 "}),
        _with("left_child", {0: "--1"}),
        _with("left_child", {0: "1-"}),
        _with("split_feature", {0: "1-1"}),
        _with("num_leaves", {0: "99999999999999999999"}),
        _with("cat_boundaries", {1: "4000000"}),
        _with("cat_threshold", {0: "99999999999"}),
        TEXT.replace("num_cat=", "num_cats=", 1),
        TEXT.replace("Tree=1\n", "Tree=1\nsomething else\n"),
        _with("decision_type", {0: "77"}),
    ],
)
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(ModelFileError):
        check_text(text, EXPECTED)


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from(["split_feature", "left_child", "right_child", "decision_type", "num_leaves", "num_cat"]),
    tree=st.integers(0, 9),
    place=st.integers(0, 5),
    value=st.integers(-(2**33), 2**33),
)
def test_whatever_integers_are_written_text_is_refused_or_safe(key: str, tree: int, place: int, value: int) -> None:
    text = _with(key, {0 if key.startswith("num") else place: str(value)}, tree)
    try:
        check_text(text, EXPECTED)
    except ModelFileError:
        return
    assert np.isfinite(lightgbm.Booster(model_str=text).predict(X[:50], num_threads=1)).all()


def test_a_split_of_missing_values_at_infinity_is_read() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 3))
    x[rng.random(3000) < 0.3, 0] = np.nan
    y = np.isnan(x[:, 0]) * 3 + x[:, 1]
    booster = lightgbm.train({"objective": "regression", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, y), 20)
    text = tidy(booster.model_to_string())
    assert "threshold=inf" in text
    check_text(text, EXPECTED)
