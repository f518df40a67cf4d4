"""Folders and zip archives of class folders as tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from media_files import picture, tone, write_files, write_zip

from automl.errors import DataError
from automl.read import Reading, read, read_batches
from automl.reading.folders import is_media_root

CATS, DOGS = picture(2), picture(7)
ANIMALS = {"cat/1.png": CATS, "cat/2.JPG": CATS, "dog/1.png": DOGS, "dog/far/away.png": DOGS}
LABELS = [("cat/1.png", "cat"), ("cat/2.JPG", "cat"), ("dog/1.png", "dog"), ("dog/far/away.png", "dog")]


def rows(reading: Reading) -> list[tuple[object, ...]]:
    return reading.table.frame.rows()


def told(reading: Reading) -> str:
    assert {finding.code for finding in reading.findings} <= {"D009"}
    return " | ".join(f"{f.title}: {f.evidence} [{f.action}{f.advice}]" for f in reading.findings)


def test_a_zip_is_read_as_the_folder_is(tmp_path: Path) -> None:
    folder, archive = write_files(tmp_path / "animals", ANIMALS), write_zip(tmp_path / "animals.zip", ANIMALS)
    for root in (folder, archive):
        reading = read(root)
        assert reading.table.names == ("path", "label")
        assert rows(reading) == LABELS
        assert reading.findings == ()
        assert (reading.table.root, reading.table.source, reading.how.format) == (root, str(root), "folder")
        assert [t.frame.rows() for t in read_batches(root, 3)] == [LABELS[:3], LABELS[3:]]
        assert rows(read(root, n_rows=2)) == LABELS[:2]


def test_of_a_split_only_the_training_part_is_read(tmp_path: Path) -> None:
    split = {f"{part}/{name}": content for part in ("Train", "test", "val") for name, content in ANIMALS.items()}
    for root in (write_files(tmp_path / "split", split), write_zip(tmp_path / "split.zip", split)):
        reading = read(root)
        assert rows(reading) == [(f"Train/{name}", label) for name, label in LABELS]
        assert "4 in 'test', 4 in 'val' [only 'Train' was read" in told(reading)
    assert f"--test {tmp_path / 'split' / 'test'} scores" in told(read(tmp_path / "split"))
    assert rows(read(tmp_path / "split" / "test")) == LABELS


def test_folders_that_hold_everything_are_looked_through(tmp_path: Path) -> None:
    wrapped = {f"data/animals/{name}": content for name, content in ANIMALS.items()}
    assert rows(read(write_files(tmp_path / "a", wrapped))) == [(f"data/animals/{n}", label) for n, label in LABELS]
    for part in ("train", "test"):
        root = write_zip(tmp_path / f"{part}.zip", {f"x/{part}/{name}": content for name, content in ANIMALS.items()})
        assert rows(read(root)) == [(f"x/{part}/{n}", label) for n, label in LABELS]
    one = write_files(tmp_path / "one", {"cat/1.png": CATS, "cat/2.png": CATS})
    assert rows(read(one)) == [("cat/1.png", "cat"), ("cat/2.png", "cat")]


def test_a_flat_folder_has_no_label(tmp_path: Path) -> None:
    reading = read(write_files(tmp_path / "new", {"2.wav": tone(440), "10.wav": tone(300)}))
    assert reading.table.names == ("path",)
    assert rows(reading) == [("10.wav",), ("2.wav",)]
    assert "2 sounds in one folder, so there is no column 'label'" in told(reading)
    beside = read(write_files(tmp_path / "mixed", {**ANIMALS, "x.png": CATS}))
    assert rows(beside) == [*LABELS, ("x.png", None)]


def test_files_of_other_kinds_are_counted_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    junk = {".DS_Store": b"x", "cat/Thumbs.db": b"x", "__MACOSX/cat/._1.png": b"x", ".git/x.png": b"x"}
    more = {"README.md": b"about", "meta.csv": b"a,b\n1,2\n", "cat/notes.txt": b"", "cat/clip": b"x", "dog/1.wav": b"x"}
    every = ANIMALS | junk | more
    for root in (write_files(tmp_path / "f", every), write_zip(tmp_path / "f.zip", every)):
        reading = read(root)
        assert rows(reading) == LABELS
        found = told(reading)
        assert "files that are no images: 5:" in found
        for suffix in ("1 .md", "1 .csv", "1 .txt", "1 no suffix", "1 .wav"):
            assert suffix in found


def test_texts_come_with_their_content(tmp_path: Path) -> None:
    files = {
        "good/1.txt": "schön\nwarm".encode(),
        "good/2.md": "café".encode("cp1252"),
        "good/3.txt": "wide".encode("utf-16"),
        "poor/4.txt": b"",
        "poor/5.txt": b"\x00\x01\x02binary",
        "poor/6.txt": b"cold",
    }
    for root in (write_files(tmp_path / "t", files), write_zip(tmp_path / "t.zip", files)):
        reading = read(root)
        assert rows(reading) == [
            ("schön\nwarm", "good"),
            ("café", "good"),
            ("wide", "good"),
            (None, "poor"),
            (None, "poor"),
            ("cold", "poor"),
        ]
        assert dict(reading.kinds) == {"text": "text", "label": "category"}
        assert "2 of 6, the first: 'poor/4.txt' (0 bytes) [read as missing]" in told(reading)


def test_what_is_no_media_is_refused(tmp_path: Path) -> None:
    tables = {"test.csv": b"a,b\n1,2\n", "train.csv": b"a,b\n1,2\n"}
    cases = {
        "is empty": {".hidden": b"x"},
        "with tables, not a table": tables,
        "holds no images, sounds or texts": {"a.bin": b"x", "b.pdf": b"x"},
        "train.csv": {**tables, "images/1.png": CATS},
    }
    for i, (message, files) in enumerate(cases.items()):
        for root in (write_files(tmp_path / str(i), files), write_zip(tmp_path / f"{i}.zip", files)):
            with pytest.raises(DataError, match=message):
                read(root)
            with pytest.raises(DataError, match=message):
                list(read_batches(root))
    with pytest.raises(DataError) as caught:
        read(tmp_path / "1")
    assert f"name the table: {tmp_path / '1' / 'train.csv'}" in str(caught.value)
    cut = write_zip(tmp_path / "cut.zip", ANIMALS)
    cut.write_bytes(cut.read_bytes()[:-30])
    with pytest.raises(DataError, match="damaged zip archive"):
        read(cut)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path / "nothing")


def test_names_that_lead_out_are_refused(tmp_path: Path) -> None:
    for name in ("../cat/1.png", "/cat/1.png"):
        with pytest.raises(DataError, match="leads out of") as caught:
            read(write_zip(tmp_path / "slip.zip", {**ANIMALS, name: CATS}))
        assert repr(name) in str(caught.value)
    folder = write_files(tmp_path / "animals", ANIMALS)
    (folder / "bird").symlink_to(write_files(tmp_path / "bird", {"1.png": CATS}))
    with pytest.raises(DataError, match="'bird' leads out of"):
        read(folder)


def test_files_lie_below_the_folder_of_their_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_files(tmp_path / "d", {"a.csv": b"path,label\nx.png,a\ny.png,b\n"}) / "a.csv"
    assert read(table).table.root == tmp_path / "d"
    assert [t.root for t in read_batches(table)] == [tmp_path / "d"]
    monkeypatch.chdir(tmp_path / "d")
    assert read("a.csv").table.root == Path()


def test_a_pipe_is_not_looked_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not is_media_root(tmp_path / "pipe")
