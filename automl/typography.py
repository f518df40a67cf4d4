"""Text for terminals and logs: what came from the data is made harmless, numbers get the digits they deserve."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

_BARS = "▁▂▃▄▅▆▇█"


def printable(text: str, limit: int | None = None) -> str:
    """The text with every control and direction-changing character escaped, cut to `limit` characters.

    A column name or a value can hold an ANSI sequence that rewrites the terminal; here it is shown, not obeyed.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character != "\u200d":
        return "⏎" if character == "\n" else character.encode("unicode_escape").decode()
    return character


def quoted(name: str, limit: int = 40) -> str:
    """A name from the data, in quotes where it is empty or blanks would be lost.

    A long one loses its middle: names of one table often begin, or end, alike.
    """
    if len(name) > limit:
        head = limit // 2
        name = f"{name[:head]}…{name[head + 1 - limit :]}"
    shown = printable(name)
    return shown if shown and shown == shown.strip() else f"'{shown}'"


def listed(names: Sequence[str], limit: int = 3) -> str:
    """Some names and how many more there are."""
    shown = ", ".join(quoted(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def counted(n: int, one: str, many: str | None = None) -> str:
    """1 column, 7,043 rows."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def format_number(value: float) -> str:
    """Four significant digits, thousands apart."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    size = abs(value)
    if value == int(value) and size < 1e6:
        return f"{int(value):,}"
    if size >= 1e9 or 0 < size < 1e-4:
        return f"{value:.3g}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"


def format_score(value: float, error: float = 0.0, digits: int = 3) -> str:
    """A metric with at least `digits` significant digits, one more where its standard error is finer.

    Decimals are fixed, not trimmed: 0.850 says more than 0.85, and columns of scores align.
    """
    if not math.isfinite(value):
        return format_number(value)
    decimals = digits - 1 - math.floor(math.log10(abs(value) or 1.0))
    if 0 < error < abs(value):
        decimals = min(max(decimals, -math.floor(math.log10(error))), decimals + 1)
    return f"{value:,.{min(max(decimals, 0), 8)}f}"


def format_share(share: float) -> str:
    """73 %, 0.4 %, < 0.1 %."""
    percent = share * 100
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f} %" if percent < 99.5 or percent == 100 else f"{min(percent, 99.9):.1f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else "< 0.1 %"


def sparkline(values: Iterable[float], width: int = 8) -> str:
    """The last values (or bins, if they are counts) as a row of bars between their least and greatest."""
    seen = [value for value in values if math.isfinite(value)][-width:]
    if not seen:
        return ""
    low, high = min(seen), max(seen)
    if high == low:
        return _BARS[-2] * len(seen)
    # Halved, so that the span of the largest numbers is one itself.
    span = high / 2 - low / 2 or 1.0
    return "".join(_BARS[round((value / 2 - low / 2) / span * (len(_BARS) - 1))] for value in seen)


def histogram(counts: Sequence[int], width: int = 8) -> str:
    """Bin counts as bars from zero, neighbouring bins added up until there are at most `width`."""
    if not counts or not any(counts):
        return ""
    step = math.ceil(len(counts) / width)
    merged = [sum(counts[i : i + step]) for i in range(0, len(counts), step)]
    top = max(merged)
    return "".join(_BARS[math.ceil(n / top * (len(_BARS) - 1))] if n else " " for n in merged)


def bar(share: float, width: int) -> str:
    """A bar of at most `width` cells; something is always shown for something."""
    if share <= 0 or not math.isfinite(share):
        return ""
    return "█" * max(1, round(min(share, 1.0) * width))
