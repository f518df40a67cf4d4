"""Small learnable images, sounds and texts, for conformance suites."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.features import Block
from automl.profile import ColumnProfile, Extent

Medium: TypeAlias = Literal["image", "audio", "text"]
Blocks: TypeAlias = tuple[tuple[Block, ...], tuple[Any, ...]]
MEDIA: tuple[Medium, ...] = ("image", "audio", "text")

_SIDE, _SQUARE = 12, 4  # pixels
_N_FRAMES, _N_BANDS = 32, 24
_N_WORDS, _N_TELLING = 12, 8
_EXTENTS: dict[Medium, Extent] = {
    "image": Extent(height=_SIDE, width=_SIDE, channels=1),
    "audio": Extent(seconds=_N_FRAMES / 100, rate=8000),
    "text": Extent(words=float(_N_WORDS)),
}


def medium_column(medium: Medium, name: str) -> ColumnProfile:
    """The profile of a column of images, sounds or texts such as `medium_blocks` makes."""
    return ColumnProfile(
        name=name, kind=medium, confidence=1.0, evidence="made so", storage="string", extent=_EXTENTS[medium]
    )


def medium_blocks(medium: Medium, column: str, place: NDArray[np.float64], rng: np.random.Generator) -> Blocks:
    """Images, sounds or texts that tell a number each.

    Args:
        medium: A square stands the more to the right, a tone rises the more steeply, or there are the more words of one
            kind, the larger the number.
        column: Name of the column.
        place: (n_rows,) the numbers, 0 to 1; NaN where the value is missing.

    Returns:
        The blocks and their arrays, zero where the value is missing.
    """
    make = {"image": _images, "audio": _sounds, "text": _texts}[medium]
    return make(column, place, rng)


def _images(column: str, place: NDArray[np.float64], rng: np.random.Generator) -> Blocks:
    images = rng.integers(1, 60, (len(place), _SIDE, _SIDE, 1))
    for image, share in zip(images, place, strict=True):
        top = rng.integers(0, _SIDE - _SQUARE + 1)
        left = round(np.nan_to_num(share) * (_SIDE - _SQUARE))
        image[top : top + _SQUARE, left : left + _SQUARE] = 250
    images[np.isnan(place)] = 0
    return (Block(column=column, kind="image", shape=(_SIDE, _SIDE, 1)),), (images.astype(np.uint8),)


def _sounds(column: str, place: NDArray[np.float64], rng: np.random.Generator) -> Blocks:
    sounds = rng.uniform(0.0, 2.0, (len(place), _N_FRAMES, _N_BANDS))
    frames = np.arange(_N_FRAMES)
    for sound, share in zip(sounds, place, strict=True):
        rise = (2 * np.nan_to_num(share) - 1) * _N_BANDS / 2
        band = _N_BANDS / 2 + rise * (frames / (_N_FRAMES - 1) - 0.5)
        sound[frames, np.clip(np.round(band), 0, _N_BANDS - 1).astype(int)] += 6
    sounds[np.isnan(place)] = 0
    return (Block(column=column, kind="audio", shape=(_N_FRAMES, _N_BANDS)),), (sounds.astype(np.float16),)


def _texts(column: str, place: NDArray[np.float64], rng: np.random.Generator) -> Blocks:
    from automl.encoding.words import fit_lexicon
    from automl.table import Table

    texts: list[str | None] = []
    for share in place:
        n_good = rng.binomial(_N_TELLING, np.nan_to_num(share))
        words = [f"good{i}" for i in rng.integers(0, 5, n_good)]
        words += [f"poor{i}" for i in rng.integers(0, 5, _N_TELLING - n_good)]
        words += [f"other{i}" for i in rng.integers(0, 20, _N_WORDS - _N_TELLING)]
        texts.append(None if np.isnan(share) else " ".join(rng.permutation(words)))
    values = Table.from_columns({column: texts}).column(column)
    lexicon, length = fit_lexicon(values) or (None, 0)
    if lexicon is None:
        raise ValueError("in so few texts no word repeats")
    codes, terms, grams = lexicon.encode(values, length)
    blocks = (
        Block(column=column, kind="words", shape=codes.shape[1:], n_codes=lexicon.n_codes),
        Block(column=column, kind="terms", shape=terms.shape[1:]),
        Block(column=column, kind="grams", shape=grams.shape[1:]),
    )
    return blocks, (codes, terms, grams)
