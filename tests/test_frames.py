"""Tables of what Python users hold."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from automl.frames import table_of

pd = pytest.importorskip("pandas")


def test_columns_of_every_kind_keep_their_values() -> None:
    frame = pd.DataFrame(
        {
            "int": pd.array([1, None, 3], dtype="Int64"),
            "float": [1.5, np.nan, 2.0],
            "text": ["a", None, "c"],
            "mixed": [1, "b", None],
            "category": pd.Categorical(["x", None, "y"]),
            "time": pd.to_datetime(["2024-01-02 00:00", None, "2024-03-04 05:06"]),
            "truth": [True, None, False],
            "decimal": [Decimal("1.5"), None, Decimal("2")],
            "day": [dt.date(2024, 1, 2), None, dt.date(2024, 1, 3)],
            "span": pd.to_timedelta([60, None, 90], unit="s"),
            7: [1, 2, 3],
        }
    )
    table = table_of(frame)
    assert table.names[-1] == "7"
    storages = {column.name: column.storage for column in table.columns()}
    assert [n for n, s in storages.items() if s == "number"] == ["int", "float", "decimal", "span", "7"]
    assert [n for n, s in storages.items() if s == "datetime"] == ["time", "day"]
    assert storages["truth"] == "boolean"
    assert table.column("mixed").as_text().to_list() == ["1", "b", None]
    assert table.column("category").as_text().to_list() == ["x", None, "y"]
    assert all(c.missing.tolist() == [False, True, False] for c in table.columns() if c.name not in ("mixed", "7"))
    assert table.column("span").numbers()[2] == 90
    times = table.column("time").datetimes(None)
    assert times[2] == dt.datetime(2024, 3, 4, 5, 6, tzinfo=dt.UTC).timestamp()


def test_polars_and_arrays_are_taken_as_they_are() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [dt.date(2024, 1, 1), None]})
    assert table_of(frame).frame.equals(frame)
    spans = pl.DataFrame({"a": [dt.timedelta(hours=1), None]})
    assert np.array_equal(table_of(spans).column("a").numbers(), [3600, np.nan], equal_nan=True)
    array = np.array([[1, "x"], [None, "y"]], dtype=object)
    table = table_of(array)
    assert table.names == ("x0", "x1")
    assert np.array_equal(table.column("x0").numbers(), [1, np.nan], equal_nan=True)
    assert table_of(np.zeros((2, 2), dtype=np.float32), ("p", "q")).names == ("p", "q")


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="'a'"):
        table_of(pd.DataFrame([[1, 2]], columns=["a", "a"]))
