"""The report as data: sections of text, tables and figures, which `formats/` render."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

Severity: TypeAlias = Literal["info", "warning", "danger"]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A paragraph of plain text (never markup)."""

    text: str
    style: Literal["plain", "lead", "note", "code", "heading"] = "plain"


class TableBlock(msgspec.Struct, frozen=True, tag="table"):
    """Rows of plain text under column heads; `numeric` marks the columns that are aligned right."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...] = ()


class Series(msgspec.Struct, frozen=True):
    """One line, set of points or row of bars.

    Attributes:
        x: (n_points,); positions for bars.
        y: (n_points,).
        color: (n_points,) in [0, 1]: low to high of coloured points, 0 or 1 of bars that lower or raise; or empty.
        low, high: (n_points,) band of a line, whiskers of points and bars; empty otherwise.
        mark: How a series of a line, points or histogram chart is drawn; empty for the way of its chart.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    color: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    mark: Literal["", "line", "dashes", "step", "points"] = ""


class Figure(msgspec.Struct, frozen=True, tag="figure", kw_only=True):
    """A chart.

    Attributes:
        chart: line, points, bars (horizontal, labels beside), histogram, heatmap, beeswarm or waterfall.
        labels: Names of bars, heatmap columns or beeswarm rows.
        row_labels: Names of heatmap rows.
        values: Heatmap cells, row by row.
        diagonal: Draw y = x (ROC, calibration, observed against predicted).
        caption: What to read from it, one sentence.
        from_zero: Bars start at zero; otherwise they are dots on an axis that fits the values.
        by_row: Heatmap cells are shaded by their share of the row.
        dates: x counts seconds since 1970.
        beside: Points of a second panel over the same axis: below a line, right of bars (x the value, y the bar).
        beside_label: What the second panel counts.
    """

    title: str
    chart: Literal["line", "points", "bars", "histogram", "heatmap", "beeswarm", "waterfall"]
    series: tuple[Series, ...] = ()
    labels: tuple[str, ...] = ()
    row_labels: tuple[str, ...] = ()
    values: tuple[tuple[float, ...], ...] = ()
    x_label: str = ""
    y_label: str = ""
    diagonal: bool = False
    caption: str = ""
    from_zero: bool = True
    by_row: bool = False
    dates: bool = False
    beside: tuple[Series, ...] = ()
    beside_label: str = ""


class Notice(msgspec.Struct, frozen=True, tag="notice"):
    """A finding or warning, with its severity."""

    title: str
    text: str
    severity: Severity = "info"


class Marked(msgspec.Struct, frozen=True, tag="marked", kw_only=True):
    """A text whose pieces raise or lower something.

    Attributes:
        pieces: The text in order, the blanks between words included.
        weights: (n_pieces,) how far each piece raises (above 0) or lowers it; 0 for pieces without a weight.
        unit: Of the weights.
        caption: What to read from it, one sentence.
    """

    title: str
    pieces: tuple[str, ...]
    weights: tuple[float, ...]
    unit: str = ""
    caption: str = ""


class Overlay(msgspec.Struct, frozen=True, tag="overlay", kw_only=True):
    """A picture whose patches raise or lower something.

    Attributes:
        picture: A PNG in base64.
        size: (width, height) of the picture in pixels.
        grid: (n_rows, n_columns) of patches of about one size, which cover the picture.
        weights: (n_patches,) how far each raises (above 0) or lowers it, row by row from the top left.
        unit: Of the weights.
        caption: What to read from it, one sentence.
    """

    title: str
    picture: str
    size: tuple[int, int]
    grid: tuple[int, int]
    weights: tuple[float, ...]
    unit: str = ""
    caption: str = ""


Block: TypeAlias = Text | TableBlock | Figure | Notice | Marked | Overlay


class Section(msgspec.Struct, frozen=True):
    """A heading with blocks below it; `anchor` is its id."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report.

    Attributes:
        title: One line.
        subtitle: Data, date, budget.
        facts: (name, value) shown as tiles on top.
        result: The machine-readable result, as `fit --json` prints it.
    """

    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    result: dict[str, Any]
