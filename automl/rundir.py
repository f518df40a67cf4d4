"""The run folder: atomic writes, one owner at a time, a journal, and DONE written last."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from automl.errors import DataError, UsageError

T = TypeVar("T")

PROFILE, PLAN, SETTINGS, TRIALS = "profile.json", "plan.json", "settings.json", "trials.jsonl"
EVENTS, OUTCOME, REPORT, MODEL, DONE = "events.jsonl", "outcome.json", "report.json", "model.automl", "DONE"
_LOCK = ".lock"
# Seconds; clocks are set right now and then.
_SAME_START = 2.0


class RunDir:
    """One run's folder.

    Attributes:
        path: The folder.
        work: Encoded data and fitted models of the run in progress; gone when the run is done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"

    @classmethod
    def check(cls, path: Path, *, overwrite: bool = False) -> None:
        """Refuse a folder that can't be made, before any work is done.

        Raises:
            UsageError: It exists and is not to be overwritten, or is no run folder at all.
            DataError: It can't be written.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if not overwrite:
                raise UsageError(f"{path} is there already", "try: --overwrite, or another --output")
            if not (path / SETTINGS).exists():
                raise UsageError(f"{path} is not a run folder, so it is not overwritten", "try: another --output")
        above = next(p for p in (path, *path.absolute().parents) if p.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise DataError(f"can't write {path}: no permission to write in {above}", "try: another --output")

    @classmethod
    def create(cls, path: Path, *, overwrite: bool = False) -> RunDir:
        """A new folder, or an emptied one.

        Raises:
            UsageError: As `check`, or another process is working in it.
            DataError: It can't be written.
        """
        cls.check(path, overwrite=overwrite)
        if (path / SETTINGS).exists():
            with cls(path).owned():
                pass
            shutil.rmtree(path)
        run = cls(path)
        try:
            (run.work / "fits").mkdir(parents=True)
            (path / "oof").mkdir(exist_ok=True)
        except OSError as error:
            raise DataError(f"can't write {path}: {error.strerror}", "try: another --output") from error
        return run

    @property
    def is_done(self) -> bool:
        """Whether the run came to its end."""
        return (self.path / DONE).exists()

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            UsageError: Another live process holds it.
        """
        lock = self.path / _LOCK
        try:
            descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            owner = _holder(lock)
            if owner is not None:
                raise UsageError(
                    f"process {owner} is working in {self.path}", "try: wait for it, or another --output"
                ) from None
            lock.unlink()
            descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(descriptor, f"{os.getpid()} {_born(os.getpid())}".encode())
        os.close(descriptor)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)

    def write(self, name: str, record: Any) -> None:
        """Write a record as JSON, by rename, so that no reader sees half of it."""
        self.write_bytes(name, msgspec.json.format(msgspec.json.encode(record), indent=1))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file by rename."""
        target = self.path / name
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(data)
        partial.replace(target)

    def read(self, name: str, kind: type[T]) -> T:
        """A record written by `write`.

        Raises:
            DataError: The file is missing or is not of that kind.
        """
        try:
            return msgspec.json.decode((self.path / name).read_bytes(), type=kind)
        except FileNotFoundError:
            raise DataError(f"{self.path} has no {name}: not a run folder, or one that ended too early") from None
        except msgspec.DecodeError as error:
            raise DataError(f"{self.path / name} is damaged: {error}") from error

    def append(self, name: str, record: Any) -> None:
        """Add a record to a journal and see it on disk before going on."""
        with (self.path / name).open("ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def journal(self, name: str, kind: type[T]) -> list[T]:
        """The records of a journal, to go on with: a last line that a kill cut short is dropped from the file.

        Raises:
            DataError: Another line is no such record.
        """
        path = self.path / name
        if not path.exists():
            return []
        *lines, rest = path.read_bytes().split(b"\n")
        if rest:
            os.truncate(path, path.stat().st_size - len(rest))
        records = []
        for number, line in enumerate(lines, start=1):
            try:
                records.append(msgspec.json.decode(line, type=kind))
            except msgspec.DecodeError as error:
                raise DataError(f"{path} is damaged in line {number}: {error}", "try: fit it again") from error
        return records

    def finish(self) -> None:
        """Drop the work files and write DONE."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.write_bytes(DONE, b"")


def find_runs(root: Path) -> list[RunDir]:
    """Run folders right below a folder, oldest first."""
    found = [p for p in root.iterdir() if (p / SETTINGS).exists()] if root.is_dir() else []
    return [RunDir(path) for path in sorted(found, key=lambda p: (p / SETTINGS).stat().st_mtime)]


def _holder(lock: Path) -> int | None:
    """The live process that holds a lock; None where it is gone, though its number may have been given out anew."""
    number, _, born = lock.read_text().partition(" ")
    try:
        is_alive = abs(_born(int(number)) - float(born)) < _SAME_START
    except ValueError:
        return None
    return int(number) if is_alive else None


def _born(process: int) -> float:
    """Seconds since the epoch at which a process began; -inf where there is none, or what is left of a killed one."""
    import psutil

    try:
        found = psutil.Process(process)
        is_dead = found.status() == psutil.STATUS_ZOMBIE
        return float("-inf") if is_dead else float(found.create_time())
    except psutil.NoSuchProcess:
        return float("-inf")
