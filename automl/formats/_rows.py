"""Charts whose rows have names: bars and dots with whiskers, beeswarms, waterfalls."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from automl.formats._axes import FONT, Scale, domain, finite, label, padded, round_ticks, x_axis
from automl.formats._markup import Markup, elided, join, tag, text_width
from automl.formats._plane import WIDTH, dots, nothing
from automl.report import Figure, Series
from automl.typography import format_number

N_SHADES = 11
_RIGHT = WIDTH - 14
_ROW = 22.0
_SWARM = 26.0
_DOT = 1.7


def draw_bars(figure: Figure) -> tuple[Markup, float]:
    """Horizontal bars from zero, or dots where the axis does not start there; whiskers; values at their ends."""
    series = figure.series[0] if figure.series else Series("", (), ())
    rows = [(name, *_whisker(series, i)) for i, name in enumerate(figure.labels[: len(series.y)])]
    values = finite(v for _, *edges in rows for v in edges)
    if not values:
        return nothing()
    left = _label_room([name for name, *_ in rows], most=130 if figure.beside else 190)
    right = _RIGHT - (130 if figure.beside else 0)
    low, high = domain(values, zero=figure.from_zero)
    low, high = (low, high) if figure.from_zero else padded(low, high, 0.06)
    room = max(text_width(format_number(v), FONT) for _, v, *_ in rows) + 8
    is_signed = figure.from_zero and low < 0
    across = Scale(low, high, left + room * is_signed, right - room)
    bottom = 8 + _ROW * len(rows)
    parts = [x_axis(round_ticks(low, high, 4), across, 4, bottom)]
    for i, (name, value, least, most) in enumerate(rows):
        y = 8 + _ROW * (i + 0.5)
        parts.append(_row_label(name, left, y))
        if finite((value,)):
            kind = ("up" if series.color[i] > 0.5 else "down") if i < len(series.color) else "s0"
            parts.append(_bar(across, y, (value, least, most), kind if figure.from_zero else ""))
            is_left = is_signed and value < 0
            end = across(least) - 7 if is_left else across(max(value, most)) + 7
            anchor = "end" if is_left else "start"
            parts.append(label(_plain(value), end, y + 4, anchor=anchor, kind="value"))
    if is_signed:
        parts.append(tag("path", d=f"M{across(0):.1f} 4V{bottom:.1f}", class_="axis"))
    parts.append(_x_name(figure.x_label, left, right, bottom))
    if figure.beside:
        parts.append(_strips(figure, right + 10, bottom))
    return join(*parts), bottom + 42


def _whisker(series: Series, i: int) -> tuple[float, float, float]:
    value = series.y[i]
    least, most = (edge[i] if i < len(edge) and math.isfinite(edge[i]) else value for edge in (series.low, series.high))
    return value, least, most


def _bar(across: Scale, y: float, values: tuple[float, float, float], kind: str) -> Markup:
    """A bar of that kind from zero, or a dot if there is none, with its whisker."""
    value, least, most = values
    parts = []
    if kind:
        start, end = sorted((across(0.0), across(value)))
        parts.append(tag("rect", x=start, y=y - 7, width=max(end - start, 0.8), height=14, rx=2, class_=f"bar {kind}"))
    if most > least:
        a, b = across(least), across(most)
        path = f"M{a:.1f} {y:.1f}H{b:.1f}M{a:.1f} {y - 3.5:.1f}v7M{b:.1f} {y - 3.5:.1f}v7"
        parts.append(tag("path", d=path, class_="whisker over" if kind else "whisker s0"))
    if not kind:
        parts.append(tag("path", d=dots([(across(value), y)]), class_="dots big s0"))
    return join(*parts)


def _strips(figure: Figure, left: float, bottom: float) -> Markup:
    """Points of each bar's row in a panel at its right."""
    n_rows = len(figure.labels)
    pairs = [
        (x, y)
        for s in figure.beside
        for x, y in zip(s.x, s.y, strict=False)
        if len(finite((x, y))) == 2 and 0 <= y < n_rows
    ]
    low, high = padded(*domain([x for x, _ in pairs]))
    across = Scale(low, high, left, _RIGHT)
    swarms = defaultdict[float, list[float]](list)
    for x, y in pairs:
        swarms[y].append(across(x))
    places = [
        (x, 8 + _ROW * (row + 0.5) + dy)
        for row, xs in swarms.items()
        for x, dy in zip(xs, _spread(xs, _ROW / 2 - 3), strict=True)
    ]
    return join(
        x_axis(round_ticks(low, high, 2), across, 4, bottom),
        tag("path", d=dots(places), class_="dots some s1"),
        _x_name(figure.beside_label, left, _RIGHT, bottom),
    )


def draw_beeswarm(figure: Figure) -> tuple[Markup, float]:
    """One line of points a column, spread where they are dense, coloured from the column's low to its high values."""
    values = finite(x for s in figure.series for x in s.x)
    if not values:
        return nothing()
    left = _label_room(figure.labels)
    low, high = padded(*domain(values, zero=True))
    across = Scale(low, high, left, _RIGHT)
    bottom = 26 + _SWARM * len(figure.series)
    shades = defaultdict[str, list[tuple[float, float]]](list)
    parts = [_shade_key(_RIGHT), x_axis(round_ticks(low, high, 5), across, 22, bottom)]
    parts.append(tag("path", d=f"M{across(0):.1f} 22V{bottom:.1f}", class_="axis"))
    for i, (name, series) in enumerate(zip(figure.labels, figure.series, strict=False)):
        y = 26 + _SWARM * (i + 0.5)
        parts.append(_row_label(name, left, y))
        seen = [(across(x), _shade(series, k)) for k, x in enumerate(series.x) if finite((x,))]
        for (x, shade), dy in zip(seen, _spread([x for x, _ in seen], _SWARM / 2 - 2), strict=True):
            shades[shade].append((x, y + dy))
    parts += [tag("path", d=dots(places), class_=f"dots some {shade}") for shade, places in sorted(shades.items())]
    parts.append(_x_name(figure.x_label, left, _RIGHT, bottom))
    return join(*parts), bottom + 42


def _shade(series: Series, index: int) -> str:
    value = series.color[index] if index < len(series.color) else math.nan
    return f"v{round(min(max(value, 0.0), 1.0) * (N_SHADES - 1))}" if math.isfinite(value) else "none"


def _shade_key(right: float) -> Markup:
    start = right - 32 - 7 * N_SHADES - 4
    swatches = [tag("path", d=f"M{start + 7 * i:.1f} 9h0", class_=f"dots few v{i}") for i in range(N_SHADES)]
    return join(label("low", start - 8, 13, anchor="end"), *swatches, label("high", right, 13, anchor="end"))


def _spread(xs: Sequence[float], room: float) -> list[float]:
    """How far each point moves up or down so that neighbours do not cover each other, at most `room`."""
    bins = defaultdict[int, list[int]](list)
    for i, x in enumerate(xs):
        bins[round(x / (2 * _DOT))].append(i)
    tallest = max((len(members) for members in bins.values()), default=1)
    step = min(2 * _DOT, 2 * room / max(tallest, 1))
    moved = [0.0] * len(xs)
    for members in bins.values():
        for rank, i in enumerate(members):
            moved[i] = step * ((rank + 1) // 2) * (1 if rank % 2 else -1)
    return moved


def draw_waterfall(figure: Figure) -> tuple[Markup, float]:
    """From the base, contribution by contribution, to the prediction."""
    series = figure.series[0] if figure.series else Series("", (), ())
    steps = [(name, value) for name, value in zip(figure.labels, series.y, strict=False) if finite((value,))]
    if not steps or len(finite(series.x[:2])) < 2:
        return nothing()
    base, last = series.x[0], series.x[1]
    places = [base]
    for _, value in steps:
        places.append(places[-1] + value)
    low, high = padded(*domain([*places, last]), 0.02)
    left = _label_room([name for name, _ in steps], most=200)
    down = max((text_width(_signed(value), FONT) for _, value in steps if value < 0), default=0.0)
    up = max((text_width(_plain(value), FONT) for value in (base, last, *(v for _, v in steps if v > 0))), default=0.0)
    across = Scale(low, high, left + down + 8, _RIGHT - up - 12)
    bottom = 8 + _ROW * (len(steps) + 2)
    parts = [x_axis(round_ticks(low, high, 4), across, 4, bottom), _end("average", base, across, left, 0)]
    for i, (name, value) in enumerate(steps):
        y = 8 + _ROW * (i + 1.5)
        parts += [_row_label(name, left, y), _step(across, y, places[i], value)]
    parts.append(_end("this row", last, across, left, len(steps) + 1))
    parts.append(_x_name(figure.x_label, left, _RIGHT, bottom))
    return join(*parts), bottom + 42


def _step(across: Scale, y: float, before: float, value: float) -> Markup:
    start, end = across(before), across(before + value)
    kind = "up" if value >= 0 else "down"
    near, far = sorted((start, end))
    link = tag("path", d=f"M{start:.1f} {y - _ROW + 7:.1f}V{y - 7:.1f}", class_="link")
    bar = tag("rect", x=near, y=y - 7, width=max(far - near, 0.8), height=14, rx=2, class_=f"bar {kind}")
    text = label(_signed(value), far + 5, y + 4, kind="value")
    if value < 0:
        text = label(_signed(value), near - 5, y + 4, anchor="end", kind="value")
    return join(link, bar, text)


def _end(name: str, value: float, across: Scale, left: float, row: int) -> Markup:
    """The row of the base or of the prediction: a mark at its place and its value."""
    y, x = 8 + _ROW * (row + 0.5), across(value)
    shown = _plain(value)
    is_right = x + 8 + text_width(shown, FONT) > WIDTH
    text = label(shown, x - 8 if is_right else x + 8, y + 4, anchor="end" if is_right else "start", kind="value strong")
    return join(
        label(name, left - 8, y + 4, anchor="end", kind="tick strong"),
        tag("path", d=f"M{x:.1f} {y - 8:.1f}v16", class_="end"),
        text,
    )


def _signed(value: float) -> str:
    return f"+{_plain(value)}" if value >= 0 else _plain(value)


def _plain(value: float) -> str:
    return format_number(value).replace("-", "−")


def _label_room(names: Sequence[str], most: float = 170) -> float:
    return min(max((text_width(name, FONT) for name in names), default=0.0), most) + 12


def _row_label(name: str, left: float, y: float) -> Markup:
    text = elided(name or "(no name)", left - 10)
    parts = [tag("title", name), join(text)] if text != name else [join(text)]
    return tag("text", *parts, x=left - 8, y=y + 4, text_anchor="end", class_="tick row")


def _x_name(text: str, left: float, right: float, bottom: float) -> Markup:
    shown = elided(text, max(right - left, 60) + 20)
    half = text_width(shown, FONT) / 2
    middle = min(max((left + right) / 2, half + 2), WIDTH - half - 2)
    return label(shown, middle, bottom + 35, anchor="middle", kind="name")
