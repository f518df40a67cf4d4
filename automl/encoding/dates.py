"""Parts of a date as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DAY = 86_400.0
_YEAR_CYCLE_DAYS = 60  # below two months the season is a line in time

PARTS = (
    "days",
    "year",
    "month",
    "day",
    "weekday",
    "hour",
    "minute",
    "season sine",
    "season cosine",
    "daytime sine",
    "daytime cosine",
)


def date_part(seconds: NDArray[np.float64], part: str, origin: float) -> NDArray[np.float64]:
    """(n_rows,) one of `PARTS`, NaN where the date is missing.

    Args:
        seconds: (n_rows,) since 1970-01-01 UTC, NaN where missing.
        part: Its name. `days` are counted from `origin`; Monday is weekday 0; `hour` has the minutes as a fraction.
        origin: Days since 1970.
    """
    days = seconds / _DAY
    if part == "days":
        return days - origin
    if part in ("hour", "minute", "daytime sine", "daytime cosine"):
        return _clock_part(seconds - np.floor(days) * _DAY, part)
    if part == "weekday":
        return np.asarray(np.mod(np.floor(days) + 3, 7), dtype=np.float64)
    values = np.full(len(seconds), np.nan)
    there = np.isfinite(seconds)
    values[there] = _calendar_part(np.floor(days[there]).astype("datetime64[D]"), part)
    return values


def varying_parts(seconds: NDArray[np.float64], origin: float) -> tuple[str, ...]:
    """The parts that are not the same for all rows."""
    known = seconds[np.isfinite(seconds)]
    if not len(known):
        return ()
    span = float(np.ptp(known)) / _DAY
    parts = [p for p in PARTS if float(np.ptp(date_part(known, p, origin))) > 1e-9]
    if span < _YEAR_CYCLE_DAYS:
        parts = [p for p in parts if not p.startswith("season")]
    return tuple(parts)


def _clock_part(seconds: NDArray[np.float64], part: str) -> NDArray[np.float64]:
    if part == "hour":
        return seconds / 3600
    if part == "minute":
        return np.floor(np.mod(seconds / 60, 60))
    angle = 2 * np.pi * seconds / _DAY
    return np.asarray(np.sin(angle) if part == "daytime sine" else np.cos(angle))


def _calendar_part(days: NDArray[np.datetime64], part: str) -> NDArray[np.float64]:
    years = days.astype("datetime64[Y]")
    if part == "year":
        return np.asarray(years.astype(np.int64) + 1970, dtype=np.float64)
    if part == "month":
        return np.asarray(days.astype("datetime64[M]").astype(np.int64) % 12 + 1, dtype=np.float64)
    if part == "day":
        return np.asarray((days - days.astype("datetime64[M]")).astype(np.int64) + 1, dtype=np.float64)
    angle = 2 * np.pi * (days - years.astype("datetime64[D]")).astype(np.float64) / 365.25
    return np.asarray(np.sin(angle) if part == "season sine" else np.cos(angle), dtype=np.float64)
