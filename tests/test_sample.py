from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from automl.errors import UsageError
from automl.read import read
from automl.sample import SAMPLES, png, write_sample

TARGETS = {
    "breast_cancer": ("diagnosis", 569, 31, 2),
    "wine": ("cultivar", 178, 14, 3),
    "iris": ("species", 150, 5, 3),
    "diabetes": ("progression", 442, 11, 214),
    "digits": ("digit", 1797, 65, 10),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_real_tables_with_readable_targets(tmp_path: Path, name: str) -> None:
    path = write_sample(name, tmp_path / f"{name}.csv")
    reading = read(path)
    target, n_rows, n_columns, n_values = TARGETS[name]
    assert reading.findings == ()
    assert (reading.table.n_rows, len(reading.table.names), reading.table.names[-1]) == (n_rows, n_columns, target)
    assert reading.table.column(target).n_unique() == n_values
    if name in ("breast_cancer", "wine", "iris"):
        assert reading.table.column(target).share_matching("^[A-Za-z]+$") == 1.0
    assert str(n_rows) in SAMPLES[name]


def test_digits_as_a_folder_of_images(tmp_path: Path) -> None:
    folder = write_sample("digits", tmp_path / "digits")
    assert sorted(p.name for p in folder.iterdir()) == [str(i) for i in range(10)]
    assert sum(1 for _ in folder.rglob("*.png")) == 1797
    assert write_sample("digits", tmp_path / "again", folder=True).is_dir()
    with pytest.raises(UsageError, match="table"):
        write_sample("iris", tmp_path / "iris", folder=True)


def test_png_holds_the_pixels() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    data = png(image)
    at, parts = 8, {}
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        parts[kind] = body
        at += 12 + size
    assert struct.unpack(">II", parts[b"IHDR"][:8]) == (8, 6)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(6, 9)
    assert (rows[:, 0] == 0).all()
    assert (rows[:, 1:] == image).all()


def test_nothing_is_overwritten_and_names_are_helped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_sample("iris") == Path("iris.csv")
    with pytest.raises(UsageError, match="there already"):
        write_sample("iris")
    assert write_sample("Iris", overwrite=True).exists()
    with pytest.raises(UsageError, match="no sample") as caught:
        write_sample("breast-cancr")
    assert "nearest: breast_cancer" in str(caught.value)
