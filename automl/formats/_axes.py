"""Scales and axes: from data to the plane of a chart, with round ticks on numbers and calendar ticks on dates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from automl.formats._markup import Markup, join, tag, text_width

FONT = 12.0
_LARGEST = 1e300
_SMALLEST = 1e-290  # below it, quotients lose their digits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400.0
_STEPS_OF_DAYS = (1 / 1440, 5 / 1440, 15 / 1440, 1 / 24, 3 / 24, 6 / 24, 12 / 24, 1, 2, 7, 14)
_STEPS_OF_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


@dataclass(frozen=True, slots=True)
class Ticks:
    """Places on an axis with their labels."""

    places: tuple[float, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from data (`low` to `high`) to the plane (`start` to `end`)."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value; what lies outside is put on the edge."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def finite(values: Iterable[float]) -> list[float]:
    """What can be drawn of the values."""
    return [value for value in values if math.isfinite(value) and abs(value) <= _LARGEST]


def domain(values: Iterable[float], *, zero: bool = False) -> tuple[float, float]:
    """Least and greatest value, a little apart where they are one."""
    seen = finite(values)
    low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= max(1e-12 * max(abs(low), abs(high)), _SMALLEST):
        pad = abs(low) * 0.05 if abs(low) > _SMALLEST else 0.5
        return low - pad, high + pad
    return low, high


def padded(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """A little room on both sides; numbers that lie in [0, 1] stay in it."""
    pad = share * (high - low)
    if low >= 0 and high <= 1:
        return max(0.0, low - pad), min(1.0, high + pad)
    return low - pad, high + pad


def round_ticks(low: float, high: float, n: int = 5) -> Ticks:
    """About n multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    raw = (high - low) / max(n, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(f for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    places = tuple(step * i for i in range(int(first), int(last) + 1)) or (low,)
    return Ticks(places, tuple(tick_label(place, step, max(abs(low), abs(high))) for place in places))


def tick_label(value: float, step: float, largest: float) -> str:
    """As many decimals as the step has; thousands, millions and more by letter, extremes by powers."""
    if abs(value) < step * 1e-6:
        return "0"
    if largest >= 1e13 or largest < 1e-4 or step < 1e-7 * largest:
        return f"{value:.4g}".replace("-", "−")
    unit, letter = next(
        (u, s) for u, s in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")) if largest >= 10 * u or u == 1
    )
    decimals = max(0, -math.floor(math.log10(step / unit) + 1e-9))
    return f"{value / unit:,.{decimals}f}{letter}".replace("-", "−")


def date_ticks(low: float, high: float, n: int = 5) -> Ticks:
    """About n round dates within [low, high] seconds since 1970; round numbers where the calendar ends."""
    try:
        first, last = (_EPOCH + timedelta(seconds=edge) for edge in (low, high))
    except OverflowError:
        return round_ticks(low, high, n)
    days = (high - low) / _DAY / max(n, 1)
    small = next((step for step in _STEPS_OF_DAYS if step >= days), None)
    if small is not None:
        step = small * _DAY
        places = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
        clock = "" if small >= 1 else " %H:%M"
        moments = [_EPOCH + timedelta(seconds=place) for place in places]
        return Ticks(tuple(places), tuple(f"{m.day} {m:%b}{m.strftime(clock)}" for m in moments))
    months = next((step for step in _STEPS_OF_MONTHS if step * 30.44 >= days), _STEPS_OF_MONTHS[-1])
    found = list(_months(first, last, months))
    form = "%Y" if months >= 12 else "%b %Y"
    return Ticks(tuple((f - _EPOCH).total_seconds() for f in found), tuple(f.strftime(form) for f in found))


def _months(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    count = math.ceil((first.year * 12 + first.month - 1) / step) * step
    while count // 12 <= min(last.year, 9999):
        day = datetime(max(count // 12, 1), count % 12 + 1, 1, tzinfo=UTC)
        if first <= day <= last:
            yield day
        count += step


def day(seconds: float) -> str:
    """A date from seconds since 1970; the number itself where there is no such date."""
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return f"{seconds:.4g}"
    return moment.strftime("%Y-%m-%d" if seconds % _DAY == 0 else "%Y-%m-%d %H:%M")


def label(text: str, x: float, y: float, *, anchor: str = "start", kind: str = "tick") -> Markup:
    """A text at a point of the plane."""
    if not text:
        return Markup("")
    return tag("text", text, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=kind)


def x_axis(ticks: Ticks, scale: Scale, top: float, bottom: float, *, labelled: bool = True) -> Markup:
    """Vertical grid lines and their labels below, as many as stand apart."""
    lines = "".join(f"M{scale(place):.1f} {top:.1f}V{bottom:.1f}" for place in ticks.places)
    parts = [tag("path", d=lines, class_="grid")]
    shown = _apart(ticks, scale) if labelled else ()
    for place, text in shown:
        half = text_width(text, FONT) / 2
        x = min(max(place, scale.start + half - 26), scale.end - half + 14)
        parts.append(label(text, x, bottom + 16, anchor="middle"))
    return join(*parts)


def _apart(ticks: Ticks, scale: Scale) -> Sequence[tuple[float, str]]:
    """Every tick, or every second, third, ... such that labels keep their distance."""
    widest = max((text_width(text, FONT) for text in ticks.labels), default=0.0) + 8
    places = [scale(place) for place in ticks.places]
    gap = min((b - a for a, b in pairwise(places)), default=widest)
    every = max(1, math.ceil(widest / max(gap, 0.1)))
    return list(zip(places, ticks.labels, strict=True))[::every]


def y_axis(ticks: Ticks, scale: Scale, left: float, right: float) -> Markup:
    """Horizontal grid lines and their labels to the left."""
    lines = "".join(f"M{left:.1f} {scale(place):.1f}H{right:.1f}" for place in ticks.places)
    return join(
        tag("path", d=lines, class_="grid"),
        *(
            label(text, left - 6, scale(place) + 4, anchor="end")
            for place, text in zip(ticks.places, ticks.labels, strict=True)
        ),
    )


def tick_room(ticks: Ticks) -> float:
    """Width that the labels of a vertical axis take."""
    return max((text_width(text, FONT) for text in ticks.labels), default=0.0) + 10
