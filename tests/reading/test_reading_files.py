"""Files by name: nothing outside of the folder, what cannot be read told apart, a zip archive like a folder."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from media_files import write_files, write_zip

from automl.errors import DataError
from automl.reading import files as files_module
from automl.reading.files import Files, files_below

CONTENT = {"a.txt": b"first", "sub/b.txt": b"second", "sub/empty.txt": b"", "ü n.txt": b"third"}


@pytest.fixture(params=["folder", "zip"])
def below(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "zip":
        return Files(write_zip(tmp_path / "files.zip", CONTENT))
    return Files(write_files(tmp_path / "files", CONTENT))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.txt", "sub/../../secret.txt", "C:/x.txt", "\\\\host\\x", "a/.."]
)
def test_a_name_that_leads_out_is_refused(below: Files, name: str) -> None:
    for ask in (below.status, below.read, below.open):
        with pytest.raises(DataError, match="leads out of") as caught:
            ask(name)
        assert repr(name) in str(caught.value)


def test_links_that_lead_out_are_refused_and_others_followed(tmp_path: Path) -> None:
    write_files(tmp_path / "elsewhere", {"secret.txt": b"secret"})
    folder = write_files(tmp_path / "files", CONTENT)
    (folder / "out.txt").symlink_to(tmp_path / "elsewhere" / "secret.txt")
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "again.txt").symlink_to("sub/b.txt")
    found = Files(folder)
    for name in ("out.txt", "away/secret.txt"):
        with pytest.raises(DataError, match="leads out of"):
            found.read(name)
    assert found.read("again.txt") == b"second"
    (tmp_path / "link").symlink_to(folder)
    assert Files(tmp_path / "link").read("a.txt") == b"first", "the folder itself may be a link"


def test_a_file_is_read_or_told_why_not(below: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    assert below.read("a.txt") == below.read("./a.txt") == b"first"
    assert below.read("sub\\b.txt") == b"second"
    assert below.read("ü n.txt") == b"third"
    monkeypatch.setattr(files_module, "LARGEST", 5)
    expected = {"a.txt": "good", "none.txt": "missing", "sub": "missing", "sub/empty.txt": "empty", "sub/b.txt": "huge"}
    assert {name: below.status(name) for name in expected} == expected
    for name, why in (("none.txt", "no such file"), ("sub/empty.txt", "0 bytes"), ("sub/b.txt", "larger than 64 MiB")):
        with pytest.raises(ValueError, match=why):
            below.read(name)
    assert below.status("nul\0.txt") == "missing"


def test_an_archive_that_lies_about_a_size_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"x" * 1000})
    content = path.read_bytes().replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"CRC|crc"):
        Files(path).read("a.txt")


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.txt": bytes(range(256)) * 4})
    spoilt = bytearray(path.read_bytes())
    spoilt[60:80] = b"\xff" * 20
    path.write_bytes(bytes(spoilt))
    with pytest.raises(ValueError, match=r".+"):
        Files(path).read("a.txt")
    path.write_bytes(spoilt[:50])
    with pytest.raises(DataError, match="damaged zip archive"):
        Files(path)


def test_many_threads_read_one_archive(tmp_path: Path) -> None:
    content = {f"{i}.txt": str(i).encode() * 5000 for i in range(40)}
    found = files_below(write_zip(tmp_path / "a.zip", content))
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(found.read, content)) == list(content.values())


def test_an_archive_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"old"})
    assert files_below(path).read("a.txt") == b"old"
    path.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "new and longer")
    assert files_below(path).read("a.txt") == b"new and longer"
