"""Files that a table names: their bytes from below a folder or out of a zip archive, and from nowhere else."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal, TypeAlias

from automl.archives import DAMAGE
from automl.errors import DataError

Status: TypeAlias = Literal["good", "missing", "empty", "huge"]

LARGEST = 64 << 20
"""Bytes of a file that is read."""

_WHY: dict[Status, str] = {"missing": "no such file", "empty": "0 bytes", "huge": "larger than 64 MiB"}
_DRIVE = re.compile(r"[A-Za-z]:")


class Files:
    """Files by their names below a folder or in a zip archive; safe to use in several threads.

    A name has slashes or backslashes between its parts. One that leads out of the folder is refused: an absolute one,
    one with "..", and a link to elsewhere.

    Args:
        root: The folder or the archive.

    Raises:
        DataError: The archive is damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._source = _Archive(root) if root.is_file() else _Folder(root)

    def status(self, name: str) -> Status:
        """Whether a file can be read, by what its folder or archive says of it.

        Raises:
            DataError: The name leads out of the folder.
        """
        size = self._source.size(inside(name, self.root))
        if size is None:
            return "missing"
        return "empty" if size == 0 else "huge" if size > LARGEST else "good"

    def open(self, name: str) -> IO[bytes]:
        """A file to read from.

        Raises:
            DataError: The name leads out of the folder.
            ValueError: It is missing, empty, huge, or may not be read; the message says so in a few words.
        """
        status = self.status(name)
        if status != "good":
            raise ValueError(_WHY[status])
        try:
            return self._source.open(inside(name, self.root))
        except DAMAGE as error:
            raise ValueError(_first_words(error)) from None

    def read(self, name: str) -> bytes:
        """All bytes of a file.

        Raises:
            DataError: The name leads out of the folder.
            ValueError: As `open`, or the archive is damaged there.
        """
        with self.open(name) as file:
            try:
                content = file.read(LARGEST + 1)
            except DAMAGE as error:
                raise ValueError(_first_words(error)) from None
        if len(content) > LARGEST:
            raise ValueError(_WHY["huge"])
        return content


def files_below(root: Path) -> Files:
    """The files of a folder or archive, opened once for all who ask.

    Raises:
        DataError: The archive is damaged.
    """
    about = root.stat() if root.is_file() else None
    return _opened(root.absolute(), about.st_mtime_ns if about else 0)


@lru_cache(maxsize=8)
def _opened(root: Path, _changed: int) -> Files:
    return Files(root)


def inside(name: str, root: Path) -> str:
    """The name with slashes between its parts.

    Raises:
        DataError: It is absolute or has "..".
    """
    tidy = _tidy(name)
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in tidy.split("/"):
        raise _leads_out(name, root)
    return tidy


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._real = os.path.realpath(root)
        self._checked: set[str] = set()

    def size(self, name: str) -> int | None:
        path = os.path.join(self._root, name)
        try:
            self._check(os.path.dirname(path), name)
            about = os.lstat(path)
            if stat.S_ISLNK(about.st_mode):
                self._check(path, name)
                about = os.stat(path)
        except (OSError, ValueError):  # ValueError: a name with a NUL byte
            return None
        return about.st_size if stat.S_ISREG(about.st_mode) else None

    def open(self, name: str) -> IO[bytes]:
        return open(os.path.join(self._root, name), "rb")

    def _check(self, path: str, name: str) -> None:
        """Refuse a path that links out of the folder."""
        if path in self._checked:
            return
        real = os.path.realpath(path)
        if os.path.commonpath([real, self._real]) != self._real:
            raise _leads_out(name, self._root)
        self._checked.add(path)


class _Archive:
    def __init__(self, root: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(root)
        except DAMAGE as error:
            raise DataError(f"{root} is a damaged zip archive: {_first_words(error)}", "copy it again") from None
        self._members = {_tidy(info.filename): info for info in self._zip.infolist() if not info.is_dir()}

    def size(self, name: str) -> int | None:
        info = self._members.get(name)
        return None if info is None else info.file_size

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(self._members[name])


def _tidy(name: str) -> str:
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _leads_out(name: str, root: Path) -> DataError:
    return DataError(
        f"{name!r} leads out of {root}: only files below it are read",
        "name files relative to the table, and put the table into the folder that holds them",
    )


def _first_words(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:100]
