from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.errors import DataError
from automl.profile import NumberFormat
from automl.table import Column, Table


def column(values: object, dtype: pl.DataType | type[pl.DataType] | None = None) -> Column:
    return Column(pl.Series("x", values, dtype))


@given(st.lists(st.one_of(st.none(), st.integers(-(10**6), 10**6)), min_size=1))
def test_whole_numbers_are_one_text_whatever_their_storage(values: list[int | None]) -> None:
    want = [None if v is None else str(v) for v in values]
    assert column(values, pl.Int64).as_text().to_list() == want
    assert column([None if v is None else float(v) for v in values], pl.Float64).as_text().to_list() == want
    assert column([None if v is None else f" {v} " for v in values], pl.String).as_text().to_list() == want


def test_the_text_of_a_value_does_not_hang_on_its_neighbours() -> None:
    assert column([1.0, 2.5, float("nan"), -0.0]).as_text().to_list() == ["1", "2.5", None, "0"]
    assert column([1.0]).as_text().to_list() == ["1"]
    assert column([True, None]).as_text().to_list() == ["true", None]
    assert column([dt.date(2020, 1, 2)]).as_text().to_list() == ["2020-01-02"]


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["a", " a\u3000", "\x1ca", "?", " ? ", "b\x85"]))
    ),
    st.lists(st.sampled_from(["?", "", "a", "\x1ca"])),
)
def test_few_strings_are_read_as_many_are(values: list[str | None], tokens: list[str]) -> None:
    few, many = column(values, pl.String), column(values + ["z"] * 100, pl.String)
    n = len(values)
    assert few.as_text().to_list() == many.as_text().to_list()[:n]
    assert few.without(tokens).series.to_list() == many.without(tokens).series.to_list()[:n]
    assert few.codes(["a", "b", ""]).tolist() == many.codes(["a", "b", ""]).tolist()[:n]


def test_missing_is_null_or_nan() -> None:
    assert column([1.0, None, float("nan")]).missing.tolist() == [False, True, True]
    assert column(["a", None, ""]).missing.tolist() == [False, True, False]
    assert column([None, None]).missing.tolist() == [True, True]


def test_tokens_and_numbers_can_be_made_missing() -> None:
    assert column([" ?", "1", None]).without(tokens=["?"]).missing.tolist() == [True, False, True]
    assert column([-999, 1, None]).without(numbers=[-999.0]).missing.tolist() == [True, False, True]
    assert column([1, 2]).without(tokens=["1"]).missing.tolist() == [False, False]


@pytest.mark.parametrize(
    ("text", "how", "number"),
    [
        ("1.5", NumberFormat(), 1.5),
        (" 1e3 ", NumberFormat(), 1000.0),
        ("1,234.5", NumberFormat(thousands=","), 1234.5),
        ("1.234,5", NumberFormat(decimal=",", thousands="."), 1234.5),
        ("$ 1,234", NumberFormat(thousands=",", strip="$ "), 1234.0),
        ("45 %", NumberFormat(strip="% "), 45.0),
        ("19M", NumberFormat(suffixes=True), 19e6),
        ("2.5k", NumberFormat(suffixes=True), 2500.0),
        ("7", NumberFormat(suffixes=True), 7.0),
        ("1e3", NumberFormat(suffixes=True), 1000.0),
        ("inf", NumberFormat(), np.nan),
        ("n/a", NumberFormat(), np.nan),
    ],
)
def test_numbers_in_text(text: str, how: NumberFormat, number: float) -> None:
    np.testing.assert_array_equal(column([text, None]).numbers(how), [number, np.nan])


@pytest.mark.parametrize(
    ("text", "how", "seconds"),
    [
        ("1970-01-02", "iso", 86400.0),
        ("1970-02", "iso", 31 * 86400.0),
        ("1970-01-01T00:01:00Z", "iso", 60.0),
        ("1970-01-01 00:00:01.5", "iso", 1.5),
        ("02/01/1970", "%d/%m/%Y", 86400.0),
        ("02.01.1970 01:00", "%d.%m.%Y %H:%M", 90000.0),
        ("1970-01-01 02:00:00 +0100", "%Y-%m-%d %H:%M:%S %z", 3600.0),
        ("January 2, 1970", "%B %d, %Y", 86400.0),
        ("90", "epoch_s", 90.0),
        ("no date", "iso", np.nan),
    ],
)
def test_dates_in_text(text: str, how: str, seconds: float) -> None:
    np.testing.assert_array_equal(column([text, None], pl.String).datetimes(how), [seconds, np.nan])


def test_dates_as_stored() -> None:
    zoned = pl.Series("x", [dt.datetime(1970, 1, 1, 1)]).dt.replace_time_zone("Europe/Paris")
    assert Column(zoned).datetimes(None).tolist() == [0.0]
    assert column([dt.date(1970, 1, 2)]).numbers().tolist() == [86400.0]
    assert column([dt.time(0, 1)]).datetimes(None).tolist() == [60.0]


@given(st.lists(st.sampled_from(["a", "b", "c", "1", None]), min_size=1), st.lists(st.sampled_from("ab1"), unique=True))
def test_codes_are_places_in_the_vocabulary(values: list[str | None], words: list[str]) -> None:
    want = [-1 if v is None else words.index(v) if v in words else -2 for v in values]
    got = column(values, pl.String).codes(words)
    assert got.tolist() == want
    assert got.dtype == np.int32


def test_counts_break_ties_by_text() -> None:
    assert column(["b", "a", "c", "c", None]).counts(2) == [("c", 2), ("a", 1)]
    assert column([None, None], pl.String).counts(3) == []
    assert column(["a1", "b", None]).share_matching(r"\d") == 0.5
    assert column([None], pl.String).share_matching("a") == 0.0


def test_rows_and_columns() -> None:
    table = Table.from_columns({"": [1, 2, 3], "é😀": ["a", None, "c"], "x": np.array([0.5, np.nan, 1.5], object)})
    assert (table.n_rows, table.names) == (3, ("", "é😀", "x"))
    assert table.column("x").missing.tolist() == [False, True, False]
    assert table.take(np.array([2, 0])).column("").numbers().tolist() == [3.0, 1.0]
    assert table.take(np.array([True, False, True])).n_rows == 2
    assert table.take(slice(1, 3)).n_rows == 2
    assert table.select(["x", ""]).names == ("x", "")
    rows = table.sample(2, seed=1).column("").numbers()
    assert len(rows) == 2
    assert rows[0] < rows[1]
    assert table.sample(9, seed=1) is table
    with pytest.raises(DataError, match="no column 'É😀 '") as caught:
        table.column("É😀 ")
    assert "nearest: 'é😀'" in str(caught.value)


def test_equal_rows_have_equal_hashes() -> None:
    hashes = Table.from_columns({"a": [1, 2, 1], "b": ["x", "x", "x"]}).row_hashes()
    assert hashes[0] == hashes[2] != hashes[1]


def test_names_that_polars_takes_for_patterns_are_names() -> None:
    table = Table.from_columns({"*": [1, 2], "^a.*$": [3, 4], "ab": [5, 6], "count": ["x", "x"]})
    assert table.select(["^a.*$", "*"]).names == ("^a.*$", "*")
    assert table.column("count").counts(5) == [("x", 2)]
