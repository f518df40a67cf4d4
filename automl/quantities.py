"""Times, sizes and lists as people type them, and back."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta
from datetime import time as time_of_day

_SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "ms": 1e-3}
_BYTES = {
    "": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9, "t": 10**12, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"


def parse_seconds(text: str) -> float:
    """Seconds from 60s, 5m, 2h, 1h30m, 1d or a plain number of seconds.

    Raises:
        ValueError: Not a positive time.
    """
    compact = text.replace(" ", "").lower()
    if re.fullmatch(_NUMBER, compact):
        seconds = float(compact)
    elif re.fullmatch(rf"(?:{_NUMBER}(?:{'|'.join(_SECONDS)}))+", compact):
        parts = re.findall(rf"{_NUMBER}([a-z]+)", compact)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise ValueError(f"{text!r} is not a time such as 60s, 5m, 2h or 1h30m")
    if seconds <= 0:
        raise ValueError(f"{text!r} is not more than zero seconds")
    return seconds


def parse_clock(text: str) -> time_of_day:
    """A time of day from HH:MM or HH:MM:SS.

    Raises:
        ValueError: Not a time of day.
    """
    if not re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text.strip()):
        raise ValueError(f"{text!r} is not a time of day such as 06:00")
    parts = [int(part) for part in text.split(":")]
    try:
        return time_of_day(parts[0], parts[1], parts[2] if len(parts) > 2 else 0)
    except ValueError:
        raise ValueError(f"{text!r} is not a time of day such as 06:00") from None


def seconds_until(clock: time_of_day, now: datetime) -> float:
    """Seconds from now to the next time the clock shows that."""
    then = datetime.combine(now.date(), clock, now.tzinfo)
    if then <= now:
        then += timedelta(days=1)
    return (then - now).total_seconds()


def parse_bytes(text: str) -> int:
    """Bytes from 8GB, 512MB, 4GiB or a plain number of bytes.

    Raises:
        ValueError: Not a positive size.
    """
    match = re.fullmatch(rf"{_NUMBER}([a-z]*)", text.replace(" ", "").lower())
    if not match or match[2] not in _BYTES:
        raise ValueError(f"{text!r} is not a size such as 8GB, 512MB or 4GiB")
    size = int(float(match[1]) * _BYTES[match[2]])
    if size <= 0:
        raise ValueError(f"{text!r} is not more than zero bytes")
    return size


def parse_megabytes(text: str) -> float:
    """Megabytes from 50MB, 0.5GB or a plain number of megabytes."""
    plain = re.fullmatch(rf"\s*{_NUMBER}\s*", text)
    return parse_bytes(f"{plain[1]}MB" if plain else text) / 1e6


def parse_milliseconds(text: str) -> float:
    """Milliseconds from 5ms, 0.1s or a plain number of milliseconds."""
    plain = re.fullmatch(rf"\s*{_NUMBER}\s*", text)
    return parse_seconds(f"{plain[1]}ms" if plain else text) * 1e3


def split_commas(text: str) -> tuple[str, ...]:
    """Parts between commas, blanks around them removed; a part with a comma in it stands in double quotes."""
    return tuple(part.strip() for part in next(csv.reader([text], skipinitialspace=True), []) if part.strip())


def split_pair(text: str) -> tuple[str, str]:
    """Left and right of the last `=`.

    Raises:
        ValueError: There is none, or a side is empty.
    """
    left, equals, right = text.rpartition("=")
    if not equals or not right.strip():
        raise ValueError(f"{text!r} is not of the form NAME=VALUE")
    return left, right.strip()


def format_seconds(seconds: float) -> str:
    """A time for people: 0.4 s, 52 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def format_bytes(size: float) -> str:
    """A size for people: 312 B, 4.1 kB, 1.0 MB, 23 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
