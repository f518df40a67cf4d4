"""What more would bring: a learning curve of three points, each of twice as much as the one before, carried on.

The points may be of rows or of trials. Errors fall like a power of either (Viering & Loog 2021, arXiv 2103.10948), so
the gains of one doubling after another shrink by a constant; with three noisy points it is taken as known: 0.7, the
parametric rate of one over the square root. Estimating it as well would follow the noise.
"""

from __future__ import annotations

import math

import msgspec

_SHRINKS = 0.7


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the search is expected to come to, and what would lift it.

    Attributes:
        seconds: Of the search, at which this was made.
        value: Of the metric expected at the time limit, in the metric's own sign.
        to_limit: Gain expected of searching on to the time limit (>= 0, whatever the metric's sign).
        twice_time: Gain expected of twice the time searched so far.
        twice_rows: Gain expected of twice the rows; None where no curve over rows was measured.
    """

    seconds: float
    value: float
    to_limit: float
    twice_time: float
    twice_rows: float | None = None


def next_doubling(quarter: float, half: float, whole: float) -> float:
    """Gain expected of twice as much, from the gains reached with a quarter, half and all of it; never below 0."""
    return max(0.0, (_SHRINKS * (whole - half) + _SHRINKS**2 * (half - quarter)) / 2)


def over(gain: float, factor: float) -> float:
    """Gain expected of `factor` times as much, where twice as much would bring `gain`."""
    doublings = math.log2(max(factor, 1.0))
    return float(gain * (1 - _SHRINKS**doublings) / (1 - _SHRINKS))
