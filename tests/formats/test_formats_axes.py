"""Ticks are round, few and within the axis."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from automl.formats._axes import Scale, date_ticks, day, domain, padded, round_ticks

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e250, max_value=1e250)
YEAR = 365.25 * 86_400


@given(st.lists(NUMBERS | st.just(math.nan) | st.just(math.inf), max_size=6), st.integers(2, 8))
@example([0.0, 5e-324], 2)
@example([1e-310], 5)
def test_ticks_of_any_values(values: list[float], n: int) -> None:
    low, high = padded(*domain(values))
    assert low < high
    ticks = round_ticks(low, high, n)
    assert 1 <= len(ticks.places) <= 2 * n + 2
    slack = 1e-6 * (high - low)
    assert all(low - slack <= place <= high + slack for place in ticks.places)
    assert len(ticks.labels) == len(ticks.places)
    scale = Scale(low, high, 10.0, 90.0)
    assert all(10.0 <= scale(v) <= 90.0 for v in (*ticks.places, low, high))


@given(st.floats(-60 * YEAR, 200 * YEAR), st.floats(60.0, 400 * YEAR))
def test_dates_have_few_distinct_ticks(start: float, length: float) -> None:
    ticks = date_ticks(start, start + length)
    assert len(ticks.places) <= 14
    assert all(start - 1 <= place <= start + length + 1 for place in ticks.places)
    assert len(set(ticks.labels)) == len(ticks.labels)


def test_ticks_read_well() -> None:
    assert round_ticks(0.0, 1.0, 5).labels == ("0", "0.2", "0.4", "0.6", "0.8", "1.0")
    assert round_ticks(0.0, 3_200_000.0, 4).labels == ("0", "1M", "2M", "3M") or round_ticks(
        0.0, 3_200_000.0, 4
    ).labels == ("0", "1,000k", "2,000k", "3,000k")
    assert round_ticks(-20.0, 20.0, 4).labels == ("−20", "−10", "0", "10", "20")
    assert (
        date_ticks(0.0, 4 * YEAR).labels
        == ("1970", "1971", "1972", "1973", "1974")[: len(date_ticks(0.0, 4 * YEAR).labels)]
    )
    assert date_ticks(0.0, 10 * 86_400.0).labels[0] == "1 Jan"
    assert day(1e18) == "1e+18"
