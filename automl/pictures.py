"""Small pictures for reports, as PNG (ISO/IEC 15948) in base64, written with the standard library alone."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

LONGEST = 160
_SOUND = (80, 160)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture_of_image(image: NDArray[Any]) -> tuple[str, tuple[int, int]]:
    """A picture of (height, width, channels) uint8 in one or three channels, and its (width, height) in pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    small = resized(image.astype(np.float64), max(1, round(height * scale)), max(1, round(width * scale)))
    return _written(np.clip(np.rint(small), 0, 255).astype(np.uint8))


def picture_of_sound(spectrogram: NDArray[Any]) -> tuple[str, tuple[int, int]]:
    """A grey picture of (n_frames, n_bands), time to the right, low bands below; its (width, height) in pixels."""
    upright = np.nan_to_num(spectrogram.astype(np.float64)).T[::-1]
    low, high = float(upright.min()), float(upright.max())
    grey = (upright - low) / ((high - low) or 1.0) * 255
    return _written(np.rint(resized(grey[:, :, None], *_SOUND)).astype(np.uint8))


def resized(pixels: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """(height, width, channels) pixels: means of areas where they are fewer, repeated where they are more."""
    for axis, n_after in enumerate((height, width)):
        n_before = pixels.shape[axis]
        edges = np.arange(n_after) * n_before // n_after
        counts = np.maximum(np.diff(np.append(edges, n_before)), 1)
        shape = [1, 1, 1]
        shape[axis] = n_after
        # Where an edge repeats, reduceat gives the pixel itself.
        pixels = np.add.reduceat(pixels, edges, axis=axis) / counts.reshape(shape)
    return pixels


def _written(pixels: Bytes) -> tuple[str, tuple[int, int]]:
    """(height, width, 1 or 3) as PNG in base64, and (width, height)."""
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    data = min((zlib.compress(lines, 9) for lines in _filtered(pixels)), key=len)
    png = _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return base64.b64encode(png).decode("ascii"), (width, height)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered(pixels: Bytes) -> tuple[bytes, bytes]:
    """The lines as they are, and as differences from what the pixels around predict (Paeth), which suits photos."""
    height, width, channels = pixels.shape
    around = np.zeros((height + 1, width + 1, channels), dtype=np.int16)
    around[1:, 1:] = pixels
    left, above, corner = around[1:, :-1], around[:-1, 1:], around[:-1, :-1]
    guess = left + above - corner
    off = np.abs(guess - np.stack([left, above, corner]))
    nearest = np.where((off[0] <= off[1]) & (off[0] <= off[2]), left, np.where(off[1] <= off[2], above, corner))
    return _lines(0, pixels), _lines(4, (pixels.astype(np.int16) - nearest).astype(np.uint8))


def _lines(kind: int, values: Bytes) -> bytes:
    height = len(values)
    return np.concatenate([np.full((height, 1), kind, np.uint8), values.reshape(height, -1)], axis=1).tobytes()
