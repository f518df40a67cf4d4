"""Numbers kept as text: which marks and signs they are written with."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from automl.modalities._values import Words
from automl.profile import NumberFormat

_CURRENCY = "$€£¥₹₩₽¢"
_NUMBER = re.compile(
    rf"(?P<before>[{_CURRENCY}\s+]*|(?i:usd|eur|gbp|chf|jpy|inr|cny|aud|cad|rs\.?)\s*)"
    rf"(?P<number>[-+]?\s*(?:\d[\d.,' \u00a0\u202f]*|[.,]\d+)(?:[eE][-+]?\d+)?)"
    rf"(?P<after>\s*[^\d\s]{{0,6}}\s*)"
)
_GROUPED = re.compile(r"\d{1,3}(?P<mark>[,.' \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*(?:[.,]\d+)?")
_SUFFIXES = frozenset("kKmMbBgG")


def number_format(words: Words) -> NumberFormat | None:
    """How most of the texts are read as numbers; None where few of them look like numbers.

    Signs around a number (currency, percent, plus) may differ from row to row; a unit of letters must be the same in
    all rows that have one, save k, M and B, which multiply.
    """
    matches = [m for m in (_NUMBER.fullmatch(text) for text in words.texts) if m]
    if not matches or 2 * len(matches) < len(words.texts):
        return None
    before, after = ({m[side].strip() for m in matches} - {""} for side in ("before", "after"))
    letters = {mark for mark in before | after if any(c.isalpha() for c in mark)}
    suffixes = bool(letters) and letters <= _SUFFIXES and not any(c.isalpha() for mark in before for c in mark)
    if len(letters) > 1 and not suffixes:
        return None
    strip = {c for mark in before | after for c in mark if not (suffixes and c.isalpha())}
    if "-" in strip:
        return None
    decimal, thousands = _marks([m["number"].strip() for m in matches])
    return NumberFormat(decimal=decimal, thousands=thousands, strip="".join(sorted(strip)), suffixes=suffixes)


def read_as(words: Words, how: NumberFormat) -> NDArray[np.float64]:
    """(k,) the distinct texts as numbers, NaN where one is none."""
    return words.distinct.numbers(how)


def _marks(numbers: Iterable[str]) -> tuple[str, str]:
    """The decimal mark and the mark between thousands of numbers written alike."""
    bodies = [text.lstrip("+- ").rstrip() for text in numbers]
    both = [body for body in bodies if "," in body and "." in body]
    if both:
        commas_last = sum(body.rindex(",") > body.rindex(".") for body in both)
        return (",", ".") if 2 * commas_last > len(both) else (".", ",")
    commas = [body for body in bodies if "," in body]
    if commas:
        if all(_is_grouped(body) for body in commas):
            return ".", ","
        return ",", _other_mark(bodies)
    dots = [body for body in bodies if body.count(".") > 1]
    if dots and all(_is_grouped(body) for body in dots):
        return ",", "."
    return ".", _other_mark(bodies)


def _is_grouped(body: str) -> bool:
    return bool(_GROUPED.fullmatch(body)) and not body.startswith("0")


def _other_mark(bodies: Iterable[str]) -> str:
    marks = {mark for body in bodies if (m := _GROUPED.fullmatch(body)) for mark in m["mark"] if mark not in ",."}
    return marks.pop() if len(marks) == 1 else ""
