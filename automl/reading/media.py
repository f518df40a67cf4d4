"""Images and sounds before they are decoded: what the first bytes say they are, and how large."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import IO, Any, Literal, TypeAlias

import numpy as np

from automl.reading.files import Files
from automl.table import Column

MediaKind: TypeAlias = Literal["image", "audio"]

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"))
AUDIO_SUFFIXES = frozenset((".wav", ".flac", ".ogg", ".mp3"))
N_HEADERS = 200
"""Files of a column whose headers are read."""

_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_SOUNDS = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")
_RIFF: dict[bytes, MediaKind] = {b"WEBP": "image", b"WAVE": "audio"}
_MOST_PIXELS = 100_000_000
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000
_MOST_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size in pixels as the image is to be seen, and whether it has no colours."""

    height: int
    width: int
    is_grey: bool


@dataclass(frozen=True, slots=True)
class SoundHeader:
    """Length in seconds, and samples a second."""

    seconds: float
    rate: int


def kind_of_bytes(head: bytes) -> MediaKind | None:
    """What a file is by its first 12 bytes; None where it is neither an image nor a sound."""
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head.startswith(_IMAGES):
        return "image"
    return "audio" if head.startswith(_SOUNDS) else None


def some_names(column: Column, limit: int = N_HEADERS) -> list[str]:
    """At most so many of the names in a column, evenly spread over its rows."""
    names = column.as_text().drop_nulls()
    places = np.unique(np.linspace(0, max(0, len(names) - 1), min(limit, len(names))).astype(np.intp))
    return [str(name) for name in names.gather(places).to_list()]


def read_headers(
    names: Sequence[str], files: Files, kind: str
) -> tuple[list[ImageHeader | SoundHeader], dict[str, str]]:
    """Headers of those files that can be read, and why the others cannot, by their names.

    Raises:
        DataError: A name leads out of the folder.
    """
    headers: list[ImageHeader | SoundHeader] = []
    problems: dict[str, str] = {}
    for name in names:
        try:
            with files.open(name) as file:
                headers.append(image_header(file) if kind == "image" else sound_header(file))
        except ValueError as error:
            problems[name] = str(error)
    return headers, problems


def image_header(file: IO[bytes]) -> ImageHeader:
    """The size of an image, not decoded.

    Raises:
        ValueError: It is none, or has over 100 megapixels; the message says so in a few words.
    """
    image = open_image(file)
    height, width = image.height, image.width
    if orientation_of(image) >= 5:
        height, width = width, height
    return ImageHeader(height, width, image.mode != "LAB" and image.mode[:1] in ("1", "L", "I", "F"))


def orientation_of(image: Any) -> int:
    """How a camera was held: 1 upright; 2 to 4 turned or mirrored, 5 to 8 on a side (Exif 2.3, tag 274)."""
    try:
        told = image.getexif().get(274, 1)
    except Exception:  # whatever is wrong with the tags, the image may be sound
        return 1
    return told if told in range(1, 9) else 1


def open_image(file: IO[bytes]) -> Any:
    """An image (of Pillow's) that is not decoded yet.

    Raises:
        ValueError: As `image_header`.
    """
    from PIL import Image, UnidentifiedImageError

    _quieten()
    try:
        image = Image.open(file)
    except UnidentifiedImageError:
        raise ValueError("no image") from None
    except Image.DecompressionBombError:
        raise ValueError("larger than 100 megapixels") from None
    except Exception as error:
        # each format has errors of its own
        raise ValueError(f"damaged: {error}"[:100]) from None
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError("larger than 100 megapixels")
    return image


@cache
def _quieten() -> None:
    """What Pillow warns of (odd tags, large images) is either harmless or refused here."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def sound_header(file: IO[bytes]) -> SoundHeader:
    """Length and rate of a sound, not decoded.

    Raises:
        ValueError: It is none, or of a rate that no sound has; the message says so in a few words.
    """
    with open_sound(file) as sound:
        return SoundHeader(sound.frames / sound.samplerate, int(sound.samplerate))


def open_sound(file: IO[bytes]) -> Any:
    """A sound (of soundfile's) that is not decoded yet.

    Raises:
        ValueError: As `sound_header`.
    """
    import soundfile

    try:
        sound = soundfile.SoundFile(file)
    except Exception as error:
        # soundfile's own errors, and those of the file it reads from
        raise ValueError(f"no sound: {getattr(error, 'error_string', error)}"[:100]) from None
    if not _LOWEST_RATE <= sound.samplerate <= _HIGHEST_RATE or sound.channels > _MOST_CHANNELS:
        raise ValueError(f"{sound.channels} channels of {sound.samplerate:,} samples a second")
    return sound
