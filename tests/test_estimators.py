"""The Python face: scikit-learn's own checks, and what is beyond them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.utils.estimator_checks import parametrize_with_checks

import automl
from automl import AutoML, AutoMLClassifier, AutoMLRegressor, load_model
from automl.errors import UsageError

# One trial, so of a family that can learn what these tests make up.
ONE_TRIAL: dict[str, Any] = {"engine": "inline", "include": ["lightgbm"]}
QUICK: dict[str, Any] = {"time_limit": 2.0, "trials": 1, "preset": "fast", "options": ONE_TRIAL}
# scikit-learn holds repeated fits against each other: one family, whose fits never meet the clock
STEADY: dict[str, Any] = QUICK | {"options": {"engine": "inline", "deterministic": True, "include": ["linear"]}}


def in_pandas(frame: pl.DataFrame) -> Any:
    return pytest.importorskip("pandas").DataFrame(frame.to_dict(as_series=False))


@pytest.mark.slow
@parametrize_with_checks([AutoMLClassifier(**STEADY), AutoMLRegressor(**STEADY)])
def test_scikit_learns_own_checks_pass(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def people() -> tuple[pl.DataFrame, list[str]]:
    rng = np.random.default_rng(0)
    n = 200
    age, city = rng.integers(18, 80, n).astype(float), rng.choice(["Rome", "Oslo", "Lima"], n)
    label = np.where((age > 45) ^ (city == "Oslo"), "NA", "in")
    age[rng.random(n) < 0.1] = np.nan
    return pl.DataFrame({"age": age, "city": city, "🎈": rng.normal(size=n)}), label.tolist()


@pytest.fixture(scope="module")
def classifier(people: tuple[pl.DataFrame, list[str]]) -> AutoMLClassifier:
    return AutoMLClassifier(**QUICK).fit(*people)


def test_frames_are_learned_from_by_column_name(people: Any, classifier: AutoMLClassifier) -> None:
    frame, y = people
    assert classifier.classes_.tolist() == ["NA", "in"]  # "NA" is a label here, not a gap
    assert classifier.score(frame, y) > 0.8
    proba = classifier.predict_proba(frame)
    assert np.allclose(proba.sum(axis=1), 1)
    shuffled = frame.select("🎈", pl.lit(1).alias("extra"), "city", "age")
    assert np.array_equal(classifier.predict_proba(shuffled), proba)
    assert np.array_equal(classifier.predict_proba(in_pandas(frame)), proba)
    with pytest.raises(ValueError, match="no column 'city'"):
        classifier.predict(frame.drop("city"))


def test_a_model_is_the_same_after_pickling_and_saving(people: Any, classifier: Any, tmp_path: Path) -> None:
    frame, _ = people
    expected = classifier.predict_proba(frame)
    assert np.array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(frame), expected)
    loaded = load_model(classifier.save(tmp_path / "m.automl"))
    assert isinstance(loaded, AutoMLClassifier)
    assert np.array_equal(loaded.predict_proba(frame), expected)
    with pytest.raises(UsageError, match="no model file"):
        load_model(tmp_path / "none.automl")


def test_numbers_as_labels_come_back_as_numbers(tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True)
    labels = np.array([10, 9, -1])[y]
    model = AutoML(**QUICK).fit(X, labels)
    assert isinstance(model, AutoMLClassifier)
    assert model.score(X, labels) > 0.9
    loaded = load_model(model.save(tmp_path / "m.automl"))
    assert loaded.classes_.tolist() == [-1, 9, 10]
    assert np.array_equal(loaded.predict(X), model.predict(X))
    one = np.concatenate([model.predict_proba(X[i : i + 1]) for i in range(0, 150, 10)])
    assert np.allclose(one, model.predict_proba(X)[::10], atol=1e-12)
    assert np.array_equal(model.predict_proba(X[:20].tolist()), model.predict_proba(X[:20]))


def test_amounts_are_a_regression_and_a_run_folder_is_left_where_asked(tmp_path: Path) -> None:
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    frame["y"] = y
    model = AutoML(**QUICK, work_dir=tmp_path).fit(frame, "y")
    assert isinstance(model, AutoMLRegressor)
    assert model.feature_names_in_.tolist() == list(frame.columns[:-1])
    assert model.score(frame, y) > 0.4
    (folder,) = tmp_path.iterdir()
    assert (folder / "DONE").exists()
    assert Path(model.outcome_.model) == folder / "model.automl"
    found = model.explain(frame, y, rows=[3], seconds=5)
    assert {row.row for row in found.chosen} == {3}
    assert any(set(i.columns[:4]) & {"bmi", "s5"} for i in found.importance)


def test_what_cannot_be_is_a_value_error(people: Any) -> None:
    frame, y = people
    for options, match in (({"engines": "x"}, "no option 'engines'"), ({"group": "nobody"}, "no column 'nobody'")):
        with pytest.raises(ValueError, match=match):
            AutoMLClassifier(options={"engine": "inline", **options}).fit(frame, y)
    with pytest.raises(ValueError, match="single class"):
        AutoMLClassifier(**QUICK).fit(frame, ["a"] * 200)
    with pytest.raises(ValueError, match="missing"):
        AutoMLClassifier(**QUICK).fit(frame, [None, *y[1:]])
    with pytest.raises(ValueError, match="age"):
        AutoMLClassifier(**QUICK).fit(in_pandas(frame).set_axis(["age", "age", "b"], axis=1), y)
    assert clone(AutoML(**QUICK).fit(frame[:50], y[:50])).get_params()["trials"] == 1


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, automl; automl.__version__; print([m for m in ('sklearn', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert {"AutoML", "load_model"} <= set(dir(automl))
    with pytest.raises(AttributeError, match="nothing"):
        _ = automl.nothing
