"""Seconds of fits, many of which take less than one."""

from __future__ import annotations

from automl.quantities import format_seconds


def seconds_text(seconds: float) -> str:
    """As `format_seconds`, with two decimals below a second: 0.05 s, 1.3 s, 61 s."""
    return format_seconds(seconds) if seconds >= 0.95 else f"{max(seconds, 0.01):.2f} s"
