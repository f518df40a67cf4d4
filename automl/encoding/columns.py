"""One record a way to encode a column: what was fitted of it, and how its values become numbers and codes.

Every record has `encode`, which takes the columns of a table and what was learned of texts. A column may have several
records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.encoding.dates import date_part
from automl.encoding.projection import Projection
from automl.encoding.text import TextSpace
from automl.encoding.values import Missing, read_codes, read_dates, read_numbers, read_texts
from automl.encoding.words import Lexicon
from automl.features import Block
from automl.profile import NumberFormat
from automl.table import Column

Numbers: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int32]
Columns: TypeAlias = Mapping[str, Column]

DAY = 86_400.0
_FALSE = ("false", "no", "0", "n", "f", "off")
_TRUE = ("true", "yes", "1", "y", "t", "on")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Features of one column: (n_rows,) numbers and codes each, and blocks.

    Attributes:
        bad: (n_rows,) rows whose value could not be read; None where any value can be.
        reasons: Why not, by row, where more is known than that it is not what it should be.
    """

    num: list[Numbers] = field(default_factory=list)
    cat: list[Codes] = field(default_factory=list)
    bad: NDArray[np.bool_] | None = None
    blocks: list[Any] = field(default_factory=list)
    reasons: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spaces:
    """What was learned by column: the space of texts, their words, and directions of a pretrained encoder's vectors."""

    texts: Mapping[str, TextSpace] = field(default_factory=dict)
    lexicons: Mapping[str, Lexicon] = field(default_factory=dict)
    embeddings: Mapping[str, Projection] = field(default_factory=dict)


class Encoding(msgspec.Struct, frozen=True):
    """A way to encode one column."""

    column: str

    @property
    def wanted(self) -> str:
        """What a value should be."""
        return "a number"

    @property
    def num_names(self) -> tuple[str, ...]:
        """Names of numeric features."""
        return ()

    @property
    def n_levels(self) -> tuple[int, ...]:
        """Levels of each categorical feature."""
        return ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Blocks beside them."""
        return ()


class NumberEncoding(Encoding, frozen=True, tag="number"):
    """A number.

    Attributes:
        how: How strings become numbers.
        offset: Taken off, so that float32 tells the values apart; 0 for most columns.
        scale: Multiplied by then, where float32 could not hold the values; 1 for nearly all columns.
        strict: Whether a value that is not a number is refused; else it is missing.
    """

    missing: Missing = Missing()
    how: NumberFormat | None = None
    offset: float = 0.0
    scale: float = 1.0
    strict: bool = True

    @property
    def num_names(self) -> tuple[str, ...]:
        """One feature."""
        return (self.column,)

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """The number, moved and scaled."""
        values, bad = read_numbers(columns[self.column], self.how, self.missing)
        return Encoded([self.moved(values)], bad=bad if self.strict else None)

    def moved(self, values: Numbers) -> Numbers:
        """(n_rows,) values without the offset, scaled."""
        return values if self.offset == 0 and self.scale == 1 else (values - self.offset) * self.scale


class OrdinalEncoding(Encoding, frozen=True, tag="ordinal"):
    """Place in the order of the levels, from 0; a boolean is the case of two levels. Other values are missing.

    Attributes:
        levels: In order. Two that spell no and yes also stand for the other spellings of no and yes.
    """

    levels: tuple[str, ...]
    missing: Missing = Missing()

    @property
    def num_names(self) -> tuple[str, ...]:
        """One feature."""
        return (self.column,)

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """The place."""
        texts = read_texts(columns[self.column], self.missing)
        place = {level: float(i) for i, level in enumerate(self.levels)}
        if len(self.levels) == 2 and self.levels[0].lower() in _FALSE and self.levels[1].lower() in _TRUE:
            place = dict.fromkeys(_FALSE, 0.0) | dict.fromkeys(_TRUE, 1.0)
            texts = Column(texts.series.str.to_lowercase())
        return Encoded([np.append(list(place.values()), np.nan)[np.maximum(texts.codes(list(place)), -1)]])


class CategoryEncoding(Encoding, frozen=True, tag="category"):
    """Codes of the training levels, most frequent first.

    Attributes:
        numeric: Whether the levels are numbers.
        other: Whether rarer levels were left out; they and unseen ones then share one more code.
        counts: Rows of each level in training, of "other" last: the base of a numeric feature, log(1 + rows); empty
            where there are few levels.
    """

    levels: tuple[str, ...]
    missing: Missing = Missing()
    numeric: bool = False
    other: bool = False
    counts: tuple[float, ...] = ()

    @property
    def num_names(self) -> tuple[str, ...]:
        """The frequency, where there are many levels."""
        return (f"{self.column}: frequency",) if self.counts else ()

    @property
    def n_levels(self) -> tuple[int, ...]:
        """One categorical feature."""
        return (len(self.levels) + self.other,)

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """The code, and the frequency."""
        codes = read_codes(columns[self.column], self.levels, self.numeric, self.missing)
        if self.other:
            codes = np.where(codes == -2, np.int32(len(self.levels)), codes)
        if not self.counts:
            return Encoded(cat=[codes])
        frequency = np.log1p(np.append(self.counts, [0.0, np.nan]))  # at -2 unseen, at -1 missing
        return Encoded([frequency[codes]], [codes])


class DateEncoding(Encoding, frozen=True, tag="date"):
    """Parts of a date, and the days since other dates of the row.

    Attributes:
        origin: Days since 1970 from which days are counted.
        since: (column, format) of the other dates.
        strict: Whether a value that is not a date is refused; else it is missing.
    """

    parts: tuple[str, ...]
    missing: Missing = Missing()
    how: str | None = None
    origin: float = 0.0
    since: tuple[tuple[str, str | None], ...] = ()
    strict: bool = True

    @property
    def wanted(self) -> str:
        """What a value should be."""
        return "a date"

    @property
    def num_names(self) -> tuple[str, ...]:
        """A feature a part, and one a gap."""
        gaps = [f"days since {other}" for other, _ in self.since]
        return tuple(f"{self.column}: {part}" for part in (*self.parts, *gaps))

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """The parts, then the gaps."""
        seconds, bad = read_dates(columns[self.column], self.how, self.missing)
        num = [date_part(seconds, part, self.origin) for part in self.parts]
        for other, how in self.since:
            num.append((seconds - read_dates(columns[other], how, Missing())[0]) / DAY)
        return Encoded(num, bad=bad if self.strict else None)


class TextEncoding(Encoding, frozen=True, tag="text"):
    """A text as a vector and counts.

    Attributes:
        n_dims: Of the vector; its space is kept under the column's name.
        counts: Whether there are features for the length, the words and the shares of digits and capitals.
        number: Whether there is one for the first number in the text.
    """

    missing: Missing = Missing()
    n_dims: int = 0
    counts: bool = True
    number: bool = False

    @property
    def num_names(self) -> tuple[str, ...]:
        """The vector, then the counts, then the number."""
        names = [f"topic {i + 1}" for i in range(self.n_dims)]
        names += ["characters", "words", "share of digits", "share of capitals"] if self.counts else []
        return tuple(f"{self.column}: {name}" for name in (*names, *(["first number"] if self.number else [])))

    def encode(self, columns: Columns, spaces: Spaces) -> Encoded:
        """The features."""
        texts, place = _once(read_texts(columns[self.column], self.missing))
        features = self._features(texts, spaces)
        return Encoded(features if place is None else [values[place] for values in features])

    def _features(self, texts: Column, spaces: Spaces) -> list[Numbers]:
        num = list(spaces.texts[self.column].encode(texts).T) if self.n_dims else []
        if self.counts:
            n_characters = texts.lengths()
            shares = [_matches(texts, p) / np.maximum(n_characters, 1) for p in (r"\d", r"\p{Lu}")]
            num += [np.log1p(n_characters), np.log1p(count_words(texts)), *shares]
        if self.number:
            num.append(first_number(texts))
        return num


class WordsEncoding(Encoding, frozen=True, tag="words", kw_only=True):
    """A text as its words in order, and as weighted terms.

    Attributes:
        length: Words that are read in order; 0 where only terms are, as of the levels of a category.
        n_codes: Codes of words.
        n_terms, n_grams: Words and pairs of words, and runs of characters, that count.
    """

    missing: Missing = Missing()
    length: int
    n_codes: int
    n_terms: int
    n_grams: int

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Words, then terms, then runs of characters."""
        words = Block(column=self.column, kind="words", shape=(self.length,), n_codes=self.n_codes)
        return (
            *((words,) if self.length else ()),
            Block(column=self.column, kind="terms", shape=(self.n_terms,)),
            Block(column=self.column, kind="grams", shape=(self.n_grams,)),
        )

    def encode(self, columns: Columns, spaces: Spaces) -> Encoded:
        """Nothing but the blocks."""
        texts, place = _once(read_texts(columns[self.column], self.missing))
        codes, *terms = spaces.lexicons[self.column].encode(texts, self.length)
        blocks = [codes, *terms] if self.length else terms
        return Encoded(blocks=blocks if place is None else [block[place] for block in blocks])


def _once(texts: Column) -> tuple[Column, Codes | None]:
    """Each distinct text and a missing one last, with the place of each row's; where few repeat all, and no places."""
    if texts.is_few:
        return texts, None
    unique = texts.series.unique(maintain_order=True).drop_nulls()
    if len(unique) > len(texts.series) // 2:
        return texts, None
    return Column(unique.extend_constant(None, 1)), texts.codes(unique.to_list())


class ItemsEncoding(Encoding, frozen=True, tag="items"):
    """Which of the frequent items a list such as "Drama, Romance" has, and how many items."""

    separator: str
    items: tuple[str, ...]
    missing: Missing = Missing()

    @property
    def num_names(self) -> tuple[str, ...]:
        """A feature an item, then the count."""
        return (*(f"{self.column}: {item}" for item in self.items), f"{self.column}: items")

    def encode(self, columns: Columns, _spaces: Spaces) -> Encoded:
        """0 or 1 an item; all missing where the list is."""
        texts = read_texts(columns[self.column], self.missing)
        n_items, parts = split_items(texts, self.separator)
        row = np.repeat(np.arange(len(n_items)), n_items)
        codes = parts.codes(self.items)
        has = np.zeros((len(n_items), len(self.items)))
        has[row[codes >= 0], codes[codes >= 0]] = 1
        has[texts.missing] = np.nan
        return Encoded([*has.T, np.where(texts.missing, np.nan, n_items)])


def split_items(texts: Column, separator: str) -> tuple[NDArray[np.intp], Column]:
    """(n_rows,) items in each list, 0 where it is missing, and all items one after the other."""
    lists = texts.series.drop_nulls().str.split(separator)
    n_items = np.zeros(len(texts.series), dtype=np.intp)
    n_items[~texts.missing] = lists.list.len().to_numpy()
    return n_items, Column(lists.explode().str.strip_chars())


def first_number(texts: Column) -> Numbers:
    """(n_rows,) the first number in each text, NaN without one."""
    return Column(texts.series.str.extract(r"(\d+(?:\.\d+)?)", 1)).numbers()


def count_words(texts: Column) -> Numbers:
    """(n_rows,) runs of letters and digits in each text, NaN where it is missing."""
    return _matches(texts, r"\w+")


def _matches(texts: Column, pattern: str) -> Numbers:
    return np.asarray(texts.series.str.count_matches(pattern).to_numpy(), dtype=np.float64)
