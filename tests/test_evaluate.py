"""Scores on labelled files, and targets that cannot be scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from automl import run
from automl.errors import DataError
from automl.evaluate import evaluate
from automl.events import nowhere
from automl.settings import Settings
from automl.table import Table

N = 120
X = np.random.default_rng(1).normal(size=N)


def trained(folder: Path, target: object, task: str) -> Path:
    rows = Table.from_columns({"x": X, "y": target}, "rows.csv")
    settings = Settings(
        data="rows.csv", target="y", task=task, engine="inline", include=("tree",), trials=1, time_limit=30
    )
    return Path(run.fit_table(rows, settings, folder / "run", nowhere).model)


def file(folder: Path, *targets: object) -> Path:
    path = folder / "new.csv"
    path.write_text("\n".join(["x,y", *(f"{x:.4f},{y}" for x, y in zip(X, targets, strict=False))]) + "\n")
    return path


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("c"), np.digitize(X, (-0.5, 0.5)), "multiclass")


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("v"), 3 * X, "regression")


def test_rows_without_a_target_are_left_out(counts: Path, tmp_path: Path) -> None:
    scores = evaluate(counts, file(tmp_path, 0, "", 2, 1, "NA", 0))
    assert {score.n_rows for score in scores} == {4}


def test_a_class_that_the_model_never_saw_is_told_with_its_row(counts: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as told:
        evaluate(counts, file(tmp_path, 0, "", 2, 5, 1, "5.0"))
    assert told.value.message.endswith("new.csv, row 4: target 'y' is '5', a class that the model never saw")
    assert told.value.hints[0] == "2 rows of 6 like it; it knows 0, 1, 2"


def test_numbers_are_classes_however_they_are_written(counts: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 3: target 'y' is 'many'"):
        evaluate(counts, file(tmp_path, "1.0", "2.0", "many", "0"))


def test_a_target_that_is_no_number_is_told_with_its_row(values: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"new.csv, row 2: target 'y' is 'viel', not a number"):
        evaluate(values, file(tmp_path, 1.5, "viel", "", 2))


def test_no_target_at_all_is_told(values: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row with a value"):
        evaluate(values, file(tmp_path, "", "", ""))
