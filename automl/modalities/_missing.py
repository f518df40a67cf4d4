"""Missing values in disguise: strings and numbers that stand for "no value"."""

from __future__ import annotations

from automl.modalities._values import Runs, Words

CLEAR_TOKENS = frozenset(
    (
        "", "?", "??", "???", "-", "--", "---", ".", "n/a", "#n/a", "n.a.", "n.a", "<na>", "null", "(null)", "#null!",
        "nan", "#nan", "nil", "missing", "not available", "no data", "#value!", "#div/0!", "#ref!",
    )
)  # fmt: skip
DOUBTFUL_TOKENS = frozenset(
    (
        "na", "none", "unknown", "unk", "undefined", "nd", "tbd", "tba", "not known", "not applicable",
        "not specified", "not reported",
    )
)  # fmt: skip

_MIN_SHARE = 0.001
_FAR = 5.0


def clear_tokens(words: Words) -> tuple[str, ...]:
    """The texts that mean "missing" in any column; a minus sign is a value where a plus sign is one too."""
    found = set(words.among(CLEAR_TOKENS))
    return tuple(sorted(found - {"-"} if "+" in words.texts else found))


def doubtful_tokens(words: Words) -> tuple[str, ...]:
    """The texts that mean "missing" in a column of numbers, dates or an ordered scale.

    In a column of categories "none" or "NA" may as well be an answer ("no alley", Namibia), and is kept as one.
    """
    return tuple(sorted(words.among(DOUBTFUL_TOKENS)))


def sentinels(runs: Runs) -> tuple[float, ...]:
    """Numbers such as -1, -999 and 9999 that stand for missing: repeated, at an end, and far from all other values."""
    found: list[float] = []
    low, high = 0, len(runs.distinct) - 1
    while high - low >= 10 and _is_low_sentinel(runs, low, high):
        found.append(float(runs.distinct[low]))
        low += 1
    while high - low >= 10 and _is_high_sentinel(runs, low, high):
        found.append(float(runs.distinct[high]))
        high -= 1
    return tuple(sorted(found))


def _is_low_sentinel(runs: Runs, low: int, high: int) -> bool:
    value, following, top = (float(runs.distinct[i]) for i in (low, low + 1, high))
    if not (value in (-1.0, -9.0) or _is_nines(-value)) or not _is_repeated(runs, low):
        return False
    if value > -10:
        usual = float(sorted(runs.counts[low + 1 : high + 1])[(high - low) // 2])
        return following >= 0 and bool((runs.distinct[low:] % 1 == 0).all()) and runs.counts[low] >= _FAR * usual
    width = top - following
    return following - value >= (1.0 if following >= 0 else _FAR) * width


def _is_high_sentinel(runs: Runs, low: int, high: int) -> bool:
    value, before, bottom = float(runs.distinct[high]), float(runs.distinct[high - 1]), float(runs.distinct[low])
    return _is_nines(value) and _is_repeated(runs, high) and value - before >= _FAR * (before - bottom)


def _is_repeated(runs: Runs, i: int) -> bool:
    return bool(runs.counts[i] >= max(3, _MIN_SHARE * runs.n))


def _is_nines(value: float) -> bool:
    return value >= 99 and value == int(value) and set(str(int(value))) == {"9"}
