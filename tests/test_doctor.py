from __future__ import annotations

import io

import msgspec
import pytest
from cached_models import BACKBONE, SENTENCES, backbone_files, sentence_files, snapshot
from rich.console import Console

from automl import doctor
from automl.accelerators import LightningAnswer, LightningDevice, Sign
from automl.cli.doctor import doctor_view
from automl.doctor import Examination, Package, examine


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def sentences(found):
    return " | ".join(f"{p.sentence} -> {p.mend}" for p in found.problems)


def test_a_sound_installation_is_described_whole():
    found = examine(try_imports=False)
    assert {"numpy", "torch", "lightgbm", "pytorch-lightning"} <= {p.name for p in found.packages}
    assert all(p.found and not p.problem for p in found.packages if not p.extra)
    assert {"dev", "docs"} <= {extra.name for extra in found.extras}
    assert [folder.role for folder in found.folders] == ["runs", "cache", "temporary"]
    assert msgspec.json.decode(msgspec.json.encode(found), type=Examination) == found
    assert all(problem.mend for problem in found.problems)


def test_missing_old_and_broken_packages_come_with_the_command_that_mends_them(monkeypatch):
    broken = "OSError: libgomp.so.1: cannot open shared object file"
    wanted = ["numpy>=99.0", "no-such-package>=1.2", "lightgbm>=4.5", 'also-missing>=1; extra == "gone"']
    monkeypatch.setattr(doctor, "requires", lambda name: wanted)
    monkeypatch.setattr(doctor, "_failed_imports", lambda: {"lightgbm": broken})
    monkeypatch.setattr(doctor, "ask_lightning", lambda: LightningAnswer(problem="Lightning could not be asked: x"))
    said = sentences(examine())
    assert "no-such-package is not installed -> pip install 'no-such-package>=1.2'" in said
    assert ">=99.0 is needed -> pip install --force-reinstall 'numpy>=99.0'" in said
    assert f"lightgbm: {broken} -> apt-get install libgomp1" in said
    assert "Lightning could not be asked" in said
    assert "also-missing" not in said


def test_devices_that_are_seen_and_not_used(monkeypatch):
    signs = (Sign("cuda", "/dev/nvidia0"), Sign("xpu", "/dev/dri/renderD128", "torch is not a build for XPU", "pip x"))
    monkeypatch.setattr(doctor, "find_signs", lambda: signs)
    monkeypatch.setattr(doctor, "_failed_imports", dict)
    unusable = LightningDevice(name="cuda", usable=False, problem="RuntimeError: driver too old")
    monkeypatch.setattr(doctor, "ask_lightning", lambda: LightningAnswer((unusable,)))
    said = sentences(examine())
    assert "Lightning can't use it: RuntimeError: driver too old -> nvidia-smi" in said
    assert "torch is not a build for XPU -> pip x" in said


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "file" / "cache"))
    found = examine(try_imports=False)
    assert next(f for f in found.folders if f.role == "cache").problem
    assert "the cache folder" in sentences(found)
    assert "export AUTOML_CACHE_DIR=" in sentences(found)


@pytest.mark.parametrize(
    ("found", "wanted", "enough"),
    [("2.13.0+cpu", ">=2.5", True), ("1.9", ">=1.10", False), ("2.0.0rc1", ">=2.0", True), ("5.0", "", True)],
)
def test_versions(found, wanted, enough):
    assert doctor._is_enough(found, wanted) is enough


def test_an_extra_says_what_it_lacks():
    parts = (
        Package(name="a", wanted="", found="1", extra="docs"),
        Package(name="b", wanted=">=2", found=None, extra="docs"),
    )
    docs = next(extra for extra in doctor._extras(parts) if extra.name == "docs")
    assert docs.missing == ("b",)
    assert docs.command == "pip install 'automl[docs]'"


@pytest.mark.slow
def test_the_heavy_packages_import():
    assert doctor._failed_imports() == {}


def test_pretrained_encoders_are_listed_with_what_is_wrong(tmp_path, monkeypatch):
    sentence_files(snapshot(tmp_path / "hub", SENTENCES))
    (backbone_files(snapshot(tmp_path / "hub", BACKBONE)) / "model.safetensors").rename(tmp_path / "gone")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = examine(try_imports=False)
    assert {each.name: each.problem for each in found.encoders} == {
        SENTENCES: "",
        BACKBONE: "it has no weights, not model.safetensors",
    }
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(doctor_view(found))
    lines = [line for line in console.export_text().splitlines() if line.startswith("encoder")]
    assert lines[0].endswith("it has no weights, not model.safetensors")
    assert "tiny/sentences   sentence-transformers" in lines[1]
    assert "reads texts" in lines[1]
