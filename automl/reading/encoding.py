"""Encodings: which one a file is in, and its text as UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from automl.errors import DataError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_LETTERS = re.compile(rb"[A-Za-z]")
_HIGH = re.compile(rb"[\x80-\xff]")
_LEGACY = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "cp866"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp850", "mac_roman"),
)
"""Encodings that files still come in; rarer ones are mistaken for each other in short texts."""

_FALLBACK = "automl-windows-1252"


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(bytes([b]).decode("cp1252", "replace") for b in wrong), error.end


codecs.register_error(_FALLBACK, _as_windows_1252)


def detect_encoding(head: bytes) -> str:
    """The encoding of a file by its first bytes.

    A byte-order mark decides; then UTF-16 by its zeros; then UTF-8 if it is valid; else Windows-1252 where
    non-ASCII letters are rare (Western text), else what charset-normalizer finds.
    """
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    wide = _utf_16_without_mark(head)
    if wide:
        return wide
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    n_wrong = text.count("\ufffd")
    if n_wrong == 0 or sum(c > "\x7f" for c in text[: 1 << 20]) > 3 * n_wrong:
        return "utf-8"
    return _legacy(head)


class Decoder:
    """Chunks in any encoding as chunks of UTF-8, counting what had to be repaired.

    Attributes:
        n_repaired: Stretches that were not valid in the encoding.
        first_repaired: Line of the first of them, from 1; 0 if none.
    """

    def __init__(self, encoding: str, name: str) -> None:
        self.encoding = encoding
        self.n_repaired = 0
        self.first_repaired = 0
        self._name = name
        self._n_lines = 0

    def decode(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks as UTF-8 without a byte-order mark.

        Raises:
            DataError: There are zero bytes: this is no text.
        """
        decoded = self._utf_8(chunks) if self.encoding in ("utf-8", "utf-8-sig") else self._other(chunks)
        for chunk in decoded:
            if b"\0" in chunk:
                raise self._zero_byte(chunk)
            self._n_lines += chunk.count(b"\n")
            yield chunk

    def _utf_8(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        held, first = b"", True
        for chunk in chunks:
            data = held + chunk
            if first:
                data, first = data.removeprefix(codecs.BOM_UTF8), False
            if data.isascii():
                held = b""
                yield data
                continue
            try:
                decoder.reset()
                decoder.decode(data)
                held = decoder.getstate()[0]
                yield data[: len(data) - len(held)]
            except UnicodeDecodeError as error:
                held = data[-3:] if _is_open(data) else b""
                yield self._repaired(data[: len(data) - len(held)], error.start)
        if held:
            yield self._repaired(held, 0)

    def _repaired(self, data: bytes, start: int) -> bytes:
        text = data.decode("utf-8", _FALLBACK)
        self.first_repaired = self.first_repaired or self._n_lines + data.count(b"\n", 0, start) + 1
        self.n_repaired += data.decode("utf-8", "replace").count("\ufffd")
        return text.encode()

    def _other(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for chunk in chunks:
            text = decoder.decode(chunk)
            yield self._counted(text)
        yield self._counted(decoder.decode(b"", final=True))

    def _counted(self, text: str) -> bytes:
        n_wrong = text.count("\ufffd")
        if n_wrong and not self.first_repaired:
            self.first_repaired = self._n_lines + text.count("\n", 0, text.index("\ufffd")) + 1
        self.n_repaired += n_wrong
        return text.encode("utf-8", "replace")

    def _zero_byte(self, chunk: bytes) -> DataError:
        line = self._n_lines + chunk.count(b"\n", 0, chunk.index(b"\0")) + 1
        return DataError(
            f"{self._name} holds a NUL byte on line {line:,}: it is damaged or no text file",
            f"to drop the NUL bytes:    tr -d '\\000' < {self._name} > mended.csv",
        )


def _is_open(data: bytes) -> bool:
    """Whether the data ends inside what may be a UTF-8 character."""
    tail = data[-3:]
    for i, byte in enumerate(reversed(tail), start=1):
        if byte >= 0xC0:
            return i < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
        if byte < 0x80:
            return False
    return False


def _utf_16_without_mark(head: bytes) -> str:
    sample = head[: 1 << 16]
    if b"\0" not in sample or len(sample) < 4:
        return ""
    half = len(sample) // 2
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    if even > 0.4 and odd < 0.05:
        return "utf-16-be"
    return ""


def _legacy(head: bytes) -> str:
    n_high = len(_HIGH.findall(head))
    if not _UNDEFINED_IN_1252.search(head) and n_high < 0.25 * (n_high + len(_LETTERS.findall(head))):
        return "cp1252"
    from charset_normalizer import from_bytes

    lines = b"\n".join(line for line in head.splitlines() if not line.isascii())
    best = from_bytes(lines[: 1 << 16], cp_isolation=list(_LEGACY)).best()
    return best.encoding if best is not None and best.encoding != "ascii" else "cp1252"
