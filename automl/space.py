"""Search spaces in plain records: what may be tuned, without an optimiser in sight."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Value: TypeAlias = bool | int | float | str | None
Params: TypeAlias = dict[str, Value]


class Float(msgspec.Struct, frozen=True, tag=True):
    """A real number in [low, high], on a log scale if `log`."""

    low: float
    high: float
    log: bool = False


class Int(msgspec.Struct, frozen=True, tag=True):
    """A whole number in [low, high], on a log scale if `log`."""

    low: int
    high: int
    log: bool = False


class Choice(msgspec.Struct, frozen=True, tag=True):
    """One of a few values without an order."""

    options: tuple[Value, ...]


Dimension: TypeAlias = Float | Int | Choice
Space: TypeAlias = dict[str, Dimension]


def contains(space: Space, params: Params) -> bool:
    """Whether every tuned parameter of `params` lies in `space`; parameters outside the space are free."""
    for name, dimension in space.items():
        if name not in params:
            return False
        value = params[name]
        if isinstance(dimension, Choice):
            if value not in dimension.options:
                return False
        elif isinstance(value, (str, bool)) or value is None or not dimension.low <= value <= dimension.high:
            return False
    return True
