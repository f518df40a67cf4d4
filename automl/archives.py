"""Zip archives that may be damaged: what reading one can raise."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

DAMAGE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,  # a password is asked for; with NotImplementedError: a way to compress that is not known
    KeyError,  # no member of that name
    ValueError,  # an offset below zero, a name that is no text
)
"""What opening an archive, or reading one of its members, raises where a byte of it is not what was written."""
