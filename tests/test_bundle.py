"""The model file: the same bits back, and nothing that is damaged, foreign or newer is let in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from automl import run
from automl.bundle import FORMAT, inspect, load_model, read_manifest, verify
from automl.errors import AutoMLError, DataError, ModelFileError, UsageError
from automl.events import nowhere
from automl.settings import Settings
from automl.table import Table

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 2))
ROWS = Table.from_columns({"a": X[:, 0], "b": X[:, 1], "y": np.where(X[:, 0] > 0, "up", "down")}, "rows.csv")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "run"
    settings = Settings(
        data="rows.csv",
        target="y",
        engine="inline",
        include=("linear", "tree"),
        trials=2,
        time_limit=30,
        deterministic=True,
    )
    return Path(run.fit_table(ROWS, settings, folder, nowhere).model)


def rewritten(model: Path, path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(model) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def manifest_with(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = msgspec.json.encode({**msgspec.json.decode(files["manifest.json"]), **changes})

    return change


def test_two_loads_predict_the_same_bits_one_row_at_a_time_too(model: Path) -> None:
    first, second = load_model(model), load_model(model)
    together = first.predict_table(ROWS)
    assert np.array_equal(together, second.predict_table(ROWS))
    assert np.array_equal(together[7:8], second.predict_table(ROWS.take(slice(7, 8))))
    assert together.sum(axis=1) == pytest.approx(1.0)
    assert set(first.labels(together)) == {"up", "down"}


def test_columns_may_be_reordered_and_more_but_not_fewer(model: Path) -> None:
    predictor = load_model(model)
    expected = predictor.predict_table(ROWS)
    other = Table.from_columns({"b": X[:, 1], "more": X[:, 0], "a": [str(v) for v in X[:, 0]]}, "other.csv")
    assert np.array_equal(predictor.predict_table(other), expected)
    with pytest.raises(DataError, match=r"no column 'b' in other\.csv"):
        predictor.predict_table(other.select(["a", "more"]))


def test_inspecting_and_verifying_say_what_is_inside(model: Path) -> None:
    assert inspect(model)["format"] == FORMAT
    assert read_manifest(model).task.classes == ("down", "up")
    assert any("every sha256 matches" in line for line in verify(model))
    with zipfile.ZipFile(model) as archive:
        assert {name.rpartition(".")[2] for name in archive.namelist()} <= {"json", "safetensors", "txt"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda files: files.update({"profile.json": files["profile.json"] + b" "}), "bytes, not"),
        (lambda files: files.update({"profile.json": files["profile.json"][:-1] + b" "}), "sha256 differs"),
        (lambda files: files.pop("profile.json"), "do not list the same files"),
        (lambda files: files.update({"models/evil.pkl": b"cos\nsystem"}), "no model file has"),
        (lambda files: files.update({"../escape.json": b"{}"}), "no model file has"),
        (lambda files: files.update({"models/9/9/config.json": b"{}"}), "do not list the same files"),
        (lambda files: files.pop("manifest.json"), "not a model file"),
        (lambda files: files.update({"manifest.json": b"{"}), "not JSON"),
        (manifest_with(format=FORMAT + 1), "this version reads 1 to"),
        (manifest_with(format="1"), "this version reads 1 to"),
        (manifest_with(models=[]), "do not make one prediction"),
        (manifest_with(temperature="hot"), "this version can't read"),
        (manifest_with(threshold=[1.0, 0.5, 0.5]), "thresholds do not suit its classes"),
        (manifest_with(threshold=[0.5, 0.5]), "thresholds do not suit its classes"),
    ],
)
def test_what_is_damaged_foreign_or_newer_is_refused(
    model: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], says: str
) -> None:
    with pytest.raises(ModelFileError, match=says):
        load_model(rewritten(model, tmp_path / "changed.automl", change))


def test_a_model_of_an_unknown_family_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        manifest = msgspec.json.decode(files["manifest.json"])
        manifest["models"][0]["family"] = "quantum"
        files["manifest.json"] = msgspec.json.encode(manifest)

    with pytest.raises(ModelFileError, match="quantum"):
        load_model(rewritten(model, tmp_path / "changed.automl", change))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04garbage", b"tree\nversion=v4\n"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.automl"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not a model file"):
        load_model(path)


def test_a_cut_file_is_refused(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.automl"
    path.write_bytes(model.read_bytes()[:-200])
    with pytest.raises(AutoMLError):
        load_model(path)


def test_a_byte_changed_anywhere_is_refused_or_changes_nothing(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "changed.automl"
    whole = model.read_bytes()
    expected = load_model(model).predict_table(ROWS)
    refused = 0
    for place in (*range(0, len(whole), 97), *range(len(whole) - 200, len(whole))):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            predictor = load_model(path)
        except ModelFileError:
            refused += 1
        else:
            assert np.array_equal(predictor.predict_table(ROWS), expected)
    assert refused > 200


def test_a_run_folder_in_the_place_of_a_model_gets_the_right_name(model: Path) -> None:
    with pytest.raises(UsageError, match="no model file") as refusal:
        load_model(model.parent)
    assert str(model) in str(refusal.value)
