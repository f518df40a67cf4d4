"""Checks on files of images and sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from media_files import image_bytes, picture, tone, write_files, write_zip

from automl.checks import CHECKS
from automl.errors import DataError
from automl.modalities.tabular import profile_table
from automl.profile import Finding
from automl.reading import files as files_module
from automl.settings import Settings
from automl.table import Table

N = 40
PICTURES = {f"{i:02d}.png": picture(i % 10) for i in range(N)}


def findings(root: Path, names: list[Any], kinds: dict[str, str] | None = None) -> dict[str, Finding]:
    table = Table(pl.DataFrame({"file": names, "label": ["a", "b"] * (len(names) // 2)}), "t.csv", root)
    found = profile_table(table, Settings(data="t", types=kinds or {}))[0].findings
    assert len({f.code for f in found}) == len(found)
    return {f.code: f for f in found}


def test_sound_files_have_no_findings(tmp_path: Path) -> None:
    assert findings(write_files(tmp_path / "f", PICTURES), [*PICTURES]) == {}
    assert findings(write_zip(tmp_path / "f.zip", PICTURES), [*PICTURES]) == {}


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_cannot_be_used_are_counted_and_named(
    tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = PICTURES | {"00.png": b"", "01.png": b"no picture", "02.png": b"x" * 5000}
    del files["03.png"], files["04.png"]
    monkeypatch.setattr(files_module, "LARGEST", 4000)
    root = write_zip(tmp_path / "f.zip", files) if packed else write_files(tmp_path / "f", files)
    found = findings(root, [*[*PICTURES][:-2], None, "?"])["D035"]
    assert found.columns == ("file",)
    assert found.severity == "danger"
    assert found.evidence == (
        "2 missing: '03.png', '04.png'; 1 empty: '00.png'; 1 huge: '02.png'; 1 damaged among 38 looked at: '01.png'"
    )
    assert found.action == "their rows are left out"
    few = findings(
        write_files(tmp_path / "g", files | {f"0{i}.png": PICTURES["05.png"] for i in range(4)}), [*PICTURES]
    )
    assert few["D035"].severity == "warning"
    assert few["D035"].evidence == "1 missing: '04.png'"


def test_sizes_and_rates_that_differ(tmp_path: Path) -> None:
    sides = [20, 24, 30, 90]
    files = {f"{i}.png": image_bytes(np.zeros((sides[i % 4], 10), np.uint8)) for i in range(N)}
    found = findings(write_files(tmp_path / "f", files), [*files])
    assert found["D036"].evidence == "from 10 × 20 to 10 × 90 pixels in 40 looked at"
    sounds = {f"{i}.wav": tone(400, 0.1, 8_000 if i % 4 else 16_000) for i in range(N)}
    found = findings(write_files(tmp_path / "s", sounds), [*sounds])
    assert set(found) == {"D037"}
    assert found["D037"].evidence == "8,000 Hz in 30, 16,000 Hz in 10 of 40 looked at"


def test_names_whose_files_are_elsewhere(tmp_path: Path) -> None:
    found = findings(tmp_path, [*PICTURES])
    assert found["D038"].action == "left out"
    assert f"none of them found in {tmp_path}" in found["D038"].evidence
    assert "D038" not in findings(tmp_path, [*PICTURES], {"file": "path"})


def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    root = write_files(tmp_path / "f", PICTURES)
    write_files(tmp_path, {"secret.png": picture(1)})
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    for name in ("../secret.png", "link.png", str(tmp_path / "secret.png")):
        with pytest.raises(DataError, match="leads out of") as caught:
            findings(root, [*[*PICTURES][:-1], name], {"file": "image"})
        assert repr(name) in str(caught.value)


def test_every_check_of_files_has_a_case() -> None:
    ours = [check.__doc__.partition(":")[0] for check in CHECKS if check.__module__ == "automl.checks.media"]
    assert ours == ["D035", "D036", "D037", "D038"]
