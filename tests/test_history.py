"""Windows over earlier rows: of the same group, in the order of time, never of later rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.errors import DataError, UsageError
from automl.history import history_of, with_history
from automl.settings import Settings
from automl.table import Table
from automl.task import History

TABLE = Table.from_columns(
    {
        "machine": ["a", "b", "a", "a", "b"],
        "at": ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-03", "2024-01-05"],
        "heat": [2.0, 10.0, 1.0, None, 30.0],
        "failed": [0, 1, 0, 1, 0],
    }
)
HISTORY = History(window=3, columns=("heat",), group="machine", time="at", time_format="iso")


def numbers(table: Table, name: str) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), 4) for v in table.column(name).numbers()]


def test_rows_look_back_within_their_group_in_the_order_of_time() -> None:
    found = with_history(TABLE, HISTORY)
    assert found.names[:4] == TABLE.names
    assert numbers(found, "heat, 1 earlier") == [1.0, None, None, 2.0, 10.0]
    assert numbers(found, "heat, 2 earlier") == [None, None, None, 1.0, None]
    assert numbers(found, "heat: mean of 3 rows") == [1.5, 10.0, 1.0, 1.5, 20.0]
    assert numbers(found, "heat: change of 3 rows") == [1.0, 0.0, 0.0, None, 20.0]
    assert numbers(found, "heat: deviation of 3 rows") == [0.5, 0.0, 0.0, 0.5, 10.0]


def test_a_table_that_has_its_history_is_left_as_it_is() -> None:
    found = with_history(TABLE, HISTORY)
    assert with_history(found, HISTORY) is found
    assert with_history(TABLE, None) is TABLE


def test_without_group_and_time_the_table_is_one_series_in_its_order() -> None:
    found = with_history(TABLE, History(window=2, columns=("heat",)))
    assert numbers(found, "heat, 1 earlier") == [None, 2.0, 10.0, 1.0, None]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.floats(-5, 5)), min_size=2, max_size=25))
def test_later_rows_change_nothing(rows: list[tuple[str, int, float]]) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    table = Table.from_columns(dict(zip(("g", "t", "x"), map(list, zip(*rows, strict=True)), strict=True)))
    history = History(window=4, columns=("x",), group="g", time="t")
    whole = with_history(table, history)
    first = with_history(table.take(slice(0, len(rows) // 2)), history)
    for name in first.names[3:]:
        np.testing.assert_array_equal(first.column(name).numbers(), whole.column(name).numbers()[: first.n_rows])


def test_numbers_that_are_features_are_looked_back_at() -> None:
    told = Settings(data="x", window=3, target="failed", group="machine", time="at")
    assert history_of(TABLE, told, "iso") == HISTORY
    assert history_of(TABLE, Settings(data="x"), None) is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="--target"):
        history_of(TABLE, Settings(data="x", window=3), None)
    with pytest.raises(UsageError, match="no column of numbers"):
        history_of(TABLE, Settings(data="x", window=3, target="failed", drop=("heat",)), None)
    with pytest.raises(UsageError, match="at most"):
        history_of(TABLE, Settings(data="x", window=5_000, target="failed"), None)
    taken = TABLE.with_columns({"heat, 1 earlier": np.zeros(5)})
    with pytest.raises(DataError, match="'heat, 1 earlier'"):
        with_history(taken, HISTORY)
    with pytest.raises(DataError, match="no column 'heat'"):
        with_history(TABLE.select(["machine", "at"]), HISTORY)
