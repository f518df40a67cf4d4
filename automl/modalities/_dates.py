"""Dates kept as text: their strptime format, decided over all values."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from automl.modalities._values import Words
from automl.table import Column

_ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|UTC|[-+]\d{2}:?\d{2})?)?)?")
_TIME = re.compile(
    r"(?P<date>.+?)(?P<gap>T|,? +)(?P<clock>\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d+)?)?)"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?[-+]\d{2}:?\d{2})?"
)
_DATES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y", "%d/%m/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y", "%d/%m/%y", "%y/%m/%d")),
    (r"\d{1,2}-\d{1,2}-\d{2}", ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d")),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"(19|20)\d{6}T\d{6}", ("%Y%m%dT%H%M%S",)),
    (r"[A-Za-z]{3,9} \d{1,2}, \d{4}", ("%B %d, %Y",)),
    (r"[A-Za-z]{3,9} \d{1,2} \d{4}", ("%B %d %Y",)),
    (r"\d{1,2} [A-Za-z]{3,9},? \d{4}", ("%d %B %Y", "%d %B, %Y")),
    (r"\d{1,2}-[A-Za-z]{3,9}-\d{4}", ("%d-%B-%Y",)),
    (r"\d{1,2}-[A-Za-z]{3}-\d{2}", ("%d-%b-%y",)),
    (r"[A-Za-z]{3,9},? \d{4}", ("%B %Y",)),
    (r"[A-Za-z]{3}-\d{4}", ("%b-%Y",)),
    (r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4}", ("%a, %d %b %Y",)),
    (r"[A-Za-z]{3} [A-Za-z]{3} \d{1,2}", ("%a %b %d",)),
)
_TWITTER = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d{2}:\d{2}:\d{2} [-+]\d{4} \d{4}")
_N_LOOKED_AT = 20
SHARE = 0.95  # of the rows that must be dates


def date_format(words: Words, column: Column) -> tuple[str, NDArray[np.bool_], str] | None:
    """The format that reads most rows as dates, which of the distinct texts it reads, and how sure that is.

    Month first or day first is decided by all values; where both read them all, by the format in which the rows
    stand in the order of time, then by custom (month first with slashes).

    Returns:
        (format, (k,) whether a distinct text is a date, remark), or None where few rows are dates.
    """
    read: list[tuple[float, str, NDArray[np.bool_]]] = []
    for how in _candidates(words.texts[:_N_LOOKED_AT]):
        good = ~np.isnan(words.distinct.datetimes(how))
        share = words.share(good)
        if share >= SHARE:
            read.append((share, how, good))
    if not read:
        return None
    best = max(share for share, _, _ in read)
    ties = [(how, good) for share, how, good in read if share == best]
    if len(ties) == 1:
        return *ties[0], ""
    disorder = [_disorder(column, how) for how, _ in ties]
    if disorder.count(min(disorder)) == 1 and min(disorder) < 0.1:
        return *ties[int(np.argmin(disorder))], "day and month told apart by the order of the rows"
    return *ties[0], f"ambiguous: {ties[1][0]} reads every value too"


def _candidates(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Formats that fit the looks of the texts, each once, the more customary first."""
    found: dict[str, None] = {}
    for text in texts:
        if len(text) > 40 or not any(c.isdigit() for c in text):
            continue
        if _ISO.fullmatch(text):
            found["iso"] = None
        elif _TWITTER.fullmatch(text):
            found["%a %b %d %H:%M:%S %z %Y"] = None
        else:
            found.update(dict.fromkeys(_formats(text)))
    return tuple(found)


def _formats(text: str) -> tuple[str, ...]:
    time = _TIME.fullmatch(text)
    date, ending = (time["date"], _time_format(time)) if time else (text, "")
    return tuple(how + ending for pattern, formats in _DATES if re.fullmatch(pattern, date) for how in formats)


def _time_format(time: re.Match[str]) -> str:
    clock = "%I:%M" if time["half"] else "%H:%M"
    seconds = "" if not time["seconds"] else ":%S%.f" if time["fraction"] else ":%S"
    half = "" if not time["half"] else " %p" if time["half"].startswith(" ") else "%p"
    zone = "" if not time["zone"] else " %z" if time["zone"].startswith(" ") else "%z"
    return time["gap"] + clock + seconds + half + zone


def _disorder(column: Column, how: str) -> float:
    """Share of steps from row to row that go back in time."""
    seconds = column.datetimes(how)
    steps = np.diff(seconds[~np.isnan(seconds)])
    return float((steps < 0).mean()) if len(steps) else 1.0
