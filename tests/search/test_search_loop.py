"""The loop: what ends it, and what is let come to its end before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from search_books import FOLDS, PROFILE, Y, books, plan, plan_of_shares

from automl.engines import Job, JobResult
from automl.search.best import Blend, best_blend
from automl.search.budget import Clock
from automl.search.ledger import Ledger
from automl.search.loop import Search
from automl.search.objective import FoldResult
from automl.search.schedule import Schedule


class SlowNets:
    """Answers every job at once but those of nets, which come back when the search has waited for them so often."""

    n_workers = 2

    def __init__(self, ledger: Ledger, clock: Clock, waits: int) -> None:
        self._ledger, self._clock, self._waits = ledger, clock, waits
        self._flying: list[Job] = []
        self.held: list[float] = []

    def submit(self, job: Job) -> None:
        self._flying.append(job)

    def wait(self, seconds: float) -> list[JobResult]:
        self.held.append(self._clock.held)
        ready = [j for j in self._flying if j.arguments["family"] != "mlp" or len(self.held) > self._waits]
        self._flying = [job for job in self._flying if job not in ready]
        time.sleep(0.01)
        return [JobResult(number=job.number, outcome="done", value=self._fitted(job)) for job in ready]

    def is_ready(self, modules: tuple[str, ...]) -> bool:
        return True

    def cancel(self, number: int) -> None:
        raise AssertionError(f"job {number} was not let come to its end")

    def _fitted(self, job: Job) -> FoldResult:
        truth = Y[self._ledger.splits[job.arguments["fold"]].valid]
        wrong = 0.1 if job.arguments["family"] == "mlp" else 0.2
        return FoldResult(
            prediction=truth + wrong, value=wrong, seconds=10.0, n_iterations=None, curve=(), truncated=False
        )


def test_time_for_refits_is_not_taken_from_the_first_fit_of_a_family(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    clock = Clock(started=time.monotonic(), seconds=60.0, reserve=0.0)
    made = plan_of_shares({"linear": 0.3, "mlp": 0.7}, n_trials=2)
    engine = SlowNets(ledger, clock, waits=9)
    schedule = Schedule(made, PROFILE, ledger, clock)
    Search(made, ledger, schedule, engine, clock, lambda _: None, lambda _: None, lambda: False).run()
    assert {trial.state for trial in ledger.trials.values()} == {"done"}
    assert max(engine.held) < 6.0, "the net may take its share, seven tenths of 39 s on two workers"
    assert clock.held > 10.0 / 0.75, "and its refits the rest, once it is back"


def test_a_trial_whose_last_folds_would_be_cut_off_early_ends_without_them(tmp_path: Path) -> None:
    ledger = books(tmp_path, FOLDS)
    clock = Clock(started=time.monotonic(), seconds=2.5, reserve=0.0)
    made = plan(FOLDS, "linear", seconds=2.5)
    schedule = Schedule(made, PROFILE, ledger, clock)
    engine = SlowNets(ledger, clock, waits=0)
    search = Search(made, ledger, schedule, engine, clock, lambda _: None, lambda _: None, lambda: False)
    assert search.run() == "nothing more fits into the time left"
    (trial,) = ledger.trials.values()
    assert (trial.state, trial.reason) == ("skipped", "the search ended before its last fold")
    assert len(trial.scores) == 1
    assert search.best is not None


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_blend_hangs_on_those_before_it_unless_the_clock_is_to_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    before: list[Blend | None] = []

    def noted(ledger: Ledger, n_models: int, seed: int, last: Blend | None) -> Blend | None:
        before.append(last)
        return best_blend(ledger, n_models, seed, last=last)

    monkeypatch.setattr("automl.search.loop.best_blend", noted)
    ledger = books(tmp_path)
    clock = Clock(started=time.monotonic(), seconds=60.0, reserve=0.0)
    made = plan_of_shares({"linear": 0.5, "tree": 0.5}, n_trials=4)
    made = replace(made, wishes=replace(made.wishes, deterministic=deterministic))
    engine, schedule = SlowNets(ledger, clock, waits=0), Schedule(made, PROFILE, ledger, clock)
    Search(made, ledger, schedule, engine, clock, lambda _: None, lambda _: None, lambda: False).run()
    assert any(before) is not deterministic
