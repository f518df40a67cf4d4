"""The task: target and kind by evidence, flags that override, and what cannot be learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl.errors import DataError, UsageError
from automl.modalities.tabular import profile_table
from automl.profile import Profile
from automl.settings import Settings
from automl.table import Table
from automl.task import Task

N = 200
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=N)


def inferred(values: Any, name: str = "y", **asked: Any) -> Task:
    n = len(values)
    table = Table.from_columns({"a": NOISE[:n], "b": NOISE[:n] ** 2, name: values})
    task = profile_table(table, Settings(data="t", **{"target": name, **asked}))[1]
    assert task is not None
    return task


def guessed(*names: str, **columns: Any) -> str | None:
    table = Table.from_columns({name: columns.get(name, NOISE) for name in names})
    task = profile_table(table, Settings(data="t"))[1]
    return task.target if task else None


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("y", RNG.choice(["no", "yes"], N), "binary"),
        ("y", RNG.integers(0, 2, N), "binary"),
        ("y", RNG.choice([1.0, 2.0], N), "binary"),
        ("y", RNG.choice([0.5, 2.5], N), "binary"),
        ("y", RNG.integers(0, 2, N).astype(bool), "binary"),
        ("y", RNG.choice(["a", "b", "c"], N), "multiclass"),
        ("digit", RNG.integers(0, 10, N), "multiclass"),
        ("y", RNG.integers(1, 4, N).astype(float), "multiclass"),
        ("class", RNG.integers(0, 26, N), "multiclass"),
        ("y", RNG.choice(["low", "medium", "high"], N), "multiclass"),
        ("y", NOISE, "regression"),
        ("y", RNG.integers(0, 300, N), "regression"),
        ("quality", RNG.binomial(6, 0.5, N) + 3, "regression"),
        ("y", RNG.binomial(12, 0.5, N), "regression"),
        ("price", RNG.integers(1, 6, N), "regression"),
        ("y", RNG.choice([0.5, 1.0, 1.5, 2.0], N), "regression"),
        ("y", [f"${v:.2f}" for v in np.abs(NOISE)], "regression"),
        ("y", [f"{v:,}" for v in RNG.integers(0, 10**6, N)], "regression"),
    ],
)
def test_kind_by_evidence(name: str, values: Any, kind: str) -> None:
    task = inferred(values, name)
    assert task.kind == kind, task.evidence
    assert task.evidence
    assert task.metric == {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[kind]


def test_three_hundred_whole_numbers_are_not_three_hundred_classes() -> None:
    task = inferred(np.arange(N) % 150)
    assert task.kind == "regression"
    assert "150 different whole numbers" in task.evidence
    assert inferred(np.arange(N) % 50, task="multiclass").n_outputs == 50


def test_flags_override() -> None:
    digits = RNG.integers(0, 10, N)
    assert inferred(digits, task="regression").kind == "regression"
    assert inferred(digits, task="regression").evidence == ""
    assert inferred(digits, types={"y": "number"}).kind == "regression"
    assert inferred(RNG.integers(0, 50, N), types={"y": "category"}).kind == "multiclass"
    assert inferred(digits, task="classification").kind == "multiclass"
    assert inferred(digits, metric="accuracy").metric == "accuracy"
    with pytest.raises(UsageError, match="does not suit"):
        inferred(digits, metric="rmse", task="classification")
    with pytest.raises(UsageError, match="no task 'ranking'"):
        inferred(digits, task="ranking")


@pytest.mark.parametrize(
    ("values", "metric", "kind"),
    [
        (RNG.integers(1, 6, N), "rmse", "regression"),
        (RNG.integers(0, 2, N), "mae", "regression"),
        ([f"{v} %" for v in RNG.integers(1, 6, N)], "r2", "regression"),
        (RNG.integers(0, 40, N), "log_loss", "multiclass"),
        (RNG.choice([0.5, 1.0, 1.5], N), "accuracy", "multiclass"),
    ],
)
def test_a_metric_says_whether_numbers_are_classes(values: Any, metric: str, kind: str) -> None:
    task = inferred(values, metric=metric)
    assert (task.kind, task.metric) == (kind, metric)
    assert metric in task.evidence


def test_a_metric_makes_no_classes_of_amounts_and_no_amounts_of_texts() -> None:
    for values, metric in [(NOISE, "log_loss"), (RNG.choice(["a", "b", "c"], N), "rmse"), (NOISE, "rmsle2")]:
        with pytest.raises(UsageError, match=f"metric '{metric}'"):
            inferred(values, metric=metric)


def test_classes_are_told_apart_by_their_texts_in_string_order() -> None:
    assert inferred(RNG.choice([10, 9, 2], N)).classes == ("10", "2", "9")
    assert inferred(RNG.choice([0.0, 1.0], N)).classes == ("0", "1")
    assert inferred(RNG.choice(["b ", "a", "é"], N)).classes == ("a", "b", "é")


def test_labels_are_spelled_as_in_the_file() -> None:
    assert inferred(RNG.choice(["b", "a"], N)).labels == ("a", "b")
    assert inferred(RNG.choice([" b ", "a"], N)).labels == ("a", " b ")
    assert inferred(RNG.choice([0.0, 1.0], N)).labels == ("0.0", "1.0")
    assert inferred(RNG.choice([1, 0], N)).spelled == ()
    mostly = np.where(np.arange(N) < 10, "b", RNG.choice([" b", "a"], N))
    assert inferred(mostly).labels == ("a", " b"), "the spelling of most rows"
    assert inferred(RNG.choice([0.0, 1.0], N), positive="0").positive == "0"


def test_positive_class() -> None:
    assert inferred(RNG.choice(["no", "yes"], N)).positive == "yes"
    assert inferred(RNG.choice(["-1", "1"], N)).positive == "1"
    assert inferred(RNG.choice(["good", "bad"], N)).positive == "bad"
    assert inferred(RNG.choice(["+", "-"], N)).positive == "+"
    assert inferred(RNG.choice(["M", "R"], N)).positive == "R"
    assert inferred(RNG.choice(["M", "R"], N), positive="M").positive == "M"
    assert inferred(RNG.choice([0.0, 1.0], N), positive="0.0").positive == "0", "as the file spells it"
    with pytest.raises(DataError, match="no class 'X'"):
        inferred(RNG.choice(["M", "R"], N), positive="X")
    with pytest.raises(UsageError, match="binary"):
        inferred(NOISE, positive="1")


@pytest.mark.parametrize(
    ("values", "asked", "message"),
    [
        ([None] * N, {}, "has no values"),
        (["?"] * N, {}, "has no values"),
        (["a"] * N, {}, "is always 'a'"),
        ([3] * N, {}, "is always"),
        ([f"name of row {i}" for i in range(N)], {}, "neither classes nor numbers"),
        (["a", "b"] * (N // 2), {"task": "regression"}, "holds no numbers"),
        (["a", "b", "c", "d"] * (N // 4), {"task": "binary"}, "has 4 different values"),
        (np.datetime64("2020-01-01", "us") + np.arange(N) * np.timedelta64(86_400_000_000, "us"), {}, "holds dates"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values: Any, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        inferred(values, **asked)


def test_a_column_that_is_not_there_is_named_with_its_neighbours() -> None:
    for option in ("target", "group", "time", "weight"):
        with pytest.raises(DataError, match="no column 'Churnn'") as refused:
            inferred(RNG.integers(0, 2, N), "Churn", **{option: "Churnn"})
        assert "'Churn'" in refused.value.hints[0]


def test_rows_without_a_target_are_counted() -> None:
    def profiled(values: Any) -> Profile:
        table = Table.from_columns({"a": NOISE, "b": values})
        return profile_table(table, Settings(data="t", target="b"))[0]

    text = profiled(np.where(np.arange(N) % 4 == 0, "?", RNG.choice(["u", "v"], N)))
    assert text.n_rows_without_target == N // 4
    assert text.shape is not None
    assert text.shape.n_rows == N - N // 4
    assert "D020" in {f.code for f in text.findings}
    assert profiled(np.where(np.arange(N) % 5 == 0, np.nan, NOISE)).n_rows_without_target == N // 5
    assert profiled(np.where(np.arange(N) % 5 == 0, np.inf, NOISE)).n_rows_without_target == N // 5


def test_no_value_of_a_target_is_taken_for_missing_by_its_size() -> None:
    values = np.where(np.arange(N) % 9 == 0, 9999, RNG.integers(0, 90, N))
    table = Table.from_columns({"a": NOISE, "y": values})
    for asked in ("y", None):
        profile, _ = profile_table(table, Settings(data="t", target=asked))
        assert profile.column("y").missing_numbers == ()
        assert profile.n_rows_without_target == 0


def test_target_is_guessed_by_name_then_by_place() -> None:
    labels = RNG.integers(0, 2, N)
    assert guessed("a", "target", "b") == "target"
    assert guessed("a", "Class", "b", Class=labels) == "Class"
    assert guessed("churned", "a", "b", churned=labels) == "churned"
    assert guessed("x", "y", "z") == "z", "y beside x and z is a coordinate"
    assert guessed("x1", "x2", "y") == "y"
    assert guessed("a", "b", "c") == "c"
    assert guessed("a", "price", "id", id=np.arange(N)) == "price"
    assert guessed("a", "b", "note", note=[f"some words about row {i}" for i in range(N)]) == "b"
    assert guessed("a") is None


def test_a_column_named_class_may_have_hundreds_of_them() -> None:
    codes, noise = [f"k{i % 300}" for i in range(3_000)], RNG.normal(size=3_000)
    for name, target in (("class", "class"), ("code", "a")):
        task = profile_table(Table.from_columns({name: codes, "a": noise}), Settings(data="t"))[1]
        assert task is not None
        assert task.target == target


def test_the_guess_is_said() -> None:
    table = Table.from_columns({"a": NOISE, "target": NOISE})
    task = profile_table(table, Settings(data="t"))[1]
    assert task is not None
    assert "'target' taken as target (likely: its name is 'target' and it is the last column)" in task.evidence


def test_columns_that_are_taken_are_not_guessed() -> None:
    table = Table.from_columns({"a": NOISE, "b": NOISE, "c": NOISE, "target": RNG.uniform(1, 2, N)})
    task = profile_table(table, Settings(data="t", weight="target", drop=("c",)))[1]
    assert task is not None
    assert task.target == "b"


def test_column_order_changes_no_task_that_was_told() -> None:
    columns = {"a": NOISE, "y": RNG.choice(["u", "v", "w"], N), "b": NOISE**3}
    tasks = [
        profile_table(Table.from_columns(columns).select(names), Settings(data="t", target="y"))[1]
        for names in (["a", "y", "b"], ["y", "b", "a"])
    ]
    assert tasks[0] == tasks[1]
