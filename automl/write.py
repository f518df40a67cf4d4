"""Columns to csv, parquet or JSON lines: streamed in batches, and under the final name only when whole."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, TypeAlias, cast

import polars as pl

from automl.errors import UsageError
from automl.table import Table

Form: TypeAlias = Literal["csv", "parquet", "jsonl"]

_FORMS: dict[str, Form] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class Writer:
    """A file of rows that comes to be under its own name only if nothing went wrong.

    Use it as a context manager. Rows go to a file beside the final one, which takes its name at the end and is
    removed if there was an error.

    Args:
        path: Where to; None for csv on stdout. `.gz` after csv and jsonl compresses.
        names: The columns, in order.

    Raises:
        UsageError: The suffix is of no known format, or the folder cannot be written to.
    """

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self.path = path
        self._names = list(names)
        self._gz = path is not None and path.suffix.lower() == ".gz"
        self._suffix = Path(path.stem).suffix.lower() if path and self._gz else path.suffix.lower() if path else ".csv"
        self._form = _form(path, self._suffix, self._gz)
        self._in_place = path is None or (path.exists() and not path.is_file())
        self._parts: list[Path] = []
        self._folder: Path | None = None
        self._file: IO[bytes] | None = None
        self._raw: IO[bytes] | None = None
        self._n_batches = 0

    def __enter__(self) -> Self:
        if self.path is None:
            self._file = sys.stdout.buffer
            return self
        if self._in_place:
            self._file = self._compressing(self.path.open("wb"))
            return self
        parent = self.path.parent
        if not parent.is_dir():
            raise UsageError(f"no folder {str(parent)!r} to write {self.path.name} to", f"try:    mkdir -p {parent}")
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=parent))
        except OSError as error:
            raise UsageError(f"{parent} cannot be written to: {error.strerror}", "choose another with -o") from None
        if self._form != "parquet":
            self._file = self._compressing((self._folder / "rows").open("wb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._n_batches and self._form != "jsonl":
                self.write({name: pl.Series(name, [], pl.String) for name in self._names})
            self._close()
            if kind is None and self._folder is not None and self.path is not None:
                _join(self._parts, self._folder / "rows")
                (self._folder / "rows").replace(self.path)
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, columns: Mapping[str, Any]) -> None:
        """Append a batch of rows.

        Args:
            columns: An array, list or polars series a column, all of one length; NaN is written as missing.
        """
        frame = Table.from_columns({name: columns[name] for name in self._names}).frame
        frame = frame.with_columns(pl.col(pl.Float64, pl.Float32).fill_nan(None))
        self._append(frame)
        self._n_batches += 1

    def _append(self, frame: pl.DataFrame) -> None:
        if self._form == "parquet":
            assert self._folder is not None
            part = self._folder / f"{len(self._parts):06}.arrow"
            frame.write_ipc(part)
            self._parts.append(part)
            return
        assert self._file is not None, "the writer is used as a context manager"
        if self._form == "csv":
            separator = "\t" if self._suffix == ".tsv" else ","
            frame.write_csv(self._file, include_header=not self._n_batches, separator=separator)
        else:
            frame.write_ndjson(self._file)

    def _close(self) -> None:
        if self._file is None:
            return
        self._file.flush()
        if self.path is not None:
            self._file.close()
            if self._raw is not None:
                self._raw.close()

    def _compressing(self, file: IO[bytes]) -> IO[bytes]:
        if not self._gz:
            return file
        import gzip

        self._raw = file
        # no time and no name in the header: the same rows make the same file
        return cast(IO[bytes], gzip.GzipFile("", "wb", 6, file, mtime=0))


def open_writer(path: str | Path | None, names: Sequence[str]) -> Writer:
    """A writer for csv, parquet or JSON lines, by the suffix; csv on stdout for None and "-"."""
    return Writer(None if path is None or str(path) == "-" else Path(path), names)


def _form(path: Path | None, suffix: str, gz: bool) -> Form:
    form = _FORMS.get(suffix)
    if form is None or (gz and form == "parquet"):
        raise UsageError(
            f"{path} has a suffix of no format that can be written", "known: .csv, .tsv, .jsonl, .parquet, and .csv.gz"
        )
    if path is not None and path.is_dir():
        raise UsageError(f"{path} is a folder", f"name a file in it:    -o {path / 'predictions.csv'}")
    return form


def _join(parts: Sequence[Path], target: Path) -> None:
    """One parquet file of many parts, in bounded memory; nothing without parts."""
    if not parts:
        return
    pl.concat([pl.scan_ipc(part) for part in parts], how="vertical_relaxed").sink_parquet(target, maintain_order=True)
