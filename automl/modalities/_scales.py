"""Words with an order: yes and no, low to high, ranges such as <1, 1-2, >4."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence

_INF = math.inf
_PAIRS = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("0", "1"))

# each scale lists its levels in order; a level may go by several names
_SCALES: tuple[tuple[str, ...], ...] = (
    ("none|no|never", "very low|vlow|lowest", "low|lo", "medium|med|moderate|mid|middle", "high|hi",
     "very high|vhigh|highest", "extreme|extremely high"),
    ("xxs", "xs|extra small|tiny", "s|small", "m|medium|med", "l|large|big", "xl|extra large|huge", "xxl", "xxxl"),
    ("very poor|very bad|terrible|awful", "poor|bad", "fair|average|ok|okay|acceptable", "good",
     "very good|vgood|great", "excellent|outstanding|perfect"),
    ("never", "rarely|seldom|almost never", "sometimes|occasionally", "often|frequently|usually|regularly",
     "always|almost always"),
    ("not at all", "not much|a little|slightly", "some|somewhat|moderately", "a lot|very|very much|strongly",
     "extremely"),
    ("strongly disagree", "disagree|somewhat disagree", "neutral|neither|neither agree nor disagree|undecided",
     "agree|somewhat agree", "strongly agree"),
    ("very dissatisfied", "dissatisfied|somewhat dissatisfied", "neutral|neither",
     "satisfied|somewhat satisfied", "very satisfied"),
    ("very unlikely", "unlikely|somewhat unlikely", "neutral|neither", "likely|somewhat likely", "very likely"),
    ("very negative", "negative", "neutral", "positive", "very positive"),
    ("none|absent", "mild|minor|slight", "moderate", "severe|serious|major", "critical"),
    ("first|1st", "second|2nd", "third|3rd", "fourth|4th", "fifth|5th", "sixth|6th"),
    ("none|no education", "primary|primary school|elementary|elementary school",
     "secondary|secondary school|high school", "tertiary|bachelor|bachelors|bachelor's degree",
     "master|masters|master's degree", "phd|doctorate|doctoral"),
)  # fmt: skip
_RANK = tuple({name: i for i, level in enumerate(scale) for name in level.split("|")} for scale in _SCALES)

_N = r"(\d+(?:\.\d+)?)([km]?)"
_UNDER = re.compile(rf"(?:<=?|under|below|less than|fewer than|up to)\s*{_N}")
_OVER = re.compile(
    rf"(?:>=?|over|above|more than)\s*{_N}|{_N}\s*(?:\+|or more|more|and over|and above|and up|or older)"
)
_RANGE = re.compile(rf"[\[(]?{_N}\s*(?:-|–|—|/|to|,)\s*{_N}[\])]?")
_SINGLE = re.compile(_N)
_NOTHING = (-_INF, -_INF)
_ENDS = {"never": _NOTHING, "none": _NOTHING, "zero": _NOTHING, "more": (sys.float_info.max, _INF)}


def boolean_levels(words: Sequence[str]) -> tuple[str, str] | None:
    """The two words as (false, true) if they are a known pair such as no and yes."""
    by_meaning = {word.lower(): word for word in words}
    for false, true in _PAIRS:
        if set(by_meaning) == {false, true} and len(words) == 2:
            return by_meaning[false], by_meaning[true]
    return None


def ordered_levels(words: Sequence[str]) -> tuple[str, ...] | None:
    """The words from least to most, if they are levels of a known scale or a sequence of ranges.

    Every word must fit, and there must be at least three levels: an order is claimed only where it is certain.
    """
    if not 3 <= len(words) <= 50:
        return None
    plain = [re.sub(r"[\s_]+", " ", word.lower()).strip() for word in words]
    for rank in _RANK:
        if all(word in rank for word in plain):
            places = [rank[word] for word in plain]
            return _sorted(words, places) if len(set(places)) >= 3 else None
    return _ranges(words, plain)


def _ranges(words: Sequence[str], plain: Sequence[str]) -> tuple[str, ...] | None:
    bounds = [_bounds(word) for word in plain]
    known = [each for each in bounds if each is not None]
    if len(known) < len(words) or len(set(known)) < 3 or all(low == high for low, high in known):
        return None
    if any(low > high for low, high in known):
        return None
    # a scale is open at its ends only; 10+, 50+, 100+, … are rounded numbers
    if sum(high == _INF for _, high in known) > 2 or sum(low == -_INF for low, _ in known) > 2:
        return None
    highs = [high for _, high in sorted(known)]
    if highs != sorted(highs):
        return None
    return _sorted(words, known)


def _sorted(words: Sequence[str], keys: Sequence[object]) -> tuple[str, ...]:
    order = sorted(range(len(words)), key=lambda i: (keys[i], words[i]))
    return tuple(words[i] for i in order)


def _bounds(word: str) -> tuple[float, float] | None:
    """The range of numbers that a word names."""
    if word in _ENDS:
        return _ENDS[word]
    text = re.sub(
        r"(?<=\d),(?=\d{3}\b)", "", re.sub(r"[$€£¥]|\b(?:years?|yrs?|months?|days?|hours?)\b", "", word)
    ).strip()
    if found := _UNDER.fullmatch(text):
        return -_INF, _value(found[1], found[2])
    if found := _OVER.fullmatch(text):
        return _value(found[1] or found[3], found[2] or found[4] or ""), _INF
    if found := _RANGE.fullmatch(text):
        return _value(found[1], found[2]), _value(found[3], found[4])
    if found := _SINGLE.fullmatch(text):
        return (_value(found[1], found[2]),) * 2
    return None


def _value(digits: str, suffix: str | None) -> float:
    return float(digits) * {"k": 1e3, "m": 1e6}.get(suffix or "", 1.0)
