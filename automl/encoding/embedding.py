"""Columns read by a pretrained encoder: its frozen vectors, in fewer numbers, beside what else is made of a column."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.encoding.columns import Columns, Encoded, Encoding, Numbers, Spaces
from automl.encoding.media import Decoded, absent_rows, decode_files
from automl.encoding.projection import Projection, fit_projection
from automl.encoding.values import Missing, read_texts
from automl.modalities.image import decode_image
from automl.pretrained.cached import CachedEncoder
from automl.pretrained.reference import Reference, find
from automl.profile import ColumnProfile
from automl.table import Column

_MOST_FIT = 1024  # distinct values from which the directions are learned
_CHUNK = 256  # images in memory at a time
_FEWEST_TIMED, _MOST_TIMED, _TIMED_SECONDS = 8, 168, 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a column is to be read by, and the most numbers it is to become."""

    reference: Reference
    n_dims: int


class TextEmbedding(Encoding, frozen=True, tag="text_embedding", kw_only=True):
    """A text as the vector of a pretrained encoder, projected.

    Attributes:
        n_dims: Of the projection, which is kept under the column's name.
    """

    missing: Missing = Missing()
    reference: Reference
    n_dims: int

    @property
    def num_names(self) -> tuple[str, ...]:
        """A feature a direction."""
        return _names(self.column, self.n_dims)

    def encode(self, columns: Columns, spaces: Spaces) -> Encoded:
        """The features, computed once for each distinct text."""
        texts = read_texts(columns[self.column], self.missing)
        unique = texts.series.unique(maintain_order=True).drop_nulls().to_list()
        found = spaces.embeddings[self.column].encode(_embed(self.reference, unique)) if unique else _none(self.n_dims)
        return Encoded([np.append(values, np.nan)[texts.codes(unique)] for values in found.T])


class ImageEmbedding(Encoding, frozen=True, tag="image_embedding", kw_only=True):
    """An image as the vector of a pretrained encoder, projected. The whole image is scaled to what the encoder reads.

    Attributes:
        n_dims: Of the projection, which is kept under the column's name.
        height, width: Of what the encoder reads, in pixels.
    """

    missing: Missing = Missing()
    reference: Reference
    n_dims: int
    height: int
    width: int

    @property
    def wanted(self) -> str:
        """What a value should name."""
        return "an image that can be read"

    @property
    def num_names(self) -> tuple[str, ...]:
        """A feature a direction."""
        return _names(self.column, self.n_dims)

    def encode(self, columns: Columns, spaces: Spaces) -> Encoded:
        """Decode, embed and project, some at a time."""
        column = columns[self.column]
        return self._encoded(column, spaces.embeddings[self.column], None)

    def encode_changed(self, column: Column, spaces: Spaces, seen: NDArray[Any], shown: NDArray[Any]) -> Encoded:
        """The features where parts of the images are changed.

        Args:
            column: Names of the files.
            spaces: As for `encode`.
            seen: (n_rows, h, w, channels) the images in another, smaller size.
            shown: The same with some pixels changed; what lies below these is changed alike, the rest stays as sharp
                as it is.
        """
        return self._encoded(column, spaces.embeddings[self.column], (seen, shown))

    def decode(self, column: Column) -> Decoded:
        """(n_rows, height, width, 3) uint8."""
        return decode_pixels(column, self.missing, self.height, self.width)

    def _encoded(
        self, column: Column, projection: Projection, change: tuple[NDArray[Any], NDArray[Any]] | None
    ) -> Encoded:
        absent = absent_rows(self.missing, column)
        bad = np.zeros(len(absent), dtype=np.bool_)
        reasons: dict[int, str] = {}
        found = np.full((len(absent), self.n_dims), np.nan)
        for start in range(0, len(absent), _CHUNK):
            rows = slice(start, start + _CHUNK)
            decoded = self.decode(Column(column.series[rows], column.name, column.root))
            bad[rows] = decoded.bad
            reasons |= {start + row: why for row, why in decoded.reasons.items()}
            pixels = decoded.values
            if change is not None:
                pixels = _grafted(pixels, change[0][rows], change[1][rows])
            there = np.flatnonzero(~(absent[rows] | decoded.bad))
            if len(there):
                found[start + there] = projection.encode(_embed(self.reference, pixels[there]))
        return Encoded(list(found.T), bad=bad, reasons=reasons)


Embedding: TypeAlias = TextEmbedding | ImageEmbedding


def decode_pixels(column: Column, missing: Missing, height: int, width: int) -> Decoded:
    """(n_rows, height, width, 3) the images that a column names."""

    def decode(content: bytes) -> NDArray[np.uint8]:
        return decode_image(content, height, width, 3)

    return decode_files(column, missing, np.empty((0, height, width, 3), np.uint8), decode)


def fit_embedding(column: Column, profile: ColumnProfile, wanted: Wanted) -> tuple[Embedding, Projection] | None:
    """How a column is embedded, by a sample of its values; None where too few differ."""
    missing = Missing.of(profile)
    encoder = find(wanted.reference)
    values = _sample(column, missing, encoder, _MOST_FIT)
    projection = fit_projection(_embed(wanted.reference, values), wanted.n_dims) if len(values) else None
    if projection is None:
        return None
    told: dict[str, Any] = {"missing": missing, "reference": wanted.reference, "n_dims": projection.n_dims}
    if encoder.reads == "text":
        return TextEmbedding(profile.name, **told), projection
    return ImageEmbedding(profile.name, **told, height=encoder.height, width=encoder.width), projection


def measure_seconds(column: Column, profile: ColumnProfile, reference: Reference) -> float:
    """Seconds that reading a whole column will take here, from those that some of its values take.

    More and more of them are read until that takes a moment: of many texts more go together.
    """
    encoder = find(reference)
    values = _sample(column, Missing.of(profile), encoder, _MOST_TIMED)
    if len(values) < 2:
        return 0.0
    _embed(reference, values[:1])  # loads the encoder
    start, n, seconds = 1, _FEWEST_TIMED, 0.0
    while seconds < _TIMED_SECONDS and start < len(values):
        begun = time.perf_counter()
        _embed(reference, values[start : start + n])
        seconds, n_timed = time.perf_counter() - begun, len(values[start : start + n])
        start, n = start + n, 4 * n
    return seconds / n_timed * column.n_unique()


def _sample(column: Column, missing: Missing, encoder: CachedEncoder, most: int) -> list[str] | NDArray[np.uint8]:
    """Some distinct texts, or images of the encoder's size, evenly spaced over the rows."""
    distinct = read_texts(column, missing).series.unique(maintain_order=True).drop_nulls()
    some = distinct.gather_every(max(1, -(-len(distinct) // most)))
    if encoder.reads == "text":
        return some.to_list()
    decoded = decode_pixels(Column(some, column.name, column.root), Missing(), encoder.height, encoder.width)
    return np.asarray(decoded.values[~decoded.bad])


def _embed(reference: Reference, values: list[str] | NDArray[Any]) -> NDArray[np.float32]:
    """(n_rows, d) vectors of at least one text or image."""
    from automl.nets.pretrained import open_embedder

    return open_embedder(reference).embed(values)


def _grafted(pixels: NDArray[np.uint8], seen: NDArray[Any], shown: NDArray[Any]) -> NDArray[np.uint8]:
    """The images with those pixels changed that lie below changed pixels of smaller copies."""
    (height, width), (h, w) = pixels.shape[1:3], seen.shape[1:3]
    down, right = np.arange(height) * h // height, np.arange(width) * w // width
    changed = (seen != shown).any(axis=3, keepdims=True)
    at = np.ix_(np.arange(len(pixels)), down, right)
    return np.where(changed[at], shown[at], pixels).astype(np.uint8)


def _names(column: str, n_dims: int) -> tuple[str, ...]:
    return tuple(f"{column}: meaning {i + 1}" for i in range(n_dims))


def _none(n_dims: int) -> Numbers:
    return np.empty((0, n_dims))
