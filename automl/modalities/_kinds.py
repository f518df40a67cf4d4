"""What the values of a column mean: number, code, category, scale, yes or no, date, text, id or file names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automl.modalities._dates import date_format
from automl.modalities._media import kind_of_files
from automl.modalities._missing import clear_tokens, doubtful_tokens, sentinels
from automl.modalities._numbers import number_format, read_as
from automl.modalities._scales import boolean_levels, ordered_levels
from automl.modalities._values import Runs, Words
from automl.profile import ColumnKind, NumberFormat, words_of
from automl.table import Column

ID_WORDS = frozenset(
    words_of("id ids uuid guid key index idx identifier rowid rownum rownumber serial no nr num number")
)
_CODE_WORDS = frozenset(
    words_of(
        "code cd type state region district county category class method sector dept department zone status cluster "
        "race sex gender origin country city station store shop branch location position"
    )
)
_POSTAL_WORDS = frozenset(words_of("zip zipcode postal postcode plz"))
_TIME_WORDS = frozenset(words_of("timestamp epoch unixtime unix ts time date datetime created updated modified"))
_ORDER_WORDS = frozenset(words_of("year yr rank day month week hour age time date"))
_MEDIA = re.compile(r"(?i)[^\n]+\.(png|jpe?g|gif|bmp|webp|tiff?|wav|mp3|flac|ogg|m4a|mp4|npy|dcm|pdf)")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}")
_LIST = re.compile(r"[^,;|]+(?:[,;|]\s*[^,;|]+)+")

_MIN_ROWS_FOR_ID = 20
_MOST_CODES = 500
_FEWEST_NUMBERED, _LEAST_DENSE, _ALIKE = 100, 0.5, 0.2
_READABLE = 0.98  # share of texts that must be numbers
_EPOCHS = (6e8, 4.2e9)  # 1989 to 2103, in seconds


@dataclass(frozen=True, slots=True)
class Guess:
    """A kind with its evidence, and how the values must be read."""

    kind: ColumnKind
    confidence: float
    evidence: str
    missing_tokens: tuple[str, ...] = ()
    missing_numbers: tuple[float, ...] = ()
    number_format: NumberFormat | None = None
    date_format: str | None = None
    levels: tuple[str, ...] = ()


def is_id_name(name: str) -> bool:
    """Whether the name says that the column identifies something."""
    words = words_of(name)
    return not words or words[-1] in ID_WORDS or words[0] in ("id", "unnamed")


def kind_of_numbers(name: str, values: NDArray[np.float64], runs: Runs) -> Guess:
    """The kind of a column of numbers.

    Args:
        values: (n_rows,) in the order of the file, NaN where missing.
        runs: The same, counted.
    """
    k, n = len(runs.distinct), runs.n
    if k == 0:
        return Guess("constant", 1.0, "no values")
    if k == 1:
        return _single(n < len(values), str(runs.top(1)[0][0]))
    if k == 2 and runs.distinct[0] == 0 and runs.distinct[1] == 1:
        return Guess("boolean", 0.98, "0 and 1 only", levels=("0", "1"))
    words = set(words_of(name))
    low, high = float(runs.distinct[0]), float(runs.distinct[-1])
    if words & _TIME_WORDS and low > _EPOCHS[0] and high < _EPOCHS[1] and k > 2:
        return Guess(
            "datetime", 0.8, "the name speaks of time, the values fit seconds since 1970", date_format="epoch_s"
        )
    if not runs.is_whole:
        return _measured(runs, "numbers with decimals", 0.98)
    return (
        _as_row_id(name, values, runs) or _as_code(name, runs) or _measured(runs, f"whole numbers, {k} distinct", 0.9)
    )


def kind_of_words(column: Column, words: Words) -> Guess:
    """The kind of a column of texts."""
    tokens = clear_tokens(words)
    rest = words.without(tokens)
    n_rows = len(column.series)
    if rest.n_unique == 0:
        return Guess("constant", 1.0, "no values", missing_tokens=tokens)
    if rest.n_unique == 1:
        return replace(_single(rest.n < n_rows, repr(rest.texts[0][:40])), missing_tokens=tokens)
    if all(_MEDIA.fullmatch(text) for text in rest.texts):
        kind, evidence = kind_of_files(column.without(tokens))
        return Guess(kind, 0.95, evidence, missing_tokens=tokens)
    if levels := boolean_levels(rest.texts):
        return Guess("boolean", 0.98, f"{levels[1]} and {levels[0]}", missing_tokens=tokens, levels=levels)
    doubtful = doubtful_tokens(rest)
    guess = (
        _as_scale(rest, tokens, doubtful)
        or _as_number(column, rest, tokens, doubtful)
        or _as_date(column, rest, tokens, doubtful)
        or _as_strings(column.name, rest, n_rows)
    )
    kept = f"; {doubtful[0]!r} kept as a value" if doubtful and guess.kind == "category" else ""
    return replace(guess, missing_tokens=guess.missing_tokens or tokens, evidence=guess.evidence + kept)


def _single(has_missing: bool, value: str) -> Guess:
    if has_missing:
        return Guess("category", 0.7, f"{value} or missing")
    return Guess("constant", 1.0, f"always {value}")


def _measured(runs: Runs, evidence: str, confidence: float) -> Guess:
    return Guess("number", confidence, evidence, missing_numbers=sentinels(runs))


def _as_row_id(name: str, values: NDArray[np.float64], runs: Runs) -> Guess | None:
    k, n = len(runs.distinct), runs.n
    if n < _MIN_ROWS_FOR_ID:
        return None
    if is_id_name(name) and k > 0.95 * n:
        return Guess("id", 0.97 if k == n else 0.9, f"the name says so, {k} distinct in {n} rows")
    low, high = float(runs.distinct[0]), float(runs.distinct[-1])
    looks_like_years = low >= 1500 and high <= 2200
    if k < len(values) or looks_like_years or set(words_of(name)) & _ORDER_WORDS:
        return None
    steps = np.diff(values)
    if (steps == steps[0]).all():
        return Guess("id", 0.9, "counts the rows")
    if n >= 100 and n / (high - low + 1) >= 0.5:
        return Guess("id", 0.75, "whole numbers without a repeat, with few gaps")
    return None


def _as_code(name: str, runs: Runs) -> Guess | None:
    k, n = len(runs.distinct), runs.n
    if runs.distinct[0] < 0 or k < 3:
        return None
    words, last = set(words_of(name)), set(words_of(name)[-1:])
    if (words & _POSTAL_WORDS or last & {"id", "key"}) and 2 * k <= n:
        return Guess("integer_code", 0.8, f"whole numbers, by the name a key, {k} distinct")
    if (last & _CODE_WORDS or words & {"code", "type"}) and 5 * k <= n and k <= _MOST_CODES:
        return Guess("integer_code", 0.75, f"whole numbers, by the name codes, {k} distinct")
    if _are_numbered(runs):
        return Guess("integer_code", 0.6, f"{k} whole numbers that seem to number things")
    return None


def _are_numbered(runs: Runs) -> bool:
    """Whether values number things, such as customers, from 0 or 1 on: how often one occurs tells nothing of the next.

    Of what is counted or measured, neighbouring values are about as frequent.
    """
    k, low, high = len(runs.distinct), float(runs.distinct[0]), float(runs.distinct[-1])
    if k < _FEWEST_NUMBERED or low > 1 or k < _LEAST_DENSE * (high - low + 1) or runs.n < 3 * k:
        return False
    counts = runs.counts - runs.counts.mean()
    spread = float(counts @ counts)
    return spread > 0 and float(counts[1:] @ counts[:-1]) < _ALIKE * spread


def _as_scale(words: Words, tokens: tuple[str, ...], doubtful: tuple[str, ...]) -> Guess | None:
    if words.n_unique > 60:
        return None
    texts = words.texts
    for drop in ((), doubtful) if doubtful else ((),):
        if levels := ordered_levels([text for text in texts if text not in drop]):
            shown = " < ".join(levels[:3]) + (" < …" if len(levels) > 3 else "")
            return Guess("ordinal", 0.9, shown, missing_tokens=tokens + drop, levels=levels)
    return None


def _as_number(column: Column, words: Words, tokens: tuple[str, ...], doubtful: tuple[str, ...]) -> Guess | None:
    rest = words.without(doubtful)
    how = number_format(rest) if rest.n_unique else None
    if how is None:
        return None
    good = ~np.isnan(read_as(rest, how))
    share, others = rest.share(good), rest.n_unique - int(good.sum())
    odd: tuple[str, ...] = ()
    if share < _READABLE:
        # a word or two among many numbers ("Varies with device") stands for "no number"
        if others > 3 or share < 0.6 or good.sum() < 20:
            return None
        odd = tuple(sorted(rest.distinct.series.filter(~good).to_list()))
    if how == NumberFormat() and _is_padded(rest):
        return Guess("integer_code", 0.85, "digits with leading zeros", missing_tokens=tokens + doubtful)
    values = column.without(tokens + doubtful + odd).numbers(how)
    guess = kind_of_numbers(column.name, values, Runs.of(values))
    unread = f", {others} other texts read as missing" if others and not odd else ""
    return replace(
        guess,
        evidence=f"{guess.evidence}, kept as text{unread}",
        confidence=round(guess.confidence * share, 2),
        missing_tokens=tokens + doubtful + odd,
        number_format=how,
    )


def _is_padded(words: Words) -> bool:
    digits = [text for text in words.texts if text.isdigit()]
    padded = sum(text.startswith("0") and len(text) > 1 for text in digits)
    return padded >= 0.05 * len(words.texts) and len({len(text) for text in digits}) == 1


def _as_date(column: Column, words: Words, tokens: tuple[str, ...], doubtful: tuple[str, ...]) -> Guess | None:
    rest = words.without(doubtful)
    found = date_format(rest, column) if rest.n_unique > 1 else None
    if found is None:
        return None
    how, good, remark = found
    evidence = f"dates written as {how}" + (f"; {remark}" if remark else "")
    confidence = rest.share(good) * (0.7 if remark.startswith("ambiguous") else 0.97)
    tokens += doubtful
    return Guess("datetime", round(confidence, 2), evidence, missing_tokens=tokens, date_format=how)


def _as_strings(name: str, words: Words, n_rows: int) -> Guess:
    k, n = words.n_unique, words.n
    share = k / n
    return (
        (_as_key(name, words) if n == n_rows else None)
        or _as_text(words)
        or Guess("category", 0.95 if share < 0.1 else 0.75, f"{k} distinct texts in {n} rows")
    )


def _as_key(name: str, words: Words) -> Guess | None:
    k, n = words.n_unique, words.n
    if n < _MIN_ROWS_FOR_ID or k < 0.95 * n or words.mean_words() >= 1.2 or words.mean_length() > 64:
        return None
    if all(_UUID.fullmatch(text) for text in words.texts):
        return Guess("id", 0.98, "hexadecimal keys, hardly a repeat")
    if k == n or is_id_name(name):
        return Guess("id", 0.95 if is_id_name(name) else 0.8, f"one word each, {k} distinct in {n} rows")
    return None


def _as_text(words: Words) -> Guess | None:
    k, n, n_words = words.n_unique, words.n, words.mean_words()
    share = k / n
    found = f"{n_words:.1f} words on average, {k} distinct in {n} rows"
    if (n_words >= 4 and share >= 0.5) or (words.mean_length() > 60 and k > 10):
        return Guess("text", 0.9, found)
    if k > 50 and share > 0.2 and n_words >= 1.5:
        return Guess("text", 0.7, found)
    if share >= 0.95 and n >= _MIN_ROWS_FOR_ID and n_words >= 1.1:
        return Guess("text", 0.6, found)
    listed = sum(bool(_LIST.fullmatch(text)) for text in words.texts) / len(words.texts)
    if listed >= 0.3 and k > 30 and share >= 0.05:
        return Guess("text", 0.7, f"lists in a cell, {k} distinct in {n} rows")
    return None
