"""Where the bytes come from: a file or stdin, decompressed, with the errors a person can act on."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Protocol

from automl.errors import DataError

CHUNK = 1 << 20
"""Bytes read at a time."""

_MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_SUFFIX_OF = {".gz": "gz", ".gzip": "gz", ".zst": "zst", ".zstd": "zst", ".bz2": "bz2", ".xz": "xz"}


class Source:
    """A file or stdin, whose decompressed bytes can be streamed.

    Args:
        path: The file; "-" for stdin.
        again: Whether the bytes must be readable more than once; stdin is then kept in a temporary file.

    Attributes:
        name: As the user gave it.
        compression: gz, zst, bz2 or xz by the first bytes; empty if none.
        head_bytes: The first decompressed bytes.
    """

    def __init__(self, path: str | Path, *, again: bool = True) -> None:
        self.name = "stdin" if str(path) == "-" else str(path)
        self.path = None if str(path) == "-" else Path(path)
        self._stdin: IO[bytes] | None = None
        if self.path is None:
            self._stdin = _spooled(sys.stdin.buffer) if again else sys.stdin.buffer
        else:
            _check(self.path)
        self._once: Iterator[bytes] | None = None
        raw = self._raw()
        head = next(raw, b"")
        if self._stdin is not None and not again:
            self._once = chain([head], raw)
        self.compression = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
        self._check_content(head)
        if not self.compression:
            self.head_bytes = head
        elif self._once is None:
            self.head_bytes = next(self.chunks(), b"")
        else:
            self.head_bytes, rest = peek(_decompressed(self._once, self.compression, self.name), 1 << 16, lines=0)
            self._once = chain([self.head_bytes], rest)
        if not self.head_bytes:
            raise self.error(f"is an empty file in a {self.compression} file", "there is nothing to read")

    @property
    def suffix(self) -> str:
        """The suffix in small letters, a compression's suffix taken off; empty for stdin."""
        suffixes = [s.lower() for s in self.path.suffixes] if self.path else []
        while suffixes and suffixes[-1] in _SUFFIX_OF:
            suffixes.pop()
        return suffixes[-1] if suffixes else ""

    def chunks(self) -> Iterator[bytes]:
        """The decompressed bytes from the start, a piece at a time.

        Raises:
            DataError: The compressed file is damaged or ends early.
        """
        if self._once is not None:
            return self._once
        return _decompressed(self._raw(), self.compression, self.name) if self.compression else self._raw()

    @property
    def size(self) -> int:
        """Bytes of the file as it lies on disk; of the first bytes for stdin."""
        return self.path.stat().st_size if self.path else len(self.head_bytes)

    def content(self) -> bytes:
        """All of the decompressed bytes."""
        return b"".join(self.chunks())

    def error(self, problem: str, *hints: str) -> DataError:
        """An error about this file."""
        return DataError(f"{self.name} {problem}", *hints)

    def _raw(self) -> Iterator[bytes]:
        if self._stdin is None:
            return _pieces_of_file(Path(self.name))
        if self._stdin.seekable() and self._stdin is not sys.stdin.buffer:
            self._stdin.seek(0)
        return _pieces(self._stdin)

    def _check_content(self, head: bytes) -> None:
        if not head:
            what = "nothing came on stdin" if self.path is None else f"{self.name} is empty (0 bytes)"
            raise DataError(what, "a table needs a header line and at least one row")
        claimed = _SUFFIX_OF.get(self.path.suffix.lower()) if self.path else None
        if claimed and not self.compression:
            raise self.error(f"is no {claimed} file: it starts with {head[:8]!r}", "rename it if it is not compressed")


def peek(chunks: Iterator[bytes], size: int, lines: int = 3, limit: int = 64 << 20) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes (at least `size` and some lines, at most `limit`, or all), and the chunks after them."""
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if len(head) >= limit or (len(head) >= size and head.count(b"\n") + head.count(b"\r") >= lines):
            break
    return bytes(head), chunks


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _decompressor(kind: str) -> Callable[[], _Decompressor]:
    if kind == "gz":
        import zlib

        return lambda: zlib.decompressobj(wbits=31)
    if kind == "bz2":
        import bz2

        return bz2.BZ2Decompressor
    if kind == "xz":
        import lzma

        return lzma.LZMADecompressor
    import zstandard

    make: Any = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj
    return make  # type: ignore[no-any-return]


def _decompressed(raw: Iterable[bytes], kind: str, name: str) -> Iterator[bytes]:
    make = _decompressor(kind)
    stream, n_bytes = make(), 0
    hint = "copy or download it again, or check it with: " + ("zstd -t" if kind == "zst" else "gzip -t") + f" {name}"
    for piece in raw:
        for start in range(0, len(piece), 1 << 16):
            data = piece[start : start + (1 << 16)]
            while data:
                if stream.eof:
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    stream = make()
                try:
                    out = stream.decompress(data)
                except Exception as error:
                    # each codec has an error class of its own, and zstandard's may not be imported here
                    raise DataError(f"{name} is a damaged {kind} file after {n_bytes:,} bytes: {error}", hint) from None
                n_bytes += len(out)
                if out:
                    yield out
                data = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise DataError(f"{name} is a damaged {kind} file: it ends early, after {n_bytes:,} bytes of content", hint)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece


def _pieces_of_file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from _pieces(file)
    except PermissionError:
        raise DataError(f"{path} may not be read: permission denied", f"try:    chmod u+r {path}") from None
    except OSError as error:
        raise DataError(f"{path} could not be read: {error.strerror}") from None


def _spooled(stdin: IO[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the source
    for piece in _pieces(stdin):
        file.write(piece)
    file.seek(0)
    return file


def _check(path: Path) -> None:
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:
        raise DataError(f"{path} could not be read: {error.strerror}") from None
    if is_folder:
        raise DataError(f"{path} is a folder, not a table", "give the table's file here", *_near_names(path, ""))
    if not exists:
        raise DataError(f"no file {str(path)!r}", *_near_names(path.parent, path.name))
    if not path.is_file() and not path.is_fifo():
        raise DataError(f"{path} is not a file")


def _near_names(folder: Path, name: str) -> list[str]:
    from difflib import get_close_matches

    if not folder.is_dir():
        return [f"there is no folder {str(folder)!r} either"] if name else []
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return []
    lower = {each.lower(): each for each in names}
    near = [lower[n] for n in get_close_matches(name.lower(), list(lower), n=3, cutoff=0.5)] if name else names[:5]
    if near:
        return [("nearest: " if name else "it holds: ") + ", ".join(str(folder / each) for each in near)]
    return []


class ChunkReader(io.RawIOBase):
    """Chunks of bytes as a file, for readers that want one."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer from the next chunk."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        n_bytes = min(len(buffer), len(self._rest))
        buffer[:n_bytes] = self._rest[:n_bytes]
        self._rest = self._rest[n_bytes:]
        return n_bytes


def text_of(chunks: Iterator[bytes]) -> io.TextIOWrapper:
    """UTF-8 chunks as lines of text, line ends kept."""
    return io.TextIOWrapper(io.BufferedReader(ChunkReader(chunks), CHUNK), encoding="utf-8", newline="")
