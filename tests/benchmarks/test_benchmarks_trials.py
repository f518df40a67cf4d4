"""What the journals of runs are read as."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl.events import BestChanged, JsonLines, TrialEnded
from automl.plan import Hardware, Plan, Validation, Wishes
from automl.rundir import EVENTS, PLAN, RunDir
from automl.task import Task
from automl.trial import Score, Trial
from benchmarks.trials import Gained, gained, summary

PLANNED = Plan(
    task=Task(kind="regression", target="y", metric="rmse"),
    validation=Validation(kind="holdout", n_folds=1, fraction=0.25),
    candidates=(),
    ruled_out=(),
    reasons=(),
    hardware=Hardware(n_cores=2, memory_bytes=10**9),
    wishes=Wishes(seconds=60.0),
    n_workers=2,
    threads_per_fit=1,
    max_models=10,
)


def test_what_a_blend_gains_is_shared_by_the_trials_before_it(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path / "run")
    run.write(PLAN, PLANNED)
    journal = JsonLines(run.path / EVENTS)

    def end(family: str, seconds: float, *, state: str = "done") -> None:
        scores = (Score(fold=0, value=1.0, seconds=seconds),)
        journal(TrialEnded(Trial(number=0, family=family, params={}, origin="search", state=state, scores=scores)))

    for family in ("tree", "linear", "knn"):
        end(family, 1.0)
    journal(BestChanged(value=2.0, error=0.1, members=()))
    end("mlp", 5.0)
    end("tree", 0.5, state="pruned")
    end("tree", 0.5, state="failed")
    journal(BestChanged(value=1.96, error=0.1, members=()))
    end("linear", 0.2)
    journal.close()
    found = list(gained(run))
    assert [(each.place, each.seconds) for each in found] == [(1, 5.0), (2, 0.5), (2, 0.2)]
    assert [each.gain for each in found] == pytest.approx([0.0101, 0.0101, 0.0], abs=1e-4)


def test_gains_are_told_by_cost_and_place() -> None:
    trials = [Gained(1, 5.0, 0.02), Gained(1, 15.0, 0.0), Gained(11, 0.2, 0.001)]
    assert summary(trials).splitlines() == [
        "trials of 0 to 0.3 s:",
        "  10 to 14: 0.100 % each, 0.5000 % a second, 1 trials",
        "trials of 0.3 to 1 s:",
        "trials of 1 to 3 s:",
        "trials of 3 to inf s:",
        "  1: 1.000 % each, 0.1000 % a second, 2 trials",
    ]
