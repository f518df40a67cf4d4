"""Columns that name images and sounds: the files become blocks, and numbers that sum them up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.encoding.columns import Columns, Encoded, Encoding, Spaces
from automl.encoding.values import Missing, read_texts
from automl.errors import DataError
from automl.features import Block
from automl.hardware import count_cores
from automl.modalities.audio import decode_sound, sound_features, sound_names
from automl.modalities.image import decode_image, image_features, image_names
from automl.reading.files import files_below
from automl.table import Column

Decode: TypeAlias = Callable[[bytes], NDArray[Any]]

_FILES_A_TASK = 16


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the files of a column hold.

    Attributes:
        values: The block, (n_rows, ...); all zero in a row whose value is missing or whose file cannot be read.
        bad: (n_rows,) rows whose file cannot be read.
        reasons: Why not, by row.
    """

    values: NDArray[Any]
    bad: NDArray[np.bool_]
    reasons: dict[int, str]


class ImageEncoding(Encoding, frozen=True, tag="image", kw_only=True):
    """Images as pixels of one size, and what sums them up.

    Attributes:
        height, width: In pixels.
        channels: 1 for grey, 3 for red, green and blue.
    """

    missing: Missing = Missing()
    height: int
    width: int
    channels: int

    @property
    def wanted(self) -> str:
        """What a value should name."""
        return "an image that can be read"

    @property
    def num_names(self) -> tuple[str, ...]:
        """Gradients, colours and pixels."""
        return tuple(f"{self.column}: {name}" for name in image_names(self.channels))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The pixels."""
        return (Block(column=self.column, kind="image", shape=(self.height, self.width, self.channels)),)

    def decode(self, column: Column) -> Decoded:
        """(n_rows, height, width, channels) uint8."""

        def decode(content: bytes) -> NDArray[Any]:
            return decode_image(content, self.height, self.width, self.channels)

        return decode_files(column, self.missing, np.empty((0, *self.blocks[0].shape), np.uint8), decode)

    def features_of(self, values: NDArray[Any], absent: NDArray[np.bool_]) -> Encoded:
        """Block and numbers of decoded images; the numbers are missing where `absent`, (n_rows,)."""
        return _summed_up(values, image_features(values), absent)

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """Decode, and sum up."""
        return _encoded(self, columns[self.column])


class AudioEncoding(Encoding, frozen=True, tag="audio", kw_only=True):
    """Sounds as log-mel spectrograms, and what sums them up.

    Attributes:
        rate: Samples a second.
        n_frames: 10 ms each.
        n_bands: Of tones.
    """

    missing: Missing = Missing()
    rate: int
    n_frames: int
    n_bands: int

    @property
    def wanted(self) -> str:
        """What a value should name."""
        return "a sound that can be read"

    @property
    def num_names(self) -> tuple[str, ...]:
        """Levels of tones, cepstrum, length and loudness."""
        return tuple(f"{self.column}: {name}" for name in sound_names(self.rate, self.n_bands))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The spectrogram."""
        return (Block(column=self.column, kind="audio", shape=(self.n_frames, self.n_bands)),)

    def decode(self, column: Column) -> Decoded:
        """(n_rows, n_frames, n_bands) float16."""

        def decode(content: bytes) -> NDArray[Any]:
            return decode_sound(content, self.rate, self.n_frames, self.n_bands)

        return decode_files(column, self.missing, np.empty((0, *self.blocks[0].shape), np.float16), decode)

    def features_of(self, values: NDArray[Any], absent: NDArray[np.bool_]) -> Encoded:
        """Block and numbers of decoded sounds; the numbers are missing where `absent`, (n_rows,)."""
        return _summed_up(values, sound_features(values, self.rate), absent)

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """Decode, and sum up."""
        return _encoded(self, columns[self.column])


MediaEncoding: TypeAlias = ImageEncoding | AudioEncoding


def absent_rows(missing: Missing, column: Column) -> NDArray[np.bool_]:
    """(n_rows,) where a column names no file."""
    return read_texts(column, missing).missing


def _encoded(encoding: MediaEncoding, column: Column) -> Encoded:
    decoded = encoding.decode(column)
    done = encoding.features_of(decoded.values, absent_rows(encoding.missing, column) | decoded.bad)
    return Encoded(done.num, bad=decoded.bad, blocks=done.blocks, reasons=decoded.reasons)


def _summed_up(values: NDArray[Any], features: NDArray[np.float64], absent: NDArray[np.bool_]) -> Encoded:
    features[absent] = np.nan
    return Encoded(list(features.T), blocks=[values])


def decode_files(column: Column, missing: Missing, like: NDArray[Any], decode: Decode) -> Decoded:
    """The files of a column, each decoded once, side by side on all cores.

    Args:
        column: Names of files, below its root.
        missing: What stands for no file.
        like: (0, ...) of the shape and type of what `decode` returns.
        decode: Of the bytes of one file; raises ValueError where it cannot.

    Raises:
        DataError: A name leads out of the folder, or there is no folder.
    """
    if column.root is None:
        problem = f"column {column.name!r} names files, but the table is in memory and has no folder"
        raise DataError(problem, "write the table to a file beside them, and give its name")
    files = files_below(column.root)
    texts = read_texts(column, missing)
    names = texts.series.unique(maintain_order=True).drop_nulls().to_list()
    codes = texts.codes(names)
    _, first = np.unique(codes[codes >= 0], return_index=True)
    first = np.flatnonzero(codes >= 0)[first]
    values = np.zeros((len(codes), *like.shape[1:]), dtype=like.dtype)

    def read(chosen: range) -> dict[int, str]:
        problems = {}
        for i in chosen:
            try:
                values[first[i]] = decode(files.read(names[i]))
            except ValueError as error:
                problems[i] = str(error)
        return problems

    tasks = [range(start, min(start + _FILES_A_TASK, len(names))) for start in range(0, len(names), _FILES_A_TASK)]
    found = map(read, tasks) if len(tasks) < 2 else _pool().map(read, tasks)
    problems = {i: why for part in found for i, why in part.items()}
    again = np.flatnonzero(codes >= 0)
    again = again[first[codes[again]] != again]
    values[again] = values[first[codes[again]]]
    bad = np.isin(codes, list(problems))
    return Decoded(values, bad, {row: problems[int(codes[row])] for row in np.flatnonzero(bad).tolist()})


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads for all columns and batches: decoding leaves the interpreter to others."""
    return ThreadPoolExecutor(count_cores(), thread_name_prefix="decode")
