"""What a model file says of its encoder: pinned by checksums, and refused where the cache holds another or none."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cached_models import PLAIN, REVISION, plain_files, snapshot

from automl.errors import ModelFileError
from automl.pretrained import reference as referring
from automl.pretrained.discover import find_cached
from automl.pretrained.reference import Reference, find, pin


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(referring, "package_lacking", lambda library: None)
    plain_files(snapshot(tmp_path, PLAIN))
    return tmp_path


def pinned() -> Reference:
    [encoder] = find_cached()
    return pin(encoder)


def test_the_pinned_encoder_is_found_again(hub: Path) -> None:
    reference = pinned()
    assert [name for name, _ in reference.files] == ["config.json", "model.safetensors", "tokenizer.json"]
    assert reference.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of no bytes
    assert find(reference).name == PLAIN
    # a later revision with the same files will do
    (hub / "models--tiny--plain" / "snapshots" / REVISION).rename(hub / "models--tiny--plain" / "snapshots" / "new")
    assert find(reference).revision == "new"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_file_is_refused(hub: Path, name: str) -> None:
    reference = pinned()
    path = hub / "models--tiny--plain" / "snapshots" / REVISION / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelFileError, match=f"{name} in .* is not the file it learned with") as caught:
        find(reference)
    assert f"hf download {PLAIN} --revision {REVISION}" in str(caught.value)


def test_a_file_that_was_not_there_is_refused(hub: Path) -> None:
    reference = pinned()
    (hub / "models--tiny--plain" / "snapshots" / REVISION / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"tokenizer_config\.json in .* is not the file it learned with"):
        find(reference)


def test_a_reference_opens_no_file_of_its_own_choice(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (hub / "secret").write_text("secret")
    opened: list[Path] = []
    monkeypatch.setattr(referring, "_sha256", lambda path: opened.append(path) or "0")
    forged = msgspec.structs.replace(pinned(), files=(("../../../../secret", "0"),))
    with pytest.raises(ModelFileError, match="is not the file it learned with"):
        find(forged)
    assert {path.name for path in opened} == {"config.json", "model.safetensors", "tokenizer.json"}
    assert forged.sha256 == ""


def test_a_missing_encoder_is_refused(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = pinned()
    monkeypatch.setenv("HF_HUB_CACHE", str(hub / "elsewhere"))
    with pytest.raises(ModelFileError, match=f"{PLAIN} .* is in no local cache here") as caught:
        find(reference)
    assert f"get it: hf download {PLAIN} --revision {REVISION}" in caught.value.hints


def test_a_missing_package_is_refused(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = pinned()
    monkeypatch.setattr(referring, "package_lacking", lambda library: "transformers")
    with pytest.raises(ModelFileError, match=f"{PLAIN}, and transformers to load it: not installed") as caught:
        find(reference)
    assert caught.value.hints == ("pip install 'automl[pretrained]'",)
