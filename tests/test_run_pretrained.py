"""Whole runs with a tiny pretrained encoder in the cache; needs the extra `pretrained`."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cached_models import BACKBONE, REVISION, SENTENCES, tiny_backbone, tiny_sentences
from media_files import picture, write_files

from automl import run
from automl.bundle import inspect, load_model, verify
from automl.cli.inspect import inspection_view
from automl.errors import ModelFileError, UsageError
from automl.events import nowhere
from automl.explain import explain_model
from automl.explaining import explain_request
from automl.outcome import Outcome
from automl.plan import Plan
from automl.predict import predict
from automl.read import read
from automl.rundir import PLAN, RunDir
from automl.settings import Settings

GOOD, BAD = ["bright", "warm", "lovely", "calm"], ["gloomy", "cold", "awful", "loud"]
OTHER = ["room", "street", "dinner", "morning", "view", "house", "window", "garden"]


def fitted(data: Path, folder: Path, **changes: Any) -> Outcome:
    told: dict[str, Any] = {"include": ("linear",), "trials": 1, "time_limit": 60.0, "target": "label", **changes}
    return run.fit(Settings(data=str(data), engine="inline", **told), folder / "run", nowhere, started=time.monotonic())


def texts(path: Path, n: int = 160) -> Path:
    rng = np.random.default_rng(0)
    labels = [("no", "yes")[i % 2] for i in range(n)]
    notes = [" ".join([*rng.choice(OTHER, 6), *rng.choice(GOOD if label == "yes" else BAD, 2)]) for label in labels]
    pl.DataFrame({"note": notes, "label": labels}).write_csv(path)
    return path


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def refuse(self: socket.socket, address: Any) -> None:
        raise AssertionError(f"something called {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path / "hub"


def test_texts_are_read_by_what_lies_in_the_cache(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tiny_sentences(hub, [*GOOD, *BAD, *OTHER]) / "model.safetensors"
    data = texts(tmp_path / "notes.csv")
    outcome = fitted(data, tmp_path)
    [reference] = outcome.pretrained
    assert (reference.name, reference.revision) == (SENTENCES, REVISION)
    assert [each.name for each in outcome.plan.pretrained] == [SENTENCES]
    report = (tmp_path / "run" / "report.html").read_text()
    assert f"hf download {SENTENCES} --revision {REVISION}" in report
    assert "needs a pretrained encoder" in report
    model = load_model(outcome.model)
    assert len([name for name in model.layout.num_names if name.startswith("note: meaning")]) == 24
    assert [entry["name"] for entry in inspect(Path(outcome.model))["pretrained"]] == [SENTENCES]
    assert inspection_view(inspect(Path(outcome.model)))
    assert any(line.startswith(f"{SENTENCES} is in the local cache") for line in verify(Path(outcome.model)))

    done = predict(outcome.model, str(data), str(tmp_path / "out.csv"))
    assert done.n_rows == 160
    told = explain_model(model, explain_request(model, read(str(data)).table, None, (0,), 6.0, 0))
    words = [part for part in told.parts if part.method == "shap"]
    assert words
    assert np.abs(words[0].values).max() > 0

    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(ModelFileError, match=r"model\.safetensors in .* is not the file it learned with"):
        predict(outcome.model, str(data), str(tmp_path / "out.csv"))
    shutil.rmtree(hub)
    with pytest.raises(ModelFileError, match=f"{SENTENCES} .* is in no local cache here") as caught:
        predict(outcome.model, str(data), str(tmp_path / "out.csv"))
    assert f"get it: hf download {SENTENCES} --revision {REVISION}" in caught.value.hints
    assert inspect(Path(outcome.model))["pretrained"]  # which needs no encoder


def test_off_needs_nothing(hub: Path, tmp_path: Path) -> None:
    tiny_sentences(hub, [*GOOD, *BAD, *OTHER])
    outcome = fitted(texts(tmp_path / "notes.csv"), tmp_path, pretrained="off")
    assert outcome.pretrained == outcome.plan.pretrained == ()
    shutil.rmtree(hub)
    load_model(outcome.model)


def test_an_encoder_that_turns_out_slow_is_left_out(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sentences(hub, [*GOOD, *BAD, *OTHER])
    monkeypatch.setattr("automl.embedding.measure_seconds", lambda *_: 1000.0)
    outcome = fitted(texts(tmp_path / "notes.csv"), tmp_path)
    assert outcome.pretrained == ()
    assert any(sentence.startswith("tiny/sentences would take 1") for sentence in outcome.skipped)
    named = fitted(texts(tmp_path / "notes.csv"), tmp_path / "named", pretrained=SENTENCES)
    assert [each.name for each in named.pretrained] == [SENTENCES]


def test_a_plan_of_another_machine_is_refused(hub: Path, tmp_path: Path) -> None:
    tiny_sentences(hub, [*GOOD, *BAD, *OTHER])
    data = texts(tmp_path / "notes.csv")
    fitted(data, tmp_path)
    planned = RunDir(tmp_path / "run").read(PLAN, Plan)
    assert planned.pretrained[0].columns == ("note",)
    shutil.rmtree(hub)
    with pytest.raises(UsageError, match="the plan reads 'note' with tiny/sentences, which is in no local cache here"):
        fitted(data, tmp_path / "again", plan=str(tmp_path / "run" / PLAN))


def test_images_are_read_by_what_lies_in_the_cache(hub: Path, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    tiny_backbone(hub)
    shades = {"dark": 1, "grey": 4, "light": 7}
    pictures = {f"{name}/{i}.png": picture(shade, seed=i) for name, shade in shades.items() for i in range(12)}
    root = write_files(tmp_path / "photos", pictures)
    outcome = fitted(root, tmp_path)
    assert [each.name for each in outcome.pretrained] == [BACKBONE]
    model = load_model(outcome.model)
    told = explain_model(model, explain_request(model, read(str(root)).table, None, (0,), 6.0, 0))
    assert any(part.kind == "image" for part in told.parts)
    new = write_files(tmp_path / "new", {f"{i}.png": picture(shade, seed=99) for i, shade in enumerate((1, 4, 7))})
    predict(outcome.model, str(new), str(tmp_path / "out.csv"))
    assert pl.read_csv(tmp_path / "out.csv")["prediction"].to_list() == [*shades]
