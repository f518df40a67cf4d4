"""Columns of file names: their kind by the files, how large these are, and what is learned from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from media_files import image_bytes, picture, tone, write_files, write_zip

from automl.errors import DataError, UsageError
from automl.modalities.tabular import profile_table
from automl.profile import Extent, Profile
from automl.settings import Settings
from automl.table import Table

N = 24
PICTURES = {f"{i:04d}.png": picture(i % 10) for i in range(N)}
SOUNDS = {f"{i:04d}.wav": tone(300 + i, 0.1 * (i + 1), 16_000 if i % 3 else 8_000) for i in range(N)}


def profiled(root: Path | None, columns: dict[str, Any], **asked: Any) -> Profile:
    columns = {**columns, "label": ["a", "b"] * (len(next(iter(columns.values()))) // 2)}
    return profile_table(Table(pl.DataFrame(columns), "t.csv", root), Settings(data="t", **asked))[0]


def test_names_are_what_their_files_are(tmp_path: Path) -> None:
    swapped = {f"s{i}.png": tone(400) for i in range(N)}
    root = write_files(tmp_path / "f", PICTURES | SOUNDS | swapped | {f"{i}.pdf": b"%PDF-1.7" for i in range(N)})
    cases = {
        "image": [*PICTURES],
        "audio": [*SOUNDS],
        "path": [f"{i}.pdf" for i in range(N)],
    }
    for kind, names in cases.items():
        found = profiled(root, {"file": names})
        assert found.column("file").kind == kind
        assert found.column("file").top == ()
        assert found.modality == (kind if kind != "path" else "tabular")
        assert found.column("file").role == ("feature" if kind != "path" else "left_out")
    by_content = profiled(root, {"file": [*swapped]}).column("file")
    assert by_content.kind == "audio", "first bytes count for more than the suffix"
    zipped = profiled(write_zip(tmp_path / "f.zip", PICTURES), {"file": [*PICTURES]})
    assert zipped.column("file").kind == "image"


def test_names_without_files_are_no_categories(tmp_path: Path) -> None:
    for names in ([f"{i:04d}.png" for i in range(N)], ["a.png", "b.png"] * (N // 2), [f"x/{i}.jpg" for i in range(N)]):
        for root in (tmp_path, None):
            column = profiled(root, {"file": names}).column("file")
            assert (column.kind, column.role, column.extent) == ("path", "left_out", None)
    column = profiled(tmp_path, {"file": [f"/data/{i}.png" for i in range(N)]}).column("file")
    assert column.kind == "path"
    assert "lead out of" in column.evidence


def test_a_few_lost_files_do_not_matter(tmp_path: Path) -> None:
    names = [*[*PICTURES][:-4], "gone.png", "?", None, "gone2.png"]
    column = profiled(write_files(tmp_path, PICTURES), {"file": names}).column("file")
    assert (column.kind, column.n_missing, column.missing_tokens) == ("image", 2, ("?",))


def test_the_user_may_say_what_a_column_is(tmp_path: Path) -> None:
    root = write_files(tmp_path, {f"{i}": picture(i) for i in range(N)})
    names = [str(i) for i in range(N)]
    told = profiled(root, {"file": names}, types={"file": "image"}).column("file")
    assert (told.kind, told.evidence) == ("image", "as told")
    assert told.extent == Extent(height=20, width=20, channels=1)
    write_files(tmp_path, PICTURES)
    for kind in ("path", "category", "text"):
        assert profiled(root, {"file": [*PICTURES]}, types={"file": kind}).column("file").kind == kind
    with pytest.raises(DataError, match="in memory"):
        profiled(None, {"file": names}, types={"file": "image"})
    with pytest.raises(DataError, match="holds no file names"):
        profiled(root, {"file": np.arange(N)}, types={"file": "audio"})
    with pytest.raises(UsageError, match="image, audio"):
        profiled(root, {"file": names}, types={"file": "picture"})


def test_extents_are_those_of_the_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = [(30, 40), (30, 44), (60, 80)]
    files = {f"{i}.png": image_bytes(rng.integers(0, 255, shapes[i % 3], dtype=np.uint8)) for i in range(N)}
    root = write_files(tmp_path, files | SOUNDS)
    assert profiled(root, {"f": [*files]}).column("f").extent == Extent(height=30, width=44, channels=1)
    (tmp_path / "5.png").write_bytes(image_bytes(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)))
    assert profiled(root, {"f": [*files]}).column("f").extent == Extent(height=30, width=44, channels=3)
    extent = profiled(root, {"f": [*SOUNDS]}).column("f").extent
    assert extent is not None
    assert extent.rate == 16_000
    assert extent.seconds == pytest.approx(np.quantile(np.arange(1, N + 1) / 10, 0.95))
    texts = ["one two three", "four five, six seven!"] * N
    found = profiled(None, {"t": [f"{text} {i}" for i, text in enumerate(texts)]}, types={"t": "text"})
    assert found.column("t").extent == Extent(words=4.5)


def test_the_modality_is_that_of_the_features(tmp_path: Path) -> None:
    root = write_files(tmp_path, PICTURES | SOUNDS)
    texts = [f"the story number {i} is told here" for i in range(N)]
    numbers = np.random.default_rng(0).normal(size=N)
    kinds: dict[str, list[str]] = {
        "image": ["p"], "audio": ["s"], "text": ["t"], "mixed": ["p", "n"], "tabular": ["n"]
    }  # fmt: skip
    every = {"p": [*PICTURES], "s": [*SOUNDS], "t": texts, "n": numbers}
    for modality, names in kinds.items():
        assert profiled(root, {name: every[name] for name in names}).modality == modality
    for names in (["t", "n"], ["p", "s"], ["p", "t"]):
        assert profiled(root, {name: every[name] for name in names}).modality == "mixed"
    assert profiled(root, {"p": [*PICTURES], "row": np.arange(N)}).modality == "image", "ids are not learned from"


def test_the_label_is_the_target_of_a_table_of_files(tmp_path: Path) -> None:
    root = write_files(tmp_path, PICTURES)
    for labels in (["cat", "dog"], ["0", "1", "2", "3"]):
        columns = {"path": [*PICTURES], "label": labels * (N // len(labels))}
        profile, task = profile_table(Table(pl.DataFrame(columns), "t.csv", root), Settings(data="t"))
        assert task is not None
        assert task.target == "label"
        assert task.is_classification
        assert profile.size.d_num > 200
