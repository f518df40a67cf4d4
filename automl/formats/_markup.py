"""HTML and SVG elements as text that cannot be broken out of: whatever is not markup already is escaped."""

from __future__ import annotations

import html
import unicodedata

from automl.typography import printable

_VOID = frozenset({"meta", "br", "hr", "link"})
# Of DejaVu Sans, the widest of the sans serifs that systems come with: what fits it fits the others.
_NARROW = frozenset("iljtfrI.,:;!|'`()[] ")
_WIDE = frozenset("mwMW@%—…+=<>−_#~≤≥")


class Markup(str):
    """Text that is markup; any other text is escaped where it goes into an element."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """An element: `class_` is class, `aria_label` aria-label; attributes that are None are left out."""
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            shown = _rounded(value) if isinstance(value, (int, float)) else _escaped(value)
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{shown}"')
    start = f"<{' '.join(parts)}>"
    return Markup(start if name in _VOID else f"{start}{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Markup one after another, anything else escaped."""
    return Markup("".join(child if isinstance(child, Markup) else _escaped(child) for child in children))


def _escaped(text: str) -> str:
    # Control and direction-changing characters are shown, as they are in the terminal.
    return html.escape(printable(text), quote=True)


def _rounded(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text_width(text: str, size: float = 12.0) -> float:
    """Roughly the width of the text in a system's sans serif, in the unit of `size`; never far too little."""
    return size * sum(_em(character) for character in printable(text))


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.9 if character in _WIDE else 0.72 if character.isupper() else 0.63


def elided(text: str, width: float, size: float = 12.0) -> str:
    """The text, its end replaced by an ellipsis where it is wider than `width`."""
    shown = printable(text)
    if text_width(shown, size) <= width:
        return shown
    room = width - 1.0 * size
    kept = 0
    for character in shown:
        room -= size * _em(character)
        if room < 0:
            break
        kept += 1
    return shown[:kept].rstrip() + "…"
