"""Texts, images and sounds as parts that are there or away: what explanations of their parts ask a model about.

A text without some of its words is the text with them taken out, each with the blank before it. A patch of an image
gives way to the median colour of the image's border, which is its background more often than any other colour is: a
plain background stays what it is, where a mean over the whole image would draw grey patches into it. A patch of a
spectrogram gives way to its least value, silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.attribution import PartKind
from automl.explainers.subject import Subject
from automl.features import Features

Presence = NDArray[np.bool_]
Ask = Callable[[Presence], NDArray[np.float64]]

# Words of a text, sides of an image's grid, (times, bands) of a sound's: first the finest.
_N_WORDS = (40, 20, 10)
_SIDES = (7, 5, 4)
_STRETCHES = ((8, 4), (6, 3), (4, 2))
N_LEVELS = 3
ROWS_A_CALL = 512
_CELLS_A_CALL = 2**25
_SENTENCES_FROM = 10  # words a part
_MAX_PIECE = 400
_RING = 16
# Kana and Chinese characters, which no blank divides into words.
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_OPENING = "([{<«“‘„£$€#@"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W{_SIGNS}]+(?:(?:['’.-]|,(?=\d))[^\W{_SIGNS}]+)*")
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"’”»)\]]*$")


@dataclass(frozen=True, slots=True)
class TextParts:
    """A text taken apart.

    Attributes:
        runs: (blank before it, text, part) of stretches of one part, in order.
        n_parts: Parts, which count from 0.
        end: Blank after the last.
    """

    runs: tuple[tuple[str, str, int], ...]
    n_parts: int
    end: str

    def without(self, presence: NDArray[np.bool_]) -> str:
        """The text of the parts that are there, (n_parts,)."""
        return "".join(blank + text for blank, text, part in self.runs if presence[part]).strip()

    def pieces(self) -> tuple[tuple[str, ...], tuple[bool, ...]]:
        """Stretches and the blanks between them as they are shown, and which are stretches."""
        pieces = [piece for blank, text, _ in self.runs for piece in ((blank, False), (text, True)) if piece[0]]
        pieces += [(self.end, False)] if self.end else []
        return tuple(_shortened(text) for text, _ in pieces), tuple(is_part for _, is_part in pieces)


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_PIECE else f"{text[: _MAX_PIECE // 2]} … {text[-_MAX_PIECE // 4 :]}"


def words_of(text: str) -> tuple[list[tuple[str, str]], str]:
    """(blank before it, word with its punctuation marks) of each word, and the blank at the end.

    Signs that stand alone, such as an emoji, are words of their own.
    """
    found: list[tuple[str, str]] = []
    last = 0
    for run in re.finditer(r"\S+", text):
        before = [run[0][: word.start()] for word in _WORD.finditer(run[0])][1:]
        starts = [run.start() + len(part.rstrip(_OPENING)) for part in before]
        blank = text[last : run.start()]
        for start, end in zip((run.start(), *starts), (*starts, run.end()), strict=True):
            found.append((blank, text[start:end]))
            blank = ""
        last = run.end()
    return found, text[last:]


def word_name(word: str) -> str:
    """The word in lower case without its punctuation marks."""
    found = _WORD.search(word)
    return (found[0] if found else word).lower()


def text_parts(text: str, most: int) -> TextParts:
    """A text in at most so many parts: its words, or neighbouring ones grouped evenly; sentences of very long texts."""
    words, end = words_of(text)
    if len(words) <= most:
        owners = list(range(len(words)))
    else:
        starts = np.linspace(0, len(words), most, endpoint=False).astype(np.int64)
        if len(words) > _SENTENCES_FROM * most:
            starts = _sentence_starts(words, starts)
        owners = (np.searchsorted(starts, np.arange(len(words)), side="right") - 1).tolist()
    return _joined(words, owners, end)


def _sentence_starts(words: Sequence[tuple[str, str]], even: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where parts begin with a sentence; evenly, where there are too few sentences for that."""
    ends = [_SENTENCE_END.search(word) is not None or "\n" in words[i + 1][0] for i, (_, word) in enumerate(words[:-1])]
    starts = np.flatnonzero([True, *ends])
    if len(starts) < len(even) // 2:
        return even
    return starts[np.linspace(0, len(starts), min(len(starts), len(even)), endpoint=False).astype(np.int64)]


def distinct_words(text: str, order: Callable[[str], float], most: int) -> tuple[TextParts, tuple[str, ...]]:
    """A text in its words, each a part in all its places; beyond `most`, the first by `order`, and the rest as one.

    Returns:
        The parts, and the names of those that are one word, the first of them.
    """
    words, end = words_of(text)
    names = list(dict.fromkeys(word_name(word) for _, word in words))
    if len(names) > most:
        names = sorted(names, key=order)[: most - 1]
    place = {name: i for i, name in enumerate(names)}
    return _joined(words, [place.get(word_name(word), len(names)) for _, word in words], end), tuple(names)


def _joined(words: Sequence[tuple[str, str]], owners: Sequence[int], end: str) -> TextParts:
    runs = []
    for owner, group in groupby(zip(words, owners, strict=True), key=lambda pair: pair[1]):
        run = [word for word, _ in group]
        runs.append((run[0][0], run[0][1] + "".join(blank + word for blank, word in run[1:]), owner))
    return TextParts(tuple(runs), max(owners, default=-1) + 1, end)


@dataclass(frozen=True, slots=True)
class PatchParts:
    """An image or a spectrogram in patches.

    Attributes:
        values: (height, width, channels), or (n_frames, n_bands).
        owner: (height, width) or (n_frames, n_bands) part of each pixel, row by row from the top left of the picture.
        grid: (n_rows, n_columns) of patches in the picture.
        fill: What stands in for a patch that is away: of the shape of a pixel.
    """

    values: NDArray[Any]
    owner: NDArray[np.int64]
    grid: tuple[int, int]
    fill: NDArray[Any]

    @property
    def n_parts(self) -> int:
        """Patches."""
        return self.grid[0] * self.grid[1]

    def without(self, presence: Presence) -> NDArray[Any]:
        """(n, *shape) of the values with the patches that are there, (n, n_parts), and `fill` elsewhere."""
        is_there = presence[:, self.owner]
        if self.values.ndim == 3:
            is_there = is_there[:, :, :, None]
        return np.where(is_there, self.values, self.fill)


def image_parts(image: NDArray[Any], side: int) -> PatchParts:
    """An image (height, width, channels) in side x side patches, fewer where it has fewer pixels."""
    height, width = image.shape[:2]
    n_rows, n_columns = min(side, height), min(side, width)
    down, right = np.arange(height) * n_rows // height, np.arange(width) * n_columns // width
    ring = max(1, round(min(height, width) / _RING))
    is_border = np.ones((height, width), dtype=np.bool_)
    is_border[ring : height - ring, ring : width - ring] = False
    fill = np.median(image[is_border], axis=0).astype(image.dtype)
    return PatchParts(image, down[:, None] * n_columns + right[None, :], (n_rows, n_columns), fill)


def sound_parts(spectrogram: NDArray[Any], n_times: int, n_bands: int) -> PatchParts:
    """A spectrogram (n_frames, n_bands) in patches of time and bands, high bands on top."""
    length, height = spectrogram.shape
    n_columns, n_rows = min(n_times, length), min(n_bands, height)
    right = np.arange(length) * n_columns // length
    down = n_rows - 1 - np.arange(height) * n_rows // height
    owner = down[None, :] * n_columns + right[:, None]
    return PatchParts(spectrogram, owner, (n_rows, n_columns), np.asarray(spectrogram.min()))


@dataclass(frozen=True, slots=True)
class Place:
    """A column of one sampled row, and the model that is asked about it with other values."""

    subject: Subject
    row: int
    column: str

    @property
    def kind(self) -> PartKind:
        """What its values are."""
        return self.subject.kinds[self.column]

    def text(self) -> str | None:
        """The value as text; None where it is missing."""
        profile = self.subject.profiles.get(self.column)
        column = self.subject.rows.take(slice(self.row, self.row + 1)).column(self.column)
        value = column.without(profile.missing_tokens if profile else ()).as_text()[0]
        return None if value is None else str(value)

    def parts(self, level: int) -> TextParts | PatchParts | None:
        """The value in parts, level 0 the finest of `N_LEVELS`; None where it is missing or empty."""
        text = self.text()
        if text is None:
            return None
        if self.kind == "text":
            return text_parts(text, _N_WORDS[level]) if text.strip() else None
        row = self.subject.rows.take(slice(self.row, self.row + 1))
        [value] = self.subject.shipped.decode(row, self.column)
        return image_parts(value, _SIDES[level]) if self.kind == "image" else sound_parts(value, *_STRETCHES[level])

    def ask(self, parts: TextParts | PatchParts) -> Ask:
        """What the model says of the row where some parts of the value are away."""
        before = self.subject.pool.features.take(self.subject.pool_rows[[self.row]])

        def answer(presence: Presence) -> NDArray[np.float64]:
            distinct, inverse = np.unique(presence, axis=0, return_inverse=True)
            step = ROWS_A_CALL
            if isinstance(parts, PatchParts):
                step = int(np.clip(_CELLS_A_CALL // parts.values.size, 8, ROWS_A_CALL))
            chunks = [distinct[i : i + step] for i in range(0, len(distinct), step)]
            answers = [self.subject.answers(_grafted(before, self._encoded(parts, c), self.column)) for c in chunks]
            return np.concatenate(answers)[inverse.reshape(-1)]

        return answer

    def _encoded(self, parts: TextParts | PatchParts, presence: Presence) -> Features:
        """The row with the value changed, once a row of `presence`; other texts and media are left out."""
        rows = self.subject.rows.take(np.full(len(presence), self.row))
        others = [name for name in self.subject.kinds if name != self.column]
        changed: dict[str, Any] = {name: rows.column(name).series.clear(len(presence)) for name in others}
        if isinstance(parts, TextParts):
            changed[self.column] = [parts.without(there) for there in presence]
            return self.subject.shipped.encode(rows.with_columns(changed))
        values = parts.without(presence)
        return self.subject.shipped.encode_decoded(rows.with_columns(changed), self.column, values)


def _grafted(before: Features, after: Features, column: str) -> Features:
    """Many rows that have the features of one column from `after`, all others from the one row `before`."""
    layout = before.layout
    if layout.columns == (column,):
        return after
    index = layout.columns.index(column)
    same = np.zeros(after.n_rows, dtype=np.intp)
    x = before.take(same)
    num = [i for i, source in enumerate(layout.num_sources) if source == index]
    cat = [i for i, source in enumerate(layout.cat_sources) if source == index]
    x.x_num[:, num], x.x_cat[:, cat] = after.x_num[:, num], after.x_cat[:, cat]
    pairs = zip(layout.blocks, x.blocks, after.blocks, strict=True)
    return replace(x, blocks=tuple(theirs if about.column == column else ours for about, ours, theirs in pairs))
