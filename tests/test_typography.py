from __future__ import annotations

import math
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from automl.typography import (
    bar,
    format_number,
    format_score,
    format_share,
    histogram,
    listed,
    printable,
    quoted,
    sparkline,
)


@given(st.text())
def test_nothing_that_comes_out_can_steer_a_terminal(text: str) -> None:
    assert all(unicodedata.category(c) not in ("Cc", "Cs") and c not in "\u202e\u2066\ufeff" for c in printable(text))


@given(st.text(), st.integers(min_value=1, max_value=20))
def test_plain_text_stays_and_long_text_is_cut(text: str, limit: int) -> None:
    if text.isascii() and text.isprintable():
        assert printable(text) == text
        assert len(printable(text, limit)) <= limit


def test_names_without_ink_are_quoted() -> None:
    assert [quoted(name) for name in ("", " ", "a ", "a b", "🎉")] == ["''", "' '", "'a '", "a b", "🎉"]
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_long_name_loses_its_middle() -> None:
    assert quoted("Please rank the films: first", 12) == "Please…first"
    assert len(quoted("x" * 100, 22)) == 22


def test_scores_get_the_decimals_their_error_deserves() -> None:
    assert format_score(0.85, 0.007) == "0.850"
    assert format_score(0.85123, 0.0004) == "0.8512"
    assert format_score(45231.4, 300.0) == "45,231"
    assert format_score(0.0123456) == "0.0123"
    assert format_score(-2.5) == "-2.50"
    assert format_score(0.0) == "0.00"
    assert format_score(math.nan) == "–"


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(min_value=0, allow_infinity=True))
def test_any_number_can_be_shown(value: float, error: float) -> None:
    assert format_number(value)
    assert format_score(value, error)


def test_shares() -> None:
    assert [format_share(s) for s in (0, 0.73, 0.004, 0.00001, 1, 0.9999)] == [
        "0 %", "73 %", "0.4 %", "< 0.1 %", "100 %", "99.9 %",
    ]  # fmt: skip


def test_sparklines_span_their_values_and_stand_missing_ones() -> None:
    assert sparkline([1, 2, 3]) == "▁▅█" or sparkline([1, 2, 3]) == "▁▄█"
    assert sparkline([]) == ""
    assert sparkline([math.nan]) == ""
    assert len(set(sparkline([5, 5, 5]))) == 1
    assert len(sparkline(range(100))) == 8


def test_histograms_start_at_zero_and_show_every_row() -> None:
    assert histogram([100, 1, 0]) == "█▂ "
    assert histogram([]) == histogram([0, 0]) == ""
    assert len(histogram([1] * 21)) <= 8


def test_bars_show_something_for_something() -> None:
    assert bar(0.001, 10) == "█"
    assert bar(0, 10) == ""
    assert bar(1, 10) == "█" * 10
    assert bar(math.inf, 10) == ""
