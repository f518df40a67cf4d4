"""How each column of a training table is encoded, from its profile and its values; the target is never looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from automl.encoding.blocks import image_shape, sound_rate, sound_shape
from automl.encoding.columns import (
    DAY,
    CategoryEncoding,
    Columns,
    DateEncoding,
    ItemsEncoding,
    NumberEncoding,
    OrdinalEncoding,
    Spaces,
    TextEncoding,
    WordsEncoding,
    first_number,
    split_items,
)
from automl.encoding.dates import varying_parts
from automl.encoding.kinds import ColumnEncoding
from automl.encoding.media import AudioEncoding, ImageEncoding, MediaEncoding
from automl.encoding.text import fit_text
from automl.encoding.values import Missing, level_counts, read_dates, read_numbers, read_texts
from automl.encoding.words import fit_lexicon
from automl.profile import ColumnProfile, Extent
from automl.table import Column

MOST_LEVELS = 10_000  # categories of a column that are told apart
_MANY_LEVELS = 50
_WORDY_LEVELS = 500
_FEW_CODES = 10
_MAX_ITEMS = 20
_MAX_GAPS = 3
_LEVEL_DIMS = 12
_LEVEL_CELLS = 8_000_000
TOPICS = 8  # of a text, whose words tell of the target by scores; more of them drown those in trees and nets
_SEPARATORS = (",", ";", "|")


def fit_number(column: Column, profile: ColumnProfile, strict: bool = True) -> NumberEncoding:
    """Moved and scaled only where float32 needs it.

    Args:
        column: Training values.
        profile: Of the column.
        strict: Whether values that are not numbers are to be refused; they are not where training had some.
    """
    missing = Missing.of(profile)
    values, bad = read_numbers(column, profile.number_format, missing)
    known = values[~np.isnan(values)]
    offset, scale = 0.0, 1.0
    if len(known):
        low, high = float(known.min()), float(known.max())
        largest = max(-low, high)
        spread = float((known / largest).std()) if low < high else 0.0
        offset = float(np.median(known)) if 1 > 1e4 * spread > 0 else 0.0
        reach = max(high - offset, offset - low)
        # float32 holds 1e-38 to 3e38; squares of the values are to fit as well
        scale = 2.0 ** -round(np.log2(reach)) if reach > 1e18 or 0 < reach < 1e-18 else 1.0
    strict = strict and not bad.any()
    return NumberEncoding(profile.name, missing, profile.number_format, offset, scale, strict)


def fit_ordinal(column: Column, profile: ColumnProfile) -> OrdinalEncoding:
    """In the order of the profile; the levels in the order of their text where it has none."""
    missing = Missing.of(profile)
    levels = profile.levels or tuple(sorted(level for level, _ in level_counts(column, missing, MOST_LEVELS)[0]))
    return OrdinalEncoding(profile.name, levels, missing)


def fit_category(column: Column, profile: ColumnProfile) -> CategoryEncoding:
    """At most 10,000 levels; where there are more than 50, levels of one row are left to "other" too."""
    missing = Missing.of(profile)
    counts, n_levels = level_counts(column, missing, MOST_LEVELS)
    if n_levels > _MANY_LEVELS:
        counts = [(level, count) for level, count in counts if count > 1]
    other = n_levels > len(counts)
    rows: tuple[float, ...] = ()
    if n_levels > _MANY_LEVELS:
        n_known = int((~read_texts(column, missing).missing).sum())
        rest = (n_known - sum(count for _, count in counts)) / max(1, n_levels - len(counts))
        rows = tuple(float(count) for _, count in counts) + ((rest,) if other else ())
    numeric = column.storage == "number"
    return CategoryEncoding(profile.name, tuple(level for level, _ in counts), missing, numeric, other, rows)


def fit_date(columns: Columns, profile: ColumnProfile, others: Sequence[ColumnProfile]) -> DateEncoding:
    """The parts that vary, and the days since the dates before it in the file where they vary."""
    missing = Missing.of(profile)
    seconds, bad = read_dates(columns[profile.name], profile.date_format, missing)
    known = seconds[~np.isnan(seconds)]
    origin = float(np.floor(np.median(known) / DAY)) if len(known) else 0.0
    since = []
    for other in others[-_MAX_GAPS:]:
        gap = seconds - read_dates(columns[other.name], other.date_format, Missing())[0]
        if np.unique(gap[~np.isnan(gap)]).size > 1:
            since.append((other.name, other.date_format))
    parts = varying_parts(seconds, origin)
    return DateEncoding(profile.name, parts, missing, profile.date_format, origin, tuple(since), not bad.any())


def fit_texts(column: Column, profile: ColumnProfile) -> tuple[list[ColumnEncoding], Spaces]:
    """What a column of strings gives beyond codes: a vector, counts, the first number, terms; words if it is text.

    Args:
        column: Training values.
        profile: Of the column.
    """
    missing = Missing.of(profile)
    texts = read_texts(column, missing)
    is_text = profile.kind == "text"
    n_known = int((~texts.missing).sum())
    space = fit_text(texts, TOPICS if is_text else _LEVEL_DIMS)
    number = first_number(texts)
    numbered = bool(np.isfinite(number).sum() >= 0.6 * n_known > 0 and np.unique(number[np.isfinite(number)]).size > 1)
    n_dims = space.n_dims if space else 0
    encodings: list[ColumnEncoding] = []
    if n_dims or is_text or numbered:
        encodings.append(TextEncoding(profile.name, missing, n_dims, is_text, numbered))
    lexicon, length = (fit_lexicon(texts) if is_text else fit_lexicon(texts, _LEVEL_CELLS)) or (None, 0)
    if lexicon:
        encodings.append(
            WordsEncoding(
                profile.name,
                missing=missing,
                length=length if is_text else 0,
                n_codes=lexicon.n_codes,
                n_terms=len(lexicon.word_terms),
                n_grams=len(lexicon.gram_terms),
            )
        )
    spaces = Spaces({profile.name: space} if space else {}, {profile.name: lexicon} if lexicon else {})
    return encodings, spaces


def fit_items(column: Column, profile: ColumnProfile) -> ItemsEncoding | None:
    """The frequent items of lists in text form; None where the strings are no lists.

    Lists are strings of which a fifth has the separator, whose items repeat (five times on average) and are short.
    """
    missing = Missing.of(profile)
    texts = read_texts(column, missing)
    n_known = int((~texts.missing).sum())
    for separator in _SEPARATORS:
        n_items, items = split_items(texts, separator)
        if not n_known or (n_items > 1).sum() < 0.2 * n_known:
            continue
        counts = items.counts(_MAX_ITEMS)
        repeats = n_items.sum() >= 5 * items.n_unique() and n_items.sum() > n_known
        frequent = tuple(i for i, count in counts if i and max(2, 0.005 * n_known) <= count < n_known)
        if repeats and frequent and float(np.mean([len(i) for i in frequent])) <= 30:
            return ItemsEncoding(profile.name, separator, frequent, missing)
    return None


def fit_media(profile: ColumnProfile) -> MediaEncoding:
    """Of the size of most images, or as long as most sounds; by the profile alone."""
    extent, missing = profile.extent or Extent(), Missing.of(profile)
    if profile.kind == "image":
        height, width, channels = image_shape(extent)
        return ImageEncoding(profile.name, missing=missing, height=height, width=width, channels=channels)
    n_frames, n_bands = sound_shape(extent)
    return AudioEncoding(profile.name, missing=missing, rate=sound_rate(extent), n_frames=n_frames, n_bands=n_bands)


def fit_column(
    columns: Columns, profile: ColumnProfile, dates: Sequence[ColumnProfile]
) -> tuple[list[ColumnEncoding], Spaces]:
    """The encodings of one column, and what was learned of its texts.

    Args:
        columns: Training values.
        profile: Of the column.
        dates: Date columns before it in the file.
    """
    column = columns[profile.name]
    if profile.kind == "number":
        return [fit_number(column, profile)], Spaces()
    if profile.kind in ("ordinal", "boolean"):
        return [fit_ordinal(column, profile)], Spaces()
    if profile.kind == "datetime":
        return [fit_date(columns, profile, dates)], Spaces()
    if profile.kind in ("image", "audio"):
        return [fit_media(profile)], Spaces()
    items = fit_items(column, profile) if column.storage == "string" else None
    encodings: list[ColumnEncoding] = [items] if items else []
    if profile.kind != "text":
        category = fit_category(column, profile)
        encodings.append(category)
        if profile.kind == "integer_code" and len(category.levels) > _FEW_CODES:
            encodings.append(fit_number(column, profile, strict=False))
    if profile.kind != "text" and not _has_words(column, profile):
        return encodings, Spaces()
    texts, spaces = fit_texts(column, profile)
    return encodings + texts, spaces


def _has_words(column: Column, profile: ColumnProfile) -> bool:
    """Whether the levels of a category are worth reading: many, and several words each on average, or very many."""
    if column.storage != "string":
        return False
    levels = read_texts(column, Missing.of(profile)).series.unique().drop_nulls()
    if len(levels) <= _MANY_LEVELS:
        return False
    return len(levels) > _WORDY_LEVELS or float(np.mean(levels.str.count_matches(r"\w+").to_numpy())) >= 1.5
