"""Images and sounds for tests, made of numbers."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

RATE = 8000


def image_bytes(pixels: np.ndarray | Image.Image, form: str = "PNG", **more: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def picture(shade: int, size: int = 20, seed: int = 0) -> bytes:
    """A grey picture, lighter the larger the shade (0 to 9)."""
    noise = np.random.default_rng(seed).integers(0, 20, (size, size))
    return image_bytes((noise + 20 * shade).astype(np.uint8))


def tone(hertz: float, seconds: float = 0.5, rate: int = RATE, form: str = "WAV", channels: int = 1) -> bytes:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return sound_bytes(np.repeat(wave[:, None], channels, axis=1), rate, form)


def sound_bytes(samples: np.ndarray, rate: int = RATE, form: str = "WAV", **more: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, **more)
    return buffer.getvalue()


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
