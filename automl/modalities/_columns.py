"""One column from its values to its profile, as guessed or as the user insists."""

from __future__ import annotations

from dataclasses import replace
from typing import cast, get_args

import numpy as np

from automl.errors import DataError, UsageError
from automl.modalities._dates import date_format
from automl.modalities._kinds import Guess, kind_of_numbers, kind_of_words
from automl.modalities._media import extent_of
from automl.modalities._numbers import number_format
from automl.modalities._scales import boolean_levels, ordered_levels
from automl.modalities._values import Runs, Words
from automl.profile import ColumnKind, ColumnProfile, NumberFormat
from automl.table import Column

KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)
_N_TOP = 10
_MOST_LEVELS = 1000


def profile_column(column: Column, kind: str | None = None) -> ColumnProfile:
    """What is in a column.

    Args:
        column: Its values, all or a sample.
        kind: The kind that the user insists on; None to guess it.

    Raises:
        UsageError: There is no such kind.
        DataError: The values cannot be read as that kind.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"no column kind {kind!r} (--type {column.name}={kind})", f"there are: {', '.join(KINDS)}")
    if column.storage in ("number", "datetime"):
        return _of_numbers(column, kind)
    return _of_words(column, kind)


def _of_numbers(column: Column, kind: str | None) -> ColumnProfile:
    values = column.numbers()
    runs = Runs.of(values)
    if column.storage == "number" or len(runs.distinct) < 2:
        guess = kind_of_numbers(column.name, values, runs)
    else:
        guess = Guess("datetime", 1.0, "dates by the type of the file")
    if kind is not None:
        words = Words(column) if kind in ("boolean", "ordinal") else None
        guess = _insisted(column, words, guess, kind)
    kept = runs.without(guess.missing_numbers)
    k = len(runs.distinct)
    exact = not k or max(-runs.distinct[0], runs.distinct[-1]) < 2**53
    return _profile(
        column,
        guess,
        n_missing=len(values) - kept.n,
        n_unique=k if exact else column.n_unique(),
        top=kept.top(_N_TOP) if column.storage == "number" else (),
        runs=kept,
    )


def _of_words(column: Column, kind: str | None) -> ColumnProfile:
    words = Words(column)
    guess = kind_of_words(column, words)
    if kind is not None:
        guess = _insisted(column, words, guess, kind)
    rest = words.without(guess.missing_tokens)
    runs = None
    n_missing = len(column.series) - rest.n
    if guess.kind in ("number", "integer_code") and guess.number_format:
        values = column.without(guess.missing_tokens, ()).numbers(guess.number_format)
        runs = Runs.of(values).without(guess.missing_numbers)
        n_missing = len(values) - runs.n
    elif guess.kind == "datetime":
        seconds = column.without(guess.missing_tokens, ()).datetimes(guess.date_format)
        runs = Runs.of(seconds)
        n_missing = len(seconds) - runs.n
    return _profile(column, guess, n_missing=n_missing, n_unique=rest.n_unique, top=rest.first[:_N_TOP], runs=runs)


def _profile(
    column: Column, guess: Guess, *, n_missing: int, n_unique: int, top: tuple[tuple[str, int], ...], runs: Runs | None
) -> ColumnProfile:
    shown = guess.kind not in ("id", "text", "path", "image", "audio")
    measured = guess.kind in ("number", "integer_code", "datetime", "boolean", "ordinal")
    return ColumnProfile(
        name=column.name,
        kind=guess.kind,
        confidence=guess.confidence,
        evidence=guess.evidence,
        storage=column.storage,
        n_missing=n_missing,
        missing_tokens=guess.missing_tokens,
        missing_numbers=guess.missing_numbers,
        n_unique=n_unique,
        top=top if shown else (),
        numbers=runs.describe() if runs is not None and measured else None,
        number_format=guess.number_format,
        date_format=guess.date_format,
        levels=guess.levels,
        extent=extent_of(column.without(guess.missing_tokens), guess.kind),
    )


def _insisted(column: Column, words: Words | None, guess: Guess, kind: str) -> Guess:
    """The guess bent to the kind that the user insists on."""
    if guess.kind == kind:
        return replace(guess, confidence=1.0, evidence="as told", missing_numbers=())
    plain = Guess(cast(ColumnKind, kind), 1.0, "as told", missing_tokens=guess.missing_tokens)
    if kind == "number":
        return _as_number(column, words, plain)
    if kind == "datetime":
        return _as_datetime(column, words, plain)
    if kind in ("image", "audio"):
        _check_files(column, kind)
    if kind in ("boolean", "ordinal") and words is not None:
        return _as_levels(column, words.without(plain.missing_tokens), plain, kind)
    return plain


def _as_number(column: Column, words: Words | None, plain: Guess) -> Guess:
    how = None if words is None else number_format(words.without(plain.missing_tokens)) or NumberFormat()
    if np.isnan(column.numbers(how)).all():
        raise DataError(f"column {column.name!r} holds no numbers (--type {column.name}=number)", _seen(column))
    return replace(plain, number_format=how)


def _as_datetime(column: Column, words: Words | None, plain: Guess) -> Guess:
    if words is None:
        return replace(plain, date_format="epoch_s" if column.storage == "number" else None)
    found = date_format(words.without(plain.missing_tokens), column)
    if found is None:
        raise DataError(f"no date format reads column {column.name!r} (--type {column.name}=datetime)", _seen(column))
    return replace(plain, date_format=found[0])


def _as_levels(column: Column, words: Words, plain: Guess, kind: str) -> Guess:
    if words.n_unique > (2 if kind == "boolean" else _MOST_LEVELS) or words.n_unique < 2:
        wanted = "two values" if kind == "boolean" else f"2 to {_MOST_LEVELS} values"
        message = (
            f"column {column.name!r} has {words.n_unique} distinct values, --type {column.name}={kind} needs {wanted}"
        )
        raise DataError(message, _seen(column))
    texts = sorted(words.distinct.series.to_list())
    if kind == "boolean":
        return replace(plain, levels=boolean_levels(texts) or (texts[0], texts[1]))
    if levels := ordered_levels(texts):
        return replace(plain, levels=levels)
    values = words.distinct.numbers()
    if not np.isnan(values).any():
        in_order = [words.distinct.series.to_list()[i] for i in np.argsort(values, kind="stable")]
        return replace(plain, levels=tuple(in_order), evidence="as told; in the order of the numbers")
    return replace(plain, levels=tuple(texts), evidence="as told; in the order of the alphabet")


def _check_files(column: Column, kind: str) -> None:
    told = f"(--type {column.name}={kind})"
    if column.storage != "string":
        raise DataError(f"column {column.name!r} holds no file names {told}", _seen(column))
    if column.root is None:
        problem = f"column {column.name!r} names files, but the table is in memory and has no folder {told}"
        raise DataError(problem, "write the table to a file beside them, and give its name")


def _seen(column: Column) -> str:
    first = Words(column).texts[:3]
    return f"it holds, for instance: {', '.join(repr(text[:30]) for text in first)}" if first else "it holds nothing"
