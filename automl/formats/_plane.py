"""Charts over two axes: lines, steps, points and histograms, with a legend and, if asked, a second panel below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from automl.formats._axes import (
    FONT,
    Scale,
    Ticks,
    date_ticks,
    domain,
    finite,
    label,
    padded,
    round_ticks,
    tick_room,
    x_axis,
    y_axis,
)
from automl.formats._markup import Markup, elided, join, tag, text_width
from automl.report import Figure, Series

WIDTH = 460.0
N_COLORS = 6
_RIGHT = WIDTH - 14
_LINE = 18.0
_FEW = 25
_CLASSES = {"points": "dots", "bar": "dots", "auto": "line"}


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A series with what cannot be drawn left out."""

    name: str
    mark: str
    index: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def kind(self) -> str:
        """Its class: a colour, and a pattern once colours repeat."""
        return f"s{self.index % N_COLORS} p{self.index // N_COLORS % 3}"


@dataclass(frozen=True, slots=True)
class _Panel:
    """Where a panel lies: scales from data to the plane, whose y runs down."""

    x: Scale
    y: Scale

    @property
    def top(self) -> float:
        return self.y.end

    @property
    def bottom(self) -> float:
        return self.y.start


def draw_plane(figure: Figure) -> tuple[Markup, float]:
    """The chart's elements and its height, in a plane `WIDTH` wide."""
    default = {"line": "auto", "points": "points", "histogram": "bar"}[figure.chart]
    series = [_drawn(s, i, default) for i, s in enumerate(figure.series)]
    below = [_drawn(s, len(series) + i, "points") for i, s in enumerate(figure.beside)]
    if not any(s.x for s in (*series, *below)):
        return nothing()
    legend, height = _legend(series, _LINE if figure.y_label else 0.0)
    x_low, x_high, y_low, y_high = _domains(figure, series, below)
    y_ticks, below_ticks = round_ticks(y_low, y_high), _below_ticks(below)
    left = max(tick_room(y_ticks), tick_room(below_ticks) if below else 0.0)
    across = Scale(x_low, x_high, left, _RIGHT)
    x_ticks = date_ticks(x_low, x_high) if figure.dates else round_ticks(x_low, x_high, 6)
    top = height + 8
    tall = 280 if figure.diagonal else 165 if below else 215
    panel = _Panel(across, Scale(y_low, y_high, top + tall, top))
    parts = [
        label(elided(figure.y_label, WIDTH - 10), 2, 13, kind="name"),
        legend,
        x_axis(x_ticks, across, panel.top, panel.bottom, labelled=not below),
        y_axis(y_ticks, panel.y, left, _RIGHT),
        _diagonal(panel) if figure.diagonal else Markup(""),
        *(_mark(s, panel) for s in series),
    ]
    bottom = panel.bottom
    if below:
        second = _Panel(across, Scale(*_edges(below_ticks, below), bottom + 130, bottom + 34))
        parts += [
            label(elided(figure.beside_label, WIDTH - 10), 2, bottom + 24, kind="name"),
            x_axis(x_ticks, across, second.top, second.bottom),
            y_axis(below_ticks, second.y, left, _RIGHT),
            *(_mark(s, second) for s in below),
        ]
        bottom = second.bottom
    parts.append(
        label(elided(figure.x_label, WIDTH - 20), (left + _RIGHT) / 2, bottom + 35, anchor="middle", kind="name")
    )
    return join(*parts), bottom + 42


def nothing() -> tuple[Markup, float]:
    """What stands where nothing can be drawn."""
    return label("There are no numbers to draw.", WIDTH / 2, 34, anchor="middle", kind="name"), 56


def _drawn(series: Series, index: int, default: str) -> _Drawn:
    kept = [i for i, (x, y) in enumerate(zip(series.x, series.y, strict=False)) if len(finite((x, y))) == 2]
    low, high = (
        tuple(edge[i] if finite((edge[i],)) else series.y[i] for i in kept) if len(edge) >= len(series.y) else ()
        for edge in (series.low, series.high)
    )
    x, y = (tuple(values[i] for i in kept) for values in (series.x, series.y))
    return _Drawn(series.name, series.mark or default, index, x, y, low if high else (), high if low else ())


def _domains(figure: Figure, series: Sequence[_Drawn], below: Sequence[_Drawn]) -> tuple[float, float, float, float]:
    xs = [v for s in (*series, *below) for v in s.x]
    ys = [v for s in series for v in (*s.y, *s.low, *s.high)]
    if figure.diagonal:
        both = domain([*xs, *ys])
        low, high = (0.0, 1.0) if both[0] >= 0 and both[1] <= 1 else padded(*both)
        return low, high, low, high
    if figure.chart == "histogram":
        half = _bin_width(xs) / 2
        return *domain([min(xs, default=0.0) - half, max(xs, default=0.0) + half]), *domain([*ys, *[0.0] * bool(ys)])
    dotted = any(s.mark == "points" for s in (*series, *below))
    x_low, x_high = domain(xs)
    y_low, y_high = padded(*domain(ys))
    return (*(padded(x_low, x_high, 0.02) if dotted else (x_low, x_high)), y_low, y_high)


def _below_ticks(below: Sequence[_Drawn]) -> Ticks:
    return round_ticks(*padded(*domain([v for s in below for v in s.y])), 3)


def _edges(ticks: Ticks, below: Sequence[_Drawn]) -> tuple[float, float]:
    return padded(*domain([*(v for s in below for v in s.y), *ticks.places]))


def _bin_width(places: Sequence[float]) -> float:
    ordered = sorted(set(places))
    return min((b - a for a, b in pairwise(ordered)), default=1.0)


def _legend(series: Sequence[_Drawn], top: float) -> tuple[Markup, float]:
    """Names of the series, in as many lines as it takes, and where they end."""
    named = [s for s in series if s.name]
    if len(named) < 2:
        return Markup(""), top
    x, y, parts = 2.0, top, list[Markup]()
    for one in named:
        text = elided(one.name, 200)
        width = 26 + text_width(text, FONT) + 14
        if x > 2 and x + width > WIDTH:
            x, y = 2.0, y + _LINE
        swatch = f"M{x + 9:.1f} {y + 9:.1f}h0" if one.mark in ("points", "bar") else f"M{x:.1f} {y + 9:.1f}h18"
        parts += [tag("path", d=swatch, class_=f"{_class(one)} key"), label(text, x + 25, y + 13)]
        x += width
    return join(*parts), y + _LINE


def _class(series: _Drawn) -> str:
    return f"{_CLASSES.get(series.mark, series.mark)} {series.kind}"


def _diagonal(panel: _Panel) -> Markup:
    low, high = max(panel.x.low, panel.y.low), min(panel.x.high, panel.y.high)
    ends = f"M{panel.x(low):.1f} {panel.y(low):.1f}L{panel.x(high):.1f} {panel.y(high):.1f}"
    return tag("path", d=ends, class_="reference")


def _mark(series: _Drawn, panel: _Panel) -> Markup:
    """The series as it is drawn."""
    if not series.x:
        return Markup("")
    places = [(panel.x(x), panel.y(y)) for x, y in zip(series.x, series.y, strict=True)]
    if series.mark == "bar":
        return _bars(series, panel)
    if series.mark == "points":
        whiskers = "".join(
            f"M{x:.1f} {panel.y(low):.1f}V{panel.y(high):.1f}"
            for (x, _), low, high in zip(places, series.low, series.high, strict=False)
        )
        size = "few" if len(places) <= _FEW else "some" if len(places) <= 200 else "many"
        drawn = tag("path", d=dots(places), class_=f"dots {size} {series.kind}")
        return join(tag("path", d=whiskers, class_=f"whisker {series.kind}"), drawn) if whiskers else drawn
    if series.mark == "step":
        path = f"M{places[0][0]:.1f} {places[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
    else:
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts = [tag("path", d=path, class_=_class(series))]
    if series.low:
        there = [f"{panel.x(x):.1f} {panel.y(v):.1f}" for x, v in zip(series.x, series.high, strict=True)]
        back = [f"{panel.x(x):.1f} {panel.y(v):.1f}" for x, v in zip(series.x, series.low, strict=True)]
        parts.insert(0, tag("path", d=f"M{'L'.join([*there, *reversed(back)])}Z", class_=f"band {series.kind}"))
    if len(places) == 1 or (series.mark == "auto" and len(places) <= _FEW):
        parts.append(tag("path", d=dots(places), class_=f"dots few {series.kind}"))
    return join(*parts)


def dots(places: Sequence[tuple[float, float]]) -> str:
    """Points as a path of no length: its round ends are the dots."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places if math.isfinite(x + y))


def _bars(series: _Drawn, panel: _Panel) -> Markup:
    half = _bin_width(series.x) / 2
    path = ""
    for x, y in zip(series.x, series.y, strict=True):
        left, right, zero, end = panel.x(x - half), panel.x(x + half), panel.y(0.0), panel.y(y)
        path += f"M{left + 0.4:.1f} {zero:.1f}V{end:.1f}H{right - 0.4:.1f}V{zero:.1f}Z"
    return tag("path", d=path, class_=f"bar {series.kind}")
