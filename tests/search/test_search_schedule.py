"""What runs next."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from search_books import HOLDOUT, books, plan

from automl.modalities.tabular import profile_table
from automl.search.budget import Clock
from automl.search.schedule import Schedule
from automl.settings import Settings
from automl.table import Table

TABLE = Table.from_columns({"a": [float(i) for i in range(60)], "y": [float(i % 7) for i in range(60)]}, "t.csv")
PROFILE = profile_table(TABLE, Settings(data="t.csv", target="y", task="regression"))[0]


def order(folder: Path, is_ready: Callable[[str], bool]) -> list[str]:
    made = plan(HOLDOUT, "mlp", "linear", "tabm", "seriesnet")
    schedule = Schedule(made, PROFILE, books(folder), Clock(started=time.monotonic(), seconds=60.0, reserve=0.0))
    assigned = [schedule.next(is_ready) for _ in made.candidates]
    return [each.trial.family for each in assigned if each is not None]


def test_defaults_that_cannot_start_yet_wait_for_those_that_can(tmp_path: Path) -> None:
    assert order(tmp_path / "all", lambda _: True) == ["mlp", "linear", "tabm", "seriesnet"]
    ready = ("linear", "seriesnet")
    assert order(tmp_path / "some", lambda family: family in ready) == ["linear", "seriesnet", "mlp", "tabm"]
    assert order(tmp_path / "none", lambda _: False) == ["mlp", "linear", "tabm", "seriesnet"]
