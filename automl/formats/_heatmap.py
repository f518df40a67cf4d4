"""Heatmaps: cells shaded by value, counts where there is room for them."""

from __future__ import annotations

from collections.abc import Sequence

from automl.formats._axes import FONT, finite, label
from automl.formats._markup import Markup, elided, join, tag, text_width
from automl.formats._plane import WIDTH, nothing
from automl.report import Figure
from automl.typography import format_number

_LARGEST_CELL = 96.0
_N_SHADES = 10
_SMALL = 9.0


def draw_heatmap(figure: Figure) -> tuple[Markup, float]:
    """Cells in rows, their labels around them; the darker, the more."""
    n_rows, n_columns = len(figure.values), max((len(row) for row in figure.values), default=0)
    cells = finite(v for row in figure.values for v in row)
    if not cells:
        return nothing()
    left = min(max((text_width(name, FONT) for name in figure.row_labels), default=0.0), 130) + 12
    left += 18 if figure.y_label else 0
    cell = min((WIDTH - 14 - left) / n_columns, _LARGEST_CELL)
    height = min(max(cell, 16.0), 44.0)
    is_slanted = any(text_width(name, FONT) > cell - 4 for name in figure.labels)
    head = (
        (min(max(text_width(name, FONT) for name in figure.labels), 90) + 10) if is_slanted and figure.labels else 20.0
    )
    top = head + (20 if figure.x_label else 0)
    parts = [label(figure.x_label, left + cell * n_columns / 2, 13, anchor="middle", kind="name")]
    parts += [_column_label(figure.labels[i], left + cell * (i + 0.5), top - 6, is_slanted) for i in range(n_columns)]
    for i, row in enumerate(figure.values):
        y = top + height * i
        name = figure.row_labels[i] if i < len(figure.row_labels) else ""
        parts.append(_row_label(name, left - 8, y + height / 2 + 4, left - (29.5 if figure.y_label else 11.5)))
        most = max(finite(row if figure.by_row else cells), default=0.0)
        parts += [_cell(v, most, (left + cell * k, y), (cell, height)) for k, v in enumerate(row)]
    middle = top + height * n_rows / 2
    if figure.y_label:
        turned = tag(
            "text",
            figure.y_label,
            transform=f"translate(12 {middle:.1f}) rotate(-90)",
            text_anchor="middle",
            class_="name",
        )
        parts.append(turned)
    return join(*parts), top + height * n_rows + 8


def _cell(value: float, most: float, corner: tuple[float, float], size: tuple[float, float]) -> Markup:
    if not finite((value,)):
        return Markup("")
    x, y = corner
    share = min(max(value / most, 0.0), 1.0) if most > 0 else 0.0
    shade = 0 if share == 0 else 1 + round(share * (_N_SHADES - 1))
    rect = tag("rect", x=x + 0.5, y=y + 0.5, width=size[0] - 1, height=size[1] - 1, rx=2, class_=f"cell h{shade}")
    text = format_number(value)
    font = next((f for f in (FONT, _SMALL) if text_width(text, f) <= size[0] - 2), None)
    if font is None or value == 0:
        return rect
    kind = f"count{' light' if shade > 5 else ''}{' small' if font == _SMALL else ''}"
    return join(rect, label(text, x + size[0] / 2, y + size[1] / 2 + font / 3, anchor="middle", kind=kind))


def _row_label(name: str, x: float, y: float, room: float) -> Markup:
    text = elided(name, room)
    parts: Sequence[str] = [tag("title", name), text] if text != name else [text]
    return tag("text", *parts, x=x, y=y, text_anchor="end", class_="tick")


def _column_label(name: str, x: float, y: float, is_slanted: bool) -> Markup:
    text = elided(name, 90) if is_slanted else name
    parts: Sequence[str] = [tag("title", name), text] if text != name else [text]
    if not is_slanted:
        return tag("text", *parts, x=x, y=y, text_anchor="middle", class_="tick")
    return tag("text", *parts, transform=f"translate({x + 4:.1f} {y:.1f}) rotate(-90)", class_="tick")
