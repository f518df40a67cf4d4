"""Zip archives that may be damaged: what reading one can raise."""

from __future__ import annotations

import struct
import zipfile
import zlib

try:
    from lzma import LZMAError
except ImportError:  # a Python that was built without it, which reads no member that needs it
    _OF_LZMA: tuple[type[Exception], ...] = ()
else:
    _OF_LZMA = (LZMAError,)

DAMAGE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    *_OF_LZMA,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,  # a password is asked for; with NotImplementedError: a way to compress that is not known
    KeyError,  # no member of that name
    ValueError,  # an offset below zero, a name that is no text
)
"""What opening an archive, or reading one of its members, raises where a byte of it is not what was written."""
