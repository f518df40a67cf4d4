from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.quantities import (
    format_bytes,
    format_seconds,
    parse_bytes,
    parse_clock,
    parse_megabytes,
    parse_milliseconds,
    parse_seconds,
    seconds_until,
    split_commas,
    split_pair,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("5m", 300),
        ("2h", 7200),
        ("1h30m", 5400),
        ("45", 45),
        (" 1h 30m ", 5400),
        ("0.5h", 1800),
        ("1d", 86400),
    ],
)
def test_times_as_people_type_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "-5s", "0", "0m", "5x", "m5", "1h30", "nan", "inf"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"1h30m|more than zero"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GB", 8 * 10**9), ("512mb", 512 * 10**6), ("4GiB", 4 * 2**30), ("1.5 G", 15 * 10**8), ("123", 123)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["8XB", "GB", "-1GB", "0"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|more than zero"):
        parse_bytes(text)


def test_plain_numbers_take_the_unit_of_the_option() -> None:
    assert parse_megabytes("50") == parse_megabytes("50MB") == 50
    assert parse_milliseconds("5") == parse_milliseconds("5ms") == pytest.approx(5)
    assert parse_milliseconds("0.1s") == pytest.approx(100)


def test_until_is_the_next_time_the_clock_shows_it() -> None:
    night = datetime(2026, 1, 1, 23, 0, tzinfo=UTC)
    assert seconds_until(parse_clock("06:00"), night) == 7 * 3600
    assert seconds_until(parse_clock("23:30"), night) == 1800
    assert seconds_until(time(23, 0), night) == 86400


@pytest.mark.parametrize("text", ["6", "25:00", "06:60", "noon", "06:00:99"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="06:00"):
        parse_clock(text)


def test_lists_and_pairs() -> None:
    assert split_commas(' a, "b,c" ,,d ') == ("a", "b,c", "d")
    assert split_pair("a=b=category") == ("a=b", "category")
    for bad in ("abc", "abc="):
        with pytest.raises(ValueError, match="NAME=VALUE"):
            split_pair(bad)


@given(st.floats(min_value=0.1, max_value=1e6))
def test_a_formatted_time_is_true_to_half_a_second_or_one_percent(seconds: float) -> None:
    shown = format_seconds(seconds).replace("min", "m").replace(" ", "")
    assert parse_seconds(shown) == pytest.approx(seconds, rel=0.01, abs=0.051 if seconds < 9.9 else 0.501)


@given(st.integers(min_value=1, max_value=10**15))
def test_a_formatted_size_is_true_to_six_percent(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == pytest.approx(size, rel=0.06)
