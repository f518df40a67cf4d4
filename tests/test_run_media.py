"""Whole runs on folders of media: bad files left out or refused, predictions for files, early steps that stay light."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from media_files import picture, tone, write_files, write_zip

from automl import run
from automl.errors import DataError, UsageError
from automl.evaluate import evaluate
from automl.events import nowhere
from automl.outcome import Outcome
from automl.predict import Request, predict
from automl.settings import Settings

CLASSES = {"dark": 1, "grey": 4, "light": 7}
PICTURES = {f"{name}/{i}.png": picture(shade, seed=i) for name, shade in CLASSES.items() for i in range(14)}


def fitted(data: Path, folder: Path, **changes: Any) -> Outcome:
    told: dict[str, Any] = {"include": ("tree",), "trials": 1, "time_limit": 30.0, "deterministic": True, **changes}
    settings = Settings(data=str(data), engine="inline", **told)
    return run.fit(settings, folder / "run", nowhere, started=time.monotonic())


def test_class_folders_are_learned_and_bad_files_left_out(tmp_path: Path) -> None:
    spoilt = PICTURES | {"dark/3.png": b"", "light/5.png": b"no picture"}
    root = write_files(tmp_path / "photos", spoilt)
    outcome = fitted(root, tmp_path)
    assert outcome.profile.modality == "image"
    assert outcome.score.value < 0.3
    told = next(sentence for sentence in outcome.skipped if "file" in sentence)
    assert told.startswith("2 of 42 rows have a file that cannot be read, the first: column 'path': 'dark/3.png'")
    assert told.endswith("left out")
    with pytest.raises(DataError, match="2 of 42 rows have a file that cannot be read") as caught:
        fitted(root, tmp_path / "strict", on_bad_file="fail")
    assert "--on-bad-file skip" in str(caught.value)


def test_predictions_for_files(tmp_path: Path) -> None:
    root = write_zip(tmp_path / "photos.zip", PICTURES)
    model = fitted(root, tmp_path).model
    new = write_files(tmp_path / "new", {f"{i}.png": picture(shade, seed=99) for i, shade in enumerate((1, 4, 7))})
    done = predict(model, str(new), str(tmp_path / "out.csv"), Request(proba=True, keep=("path",)))
    assert done.n_rows == 3
    assert pl.read_csv(tmp_path / "out.csv")["prediction"].to_list() == [*CLASSES]
    (new / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"data row 2: column 'path': '1\.png' is not an image that can be read"):
        predict(model, str(new), str(tmp_path / "out.csv"))
    for how, expected in (("skip", ["dark", "light"]), ("null", 3)):
        rejects = str(tmp_path / "rejects.csv")
        done = predict(model, str(new), str(tmp_path / "out.csv"), Request(on_bad_row=how, rejects=rejects))  # type: ignore[arg-type]
        assert (done.n_rows, done.n_bad) == (3, 1)
        found = pl.read_csv(tmp_path / "out.csv")["prediction"].to_list()
        assert found == expected or len(found) == expected
        assert "1.png" in Path(rejects).read_text()
    assert evaluate(model, root)[0].value < 0.3


def test_a_table_of_sounds_and_numbers_is_mixed(tmp_path: Path) -> None:
    sounds = {f"clips/{i}.wav": tone(300 if i % 2 else 900, 0.1 + 0.002 * i) for i in range(30)}
    lines = [f"clips/{i}.wav,{i % 7},{'low' if i % 2 else 'high'}" for i in range(30)]
    root = write_files(tmp_path / "d", sounds)
    (root / "train.csv").write_text("\n".join(["clip,size,tone", *lines]))
    outcome = fitted(root / "train.csv", tmp_path, target="tone")
    assert outcome.profile.modality == "mixed"
    assert outcome.score.value > 0.95


def test_few_files_of_numbered_classes_are_classes_still(tmp_path: Path) -> None:
    root = write_files(tmp_path / "digits", {f"{i}/{j}.png": picture(i, seed=j) for i in range(10) for j in range(3)})
    profile, task = run.profile(Settings(data=str(root)), nowhere)
    assert task is not None
    assert task.kind == "multiclass"
    assert profile.column("label").kind == "category"


def test_what_cannot_be_learned_is_told(tmp_path: Path) -> None:
    one = write_files(tmp_path / "one", {f"cat/{i}.png": picture(3) for i in range(5)})
    with pytest.raises(DataError, match="has one class: 'label' is always 'cat'"):
        run.plan(Settings(data=str(one)), nowhere)
    flat = write_files(tmp_path / "flat", {f"{i}.png": picture(3) for i in range(5)})
    with pytest.raises(UsageError, match="no target") as caught:
        run.plan(Settings(data=str(flat)), nowhere)
    assert "put those of each class into a folder named after it" in str(caught.value)
    (tmp_path / "lost.csv").write_text("path,label\n" + "".join(f"x/{i}.png,{'ab'[i % 2]}\n" for i in range(20)))
    with pytest.raises(DataError, match="no column to learn 'label' from") as caught:
        run.plan(Settings(data=str(tmp_path / "lost.csv")), nowhere)
    assert f"none of them found in {tmp_path}" in str(caught.value)
    broken = write_files(tmp_path / "broken", {f"{c}/{i}.png": b"\x89PNG\r\n\x1a\n" for c in "ab" for i in range(9)})
    with pytest.raises(DataError, match="18 of 18 rows have a file that cannot be read"):
        fitted(broken, tmp_path)


def test_the_decision_decodes_nothing(tmp_path: Path) -> None:
    root = write_files(tmp_path / "photos", PICTURES)
    script = (
        "import sys; from automl.cli import main; code = main(sys.argv[1:]);"
        "sys.stderr.write(' '.join(sorted({n.partition('.')[0] for n in sys.modules}))); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "plan", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "PIL" in done.stderr.split()
    assert not {"soundfile", "scipy", "sklearn", "torch"} & set(done.stderr.split())
