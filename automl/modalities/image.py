"""Images: decoded to pixels of one size, and summed up in numbers for models that read no pixels.

All numbers of an image are made of sums of whole numbers, which are exact in any order, so that an image gives the
same bits alone and among others.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.reading.media import open_image, orientation_of

_CELLS = 4  # a side of the grid of gradients and colours
_FINE = 8  # a side of the grid of pixels
_ANGLES = 9
_STEP = 180 // _ANGLES
_UNIT = 16  # whole votes of a gradient of one grey level
_TENT = (1, 3, 3, 1)  # fine cells in a cell and half of its neighbours, weighted by the distance from its middle
_MOST = 0.2
_BINS = 8
_CHUNK = 1 << 16  # pixels at a time, which stay in the caches of a core
_LUMA = (299, 587, 114)  # thousandths (ITU-R BT.601)
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def decode_image(content: bytes, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """An image file as pixels of one size, upright, on white where it is transparent.

    Args:
        content: Of a png, jpeg, bmp, gif (the first picture), webp or tiff file.
        height: Of the result; the whole image is scaled to it.
        width: Likewise.
        channels: 1 for grey, 3 for red, green and blue.

    Returns:
        (height, width, channels).

    Raises:
        ValueError: It cannot be decoded; the message says why in a few words.
    """
    from PIL import Image

    image = open_image(io.BytesIO(content))
    turn = orientation_of(image)
    size = (width, height) if turn < 5 else (height, width)
    try:
        image.draft("L" if channels == 1 else "RGB", (2 * max(size), 2 * max(size)))  # of a jpeg, fewer pixels
        image = _plain(image)
        if image.size != size:
            image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", size, "white"), image)
        image = image.convert("L" if channels == 1 else "RGB")
        if turn in _UPRIGHT:
            image = image.transpose(Image.Transpose[_UPRIGHT[turn]])
    except Exception as error:
        # each format has errors of its own
        raise ValueError(f"damaged: {error}"[:100]) from None
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)


def _plain(image: Any) -> Any:
    """The image in a mode that can be scaled: L, RGB or RGBA."""
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(image), is_16_bit=image.mode != "F" and image.format == "PNG"))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _eight_bits(values: NDArray[Any], *, is_16_bit: bool) -> NDArray[np.uint8]:
    """Grey values of more than 8 bits as 0 to 255.

    Args:
        values: (height, width) whole numbers or numbers.
        is_16_bit: Whether white is 65,535; else it is 1, 255 or 65,535, the least that no value exceeds, or the
            largest value.
    """
    known = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    top = float(known.max(initial=0.0))
    whites = [1.0, 255.0, 65535.0] if values.dtype.kind == "f" else [255.0, 65535.0]
    if is_16_bit or (values.dtype.kind, values.dtype.itemsize) == ("u", 2):
        whites = [65535.0]
    white = next((white for white in whites if top <= white), top)
    return np.round(np.clip(known / white, 0, 1) * 255).astype(np.uint8)


def image_names(channels: int) -> tuple[str, ...]:
    """What the numbers of `image_features` are; rows and columns of a grid count from 1, from the top left."""
    cells = [f"r{i + 1} c{j + 1}" for i in range(_CELLS) for j in range(_CELLS)]
    colours = ("brightness",) if channels == 1 else ("red", "green", "blue")
    names = [f"hog {cell} {_STEP * k}°" for cell in cells for k in range(_ANGLES)]
    names += [f"mean {colour} {cell}" for cell in cells for colour in colours]
    names += [f"contrast {cell}" for cell in cells]
    names += [f"pixel r{i + 1} c{j + 1}" for i in range(_FINE) for j in range(_FINE)]
    width = 256 // _BINS
    return (*names, *(f"share of {c} {b * width}–{(b + 1) * width - 1}" for c in colours for b in range(_BINS)))


def image_features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Numbers that sum images up.

    Gradients and their directions on a grid of 4 by 4, mean colour and contrast on the same grid, brightness on a grid
    of 8 by 8, and how often each colour value occurs.

    Args:
        images: (n_rows, height, width, channels).

    Returns:
        (n_rows, n_features), in the order of `image_names`.
    """
    n_rows = max(1, _CHUNK // images[0, :, :, 0].size) if len(images) else 1
    parts = [_features(images[start : start + n_rows]) for start in range(0, len(images), n_rows)]
    return np.concatenate(parts) if parts else np.zeros((0, len(image_names(images.shape[3]))))


def _features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    n_rows, height, width, channels = images.shape
    wide = images.astype(np.int64)
    grey = wide[..., 0] if channels == 1 else (wide * np.array(_LUMA)).sum(axis=3) // 1000
    area = _areas(height, width, _CELLS)
    means = _sums(wide, _CELLS) / area[:, :, None]
    total, squares = _sums(grey[..., None], _CELLS)[..., 0], _sums(grey[..., None] ** 2, _CELLS)[..., 0]
    contrast = np.sqrt(area * squares - total * total) / area
    pixels = _sums(grey[..., None], _FINE)[..., 0] / _areas(height, width, _FINE)
    place = (np.arange(n_rows)[:, None, None, None] * channels + np.arange(channels)) * _BINS
    shares = np.bincount((place + wide * _BINS // 256).ravel(), minlength=n_rows * channels * _BINS) / (height * width)
    parts = (hog(grey), means, contrast, pixels, shares)
    return np.concatenate([part.reshape(n_rows, -1) for part in parts], axis=1)


def hog(grey: NDArray[np.int64]) -> NDArray[np.float64]:
    """Histograms of oriented gradients.

    Gradients vote for the two nearest of 9 directions (without sign), and for the nearest cells of a grid of 4 by 4;
    a cell is scaled by each of the blocks of 2 by 2 cells that it belongs to, cut at 0.2, and averaged over them
    (Dalal & Triggs 2005, doi:10.1109/CVPR.2005.177; they keep each block, the average is that of Felzenszwalb et al.
    2010, doi:10.1109/TPAMI.2009.167, a quarter of the numbers).

    Args:
        grey: (n_rows, height, width) of 0 to 255.

    Returns:
        (n_rows, 4, 4, 9); a vertical edge is in direction 0.
    """
    n_rows, height, width = grey.shape
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    dx, dy = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    direction, here, there = (table[(dx + 255) * 511 + dy + 255] for table in _votes())
    cell = (np.arange(height) * _FINE // height)[:, None] * _FINE + np.arange(width) * _FINE // width
    place = (np.arange(n_rows)[:, None, None] * _FINE**2 + cell) * _ANGLES
    size = n_rows * _FINE**2 * _ANGLES
    votes = np.bincount((place + direction).ravel(), here.ravel(), size)
    votes += np.bincount((place + (direction + 1) % _ANGLES).ravel(), there.ravel(), size)
    fine = np.pad(votes.reshape(n_rows, _FINE, _FINE, _ANGLES), ((0, 0), (1, 1), (1, 1), (0, 0)))
    cells = np.zeros((n_rows, _CELLS, _CELLS, _ANGLES))
    for i, down in enumerate(_TENT):
        for j, across in enumerate(_TENT):
            cells += down * across * fine[:, i : i + 2 * _CELLS : 2, j : j + 2 * _CELLS : 2]
    return _normed(cells / (_UNIT * height * width))


@cache
def _votes() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """For each gradient (dx + 255) * 511 + dy + 255: a direction, and the whole votes for it and for the next one."""
    dx, dy = np.meshgrid(np.arange(-255, 256), np.arange(-255, 256), indexing="ij")
    turn = np.degrees(np.arctan2(dy, dx)) % 180 / _STEP
    below = np.floor(turn)
    strength = _UNIT * np.hypot(dx, dy)
    there = np.round(strength * (turn - below)).astype(np.int64)
    here = np.round(strength).astype(np.int64) - there
    return (below.astype(np.int64) % _ANGLES).ravel(), here.ravel(), there.ravel()


def _normed(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_rows, 4, 4, 9) cells in units of their blocks, cut, and averaged over the blocks."""
    energy = np.zeros(cells.shape[:3])
    for k in range(_ANGLES):
        energy += cells[..., k] ** 2
    blocks = energy[:, :-1, :-1] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, 1:, 1:]
    length = np.sqrt(blocks + 1.0)[..., None]  # a mean gradient of 1 grey level is noise
    total, n_blocks = np.zeros_like(cells), np.zeros((_CELLS, _CELLS, 1))
    last = _CELLS - 1
    for i in (0, 1):
        for j in (0, 1):
            total[:, i : i + last, j : j + last] += np.minimum(cells[:, i : i + last, j : j + last] / length, _MOST)
            n_blocks[i : i + last, j : j + last] += 1
    return total / n_blocks


def _sums(values: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """(n_rows, n, n, channels) sums over the cells of a grid, of (n_rows, height, width, channels) whole numbers."""
    starts = [np.arange(n) * size // n for size in values.shape[1:3]]
    return np.add.reduceat(np.add.reduceat(values, starts[0], axis=1), starts[1], axis=2)


def _areas(height: int, width: int, n: int) -> NDArray[np.int64]:
    """(n, n) pixels in each cell of a grid."""
    sides = [np.diff(np.arange(n) * size // n, append=size) for size in (height, width)]
    return sides[0][:, None] * sides[1]
