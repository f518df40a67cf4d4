"""Predictions for files: order and count kept, batches of no consequence, bad rows as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from automl import run
from automl.errors import DataError, UsageError
from automl.events import nowhere
from automl.predict import Request, _parts, predict
from automl.settings import Settings
from automl.table import Table

RNG = np.random.default_rng(1)
N = 130
X = RNG.normal(size=N)
CITY = np.array(["Bern", "Köln"])[RNG.integers(0, 2, N)]


def trained(folder: Path, target: object) -> Path:
    rows = Table.from_columns({"x": X, "city": CITY, "y": target}, "rows.csv")
    settings = Settings(
        data="rows.csv", target="y", engine="inline", include=("tree",), trials=1, time_limit=30, deterministic=True
    )
    return Path(run.fit_table(rows, settings, folder / "run", nowhere).model)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("c"), np.where(X + (CITY == "Bern") > 0, "ja", "nein"))


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("r"), X * 3 + (CITY == "Bern"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    lines = [f"{i},{X[i]:.6f},{CITY[i]}" for i in range(N)]
    lines[40] = "40,viel,Bern"
    lines[77] = "77,?!,Köln"
    path.write_text("\n".join(["row,x,city", *lines]) + "\n")
    return path


def test_batches_change_nothing_and_kept_columns_pass_through(classifier: Path, data: Path, tmp_path: Path) -> None:
    frames = []
    for size in (1000, 7):
        out = tmp_path / f"{size}.csv"
        done = predict(classifier, str(data), str(out), Request(True, ("row",), "null", None, size))
        assert (done.n_rows, done.n_bad, done.unused) == (N, 2, ("row",))
        frames.append(pl.read_csv(out))
    assert frames[0].equals(frames[1])
    assert frames[0].columns == ["row", "prediction", "proba_ja", "proba_nein"]
    assert frames[0]["row"].to_list() == list(range(N))
    assert set(frames[0]["prediction"]) == {"ja", "nein"}
    assert np.allclose(frames[0].select("proba_ja", "proba_nein").sum_horizontal(), 1.0)


def test_labels_stand_as_in_the_file(data: Path, tmp_path: Path) -> None:
    for labels in ([" ja", "nein"], [0.0, 1.0]):
        out = tmp_path / "out.csv"
        predict(
            trained(tmp_path / str(labels), np.where(X > 0, *labels)), str(data), str(out), Request(True, (), "null")
        )
        header, *rows = out.read_text().splitlines()
        assert header.split(",") == ["prediction", *(f"proba_{label}" for label in labels)]
        assert {row.split(",")[0] for row in rows} == {str(label) for label in labels}


def test_a_bad_row_fails_by_name_and_leaves_no_file(classifier: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(DataError, match=r"data row 41: column 'x': 'viel' is not a number"):
        predict(classifier, str(data), str(out), Request(batch_rows=15))
    assert not list(tmp_path.glob("out*"))


def test_skipped_rows_are_written_with_the_reason(classifier: Path, data: Path, tmp_path: Path) -> None:
    out, rejects = tmp_path / "out.csv", tmp_path / "rejects.csv"
    predict(classifier, str(data), str(out), Request(False, ("row",), "skip", str(rejects), 50))
    assert pl.read_csv(out)["row"].to_list() == [i for i in range(N) if i not in (40, 77)]
    rejected = pl.read_csv(rejects)
    assert rejected["rejected_row"].to_list() == [41, 78]
    assert "viel" in rejected["rejected_reason"][0]
    assert rejected["x"].to_list() == ["viel", "?!"]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv.gz"])
def test_formats_by_suffix(regressor: Path, data: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out.{suffix}"
    predict(regressor, str(data), str(out), Request(on_bad_row="null"))
    readers = {"parquet": pl.read_parquet, "jsonl": pl.read_ndjson, "csv.gz": pl.read_csv}
    frame = readers[suffix](out)
    assert frame.columns == ["prediction"]
    assert frame.height == N
    assert frame["prediction"].dtype == pl.Float64


def test_a_regression_has_no_probabilities(regressor: Path, data: Path) -> None:
    with pytest.raises(UsageError, match="predicts values"):
        predict(regressor, str(data), None, Request(proba=True))


def test_a_batch_is_predicted_in_a_part_a_core_in_the_order_of_its_rows() -> None:
    table = Table.from_columns({"x": np.arange(9_001.0)}, "x.csv")
    parts = list(_parts(table, 3))
    assert [part.n_rows for part in parts] == [3_000, 3_000, 3_001]
    assert np.concatenate([part.column("x").numbers() for part in parts]).tolist() == list(range(9_001))
    assert [part.n_rows for part in _parts(table.take(slice(0, 100)), 3)] == [100]
    assert [part.n_rows for part in _parts(table.take(slice(0, 100)), 1, row_bytes=16 << 20)] == [4] * 25
