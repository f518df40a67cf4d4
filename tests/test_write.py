from __future__ import annotations

import gzip
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from automl.errors import UsageError
from automl.read import read
from automl.write import open_writer

BATCHES: list[Mapping[str, Any]] = [
    {"n": np.array([1, 2]), "p": np.array([0.1 + 0.2, np.nan]), "w": ['a, "b"\nc', None]},
    {"n": np.array([3]), "p": np.array([1e-20], np.float64), "w": np.array(["é😀"], object)},
]
WANT = {"n": [1, 2, 3], "p": [0.1 + 0.2, None, 1e-20], "w": ['a, "b"\nc', None, "é😀"]}


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.parquet", "t.jsonl", "t.jsonl.gz"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("old")
    with open_writer(path, ["n", "p", "w"]) as writer:
        for batch in BATCHES:
            writer.write({**batch, "more": [0] * len(batch["n"])})
        assert path.read_text() == "old"
    assert read(path).table.frame.to_dict(as_series=False) == WANT
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.csv.gz"])
def test_an_error_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("old")

    def fail() -> None:
        with open_writer(path, ["n"]) as writer:
            writer.write({"n": [1]})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_no_rows_still_have_their_header(tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        with open_writer(tmp_path / name, ["a", "b"]):
            pass
    assert (tmp_path / "t.csv").read_text() == "a,b\n"
    assert pl.read_parquet(tmp_path / "t.parquet").columns == ["a", "b"]
    assert (tmp_path / "t.jsonl").read_text() == ""


def test_stdout(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for path in (None, "-"):
        with open_writer(path, ["n"]) as writer:
            writer.write({"n": [1, 2]})
            writer.write({"n": [3]})
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b"n\n1\n2\n3\n" * 2


def test_the_same_rows_make_the_same_gz_file(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        with open_writer(tmp_path / name, ["n"]) as writer:
            writer.write({"n": [1, 2]})
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == b"n\n1\n2\n"


def test_places_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no folder"), open_writer(tmp_path / "no" / "t.csv", ["a"]):
        pass
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        open_writer(tmp_path / "d.csv", ["a"])
    with pytest.raises(UsageError, match="suffix"):
        open_writer(tmp_path / "t.xlsx", ["a"])

    def refuse(**_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("automl.write.tempfile", SimpleNamespace(mkdtemp=refuse))
    with (
        pytest.raises(UsageError, match="cannot be written to: Permission denied"),
        open_writer(tmp_path / "t.csv", "a"),
    ):
        pass
