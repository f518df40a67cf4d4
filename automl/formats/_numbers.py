"""The numbers behind a figure, as a table: for those who do not see it, and for formats that cannot draw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from statistics import median

from automl.formats._axes import day, finite
from automl.report import Figure, Marked, Overlay, Series, TableBlock
from automl.typography import format_number

_MOST_POINTS = 40


def numbers_of(block: Figure | Marked | Overlay) -> TableBlock:
    """What the figure shows; long series are thinned or summed up, and the title says so."""
    if isinstance(block, Figure):
        return _of_figure(block)
    return _marks(block) if isinstance(block, Marked) else _patches(block)


def _of_figure(figure: Figure) -> TableBlock:
    if figure.chart == "heatmap":
        return _cells(figure)
    if figure.chart == "beeswarm":
        return _summary(figure, figure.series)
    if figure.chart in ("bars", "waterfall"):
        return _named(figure)
    if any(s.mark == "points" or figure.chart == "points" for s in figure.series) and _longest(figure) > _MOST_POINTS:
        return _summary(figure, figure.series)
    return _points(figure)


def signed(value: float) -> str:
    """The number with its sign."""
    return f"+{format_number(value)}" if value > 0 else format_number(value).replace("-", "−")


def strongest(block: Marked | Overlay) -> list[tuple[str, float]]:
    """Pieces, or patches by their place, with their weights, the furthest from 0 first; those of 0 left out."""
    names: Sequence[str]
    if isinstance(block, Marked):
        names = block.pieces
    else:
        n_columns = max(1, block.grid[1])
        names = [f"row {i // n_columns + 1}, column {i % n_columns + 1}" for i in range(len(block.weights))]
    pairs = [(name, weight) for name, weight in zip(names, block.weights, strict=False) if weight and finite((weight,))]
    return sorted(pairs, key=lambda pair: -abs(pair[1]))


def _marks(block: Marked) -> TableBlock:
    pairs = strongest(block)
    title = "Numbers" if len(pairs) <= _MOST_POINTS else f"Numbers (the first {_MOST_POINTS} of {len(pairs)})"
    rows = tuple((" ".join(piece.split()), signed(weight)) for piece, weight in pairs[:_MOST_POINTS])
    return TableBlock(title, ("piece", block.unit or "weight"), rows, (False, True))


def _patches(block: Overlay) -> TableBlock:
    n_rows, n_columns = block.grid
    head = ("row \\ column", *(str(i + 1) for i in range(n_columns)))
    cells = [signed(weight) for weight in block.weights]
    rows = tuple((str(i + 1), *cells[i * n_columns : (i + 1) * n_columns]) for i in range(n_rows))
    return TableBlock("Numbers", head, rows, (False, *[True] * n_columns))


def _longest(figure: Figure) -> int:
    return max((len(s.x) for s in figure.series), default=0)


def _cells(figure: Figure) -> TableBlock:
    width = max((len(row) for row in figure.values), default=0)
    head = (f"{figure.y_label} \\ {figure.x_label}", *_padded(figure.labels, width))
    rows = tuple(
        (name or "", *_padded([format_number(v) for v in row], width))
        for name, row in zip_longest(figure.row_labels[: len(figure.values)], figure.values, fillvalue=())
    )
    return TableBlock("Numbers", head, rows, (False, *[True] * width))


def _padded(texts: Sequence[str], width: int) -> tuple[str, ...]:
    return (*texts[:width], *[""] * (width - len(texts)))


def _named(figure: Figure) -> TableBlock:
    series = figure.series[0] if figure.series else Series("", (), ())
    unit = figure.x_label or series.name
    if figure.chart == "waterfall":
        ends = [*series.x[:2], *[float("nan")] * 2][:2]
        steps = [("average", ends[0]), *zip(figure.labels, series.y, strict=False), ("this row", ends[1])]
        return TableBlock("Numbers", ("", unit), tuple((n, format_number(v)) for n, v in steps), (False, True))
    edges = [edge for edge in (series.low, series.high) if len(edge) >= len(series.y)]
    head = ("", unit, *(("from", "to") if len(edges) == 2 else ()))
    rows = tuple(
        (name, format_number(value), *(format_number(edge[i]) for edge in edges if len(edges) == 2))
        for i, (name, value) in enumerate(zip(figure.labels, series.y, strict=False))
    )
    return TableBlock("Numbers", head, rows, (False, *[True] * (len(head) - 1)))


def _points(figure: Figure) -> TableBlock:
    show = day if figure.dates else format_number
    named = len(figure.series) > 1
    rows, thinned = [], False
    for series in figure.series:
        count = min(len(series.x), len(series.y))
        every = max(1, -(-count // _MOST_POINTS))
        thinned = thinned or every > 1
        kept = sorted({*range(0, count, every), *range(count)[-1:]})
        rows += [(*((series.name,) if named else ()), show(series.x[i]), format_number(series.y[i])) for i in kept]
    head = (*(("series",) if named else ()), figure.x_label or "x", figure.y_label or "y")
    title = "Numbers (some of the points)" if thinned else "Numbers"
    return TableBlock(title, head, tuple(rows), (*([False] * named), True, True))


def _summary(figure: Figure, many: Sequence[Series]) -> TableBlock:
    is_swarm = figure.chart == "beeswarm"
    show = day if is_swarm is False and figure.dates else format_number
    names = figure.labels if is_swarm else [s.name for s in many]
    rows = []
    for name, series in zip_longest(names[: len(many)], many, fillvalue=""):
        assert isinstance(series, Series)
        xs, ys = finite(series.x), finite(series.y)
        spread = xs if is_swarm else ys
        told = [min(spread), median(spread), max(spread)] if spread else [float("nan")] * 3
        across = () if is_swarm else ((f"{show(min(xs))} … {show(max(xs))}" if xs else "–"),)
        rows.append((str(name), f"{len(spread):,}", *across, *map(format_number, told)))
    across_head = () if is_swarm else (figure.x_label or "x",)
    head = ("column" if is_swarm else "series", "points", *across_head, "least", "median", "greatest")
    return TableBlock("Numbers, summed up", head, tuple(rows), (False, *[True] * (len(head) - 1)))
