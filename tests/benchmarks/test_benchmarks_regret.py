from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.regret import read_constants, read_gains, regrets, summary


def test_regret_is_a_part_of_the_range_from_a_constant_to_the_better_of_the_others():
    run, kinds = {"a": 0.8, "b": -2.0, "alone": 1.0}, [{"a": 0.9, "b": -3.0}, {"a": 0.7, "b": -4.0}]
    found = regrets(run, kinds, {"a": 0.5, "b": -5.0})
    assert found == {"a": pytest.approx(0.25), "b": pytest.approx(-0.5)}


def test_errors_count_the_other_way_the_last_record_counts_and_failures_are_left_out(tmp_path: Path):
    lines = [
        {"dataset": "a", "metric": "rmse", "value": 3.0},
        {"dataset": "a", "metric": "rmse", "value": 2.0},
        {"dataset": "b", "metric": "roc_auc", "value": 0.9},
        {"dataset": "c", "metric": "roc_auc", "value": None, "error": "killed"},
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "index.json").write_text(json.dumps([{"name": "a", "metric": "rmse", "dummy": 6.0, "n_train": 9}]))
    assert read_gains(tmp_path / "r.jsonl") == {"a": -2.0, "b": 0.9}
    assert read_constants(tmp_path / "index.json") == {"a": -6.0}


def test_the_summary_counts_level_tables_and_holds_runs_against_each_other():
    kinds = [{"a": 0.80, "b": 0.9}, {"a": 0.79, "b": 0.6}]
    runs = {"one": {"a": 0.81, "b": 0.8}, "two": {"a": 0.7, "b": 0.9}, "three": {"a": 0.7, "b": 0.9}}
    told = summary(runs, kinds, {"a": 0.5, "b": 0.5}).splitlines()
    assert told[0].startswith("one: level on 1 of 2, better than the kinds on 1, lost 12.50 % in the mean")
    assert told[0].endswith("b 25.0 %")
    assert told[-1] == "a run against the better of two others: level on 50 % in the mean, 50 % to 50 %"


def test_one_run_is_not_held_against_others():
    assert len(summary({"one": {"a": 0.8}}, [{"a": 0.9}], {"a": 0.5}).splitlines()) == 1
