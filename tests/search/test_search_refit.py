"""Refits on all rows: which trials get one, how far they go, and what is said of the others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from search_books import FOLDS, HOLDOUT, N, blend_of, books, enter, plan

from automl.engines import Job, JobResult
from automl.family import FitLog
from automl.search.budget import Clock
from automl.search.refit import refit, seconds_to_hold


class FakeEngine:
    """Answers each job at once, as told by family; what is not told never comes back."""

    n_workers = 2

    def __init__(self, **answers: dict[str, Any]) -> None:
        self._answers = answers
        self.jobs: list[Job] = []
        self.cancelled: list[int] = []
        self._ended: list[JobResult] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        answer = self._answers.get(job.arguments["family"])
        if answer is not None:
            self._ended.append(JobResult(number=job.number, **answer))

    def wait(self, seconds: float) -> list[JobResult]:
        ended, self._ended = self._ended, []
        if not ended:
            time.sleep(min(seconds, 0.01))
        return ended

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)


DONE = {"outcome": "done", "value": FitLog()}


def clock(seconds: float = 60.0) -> Clock:
    return Clock(started=time.monotonic(), seconds=seconds, reserve=0.0)


def never() -> bool:
    return False


def test_every_trial_learns_from_all_rows_to_its_own_rounds_and_random_ones_again_with_other_seeds(
    tmp_path: Path,
) -> None:
    ledger = books(tmp_path)
    trials = enter(ledger, 0.1, n_iterations=40), enter(ledger, 0.2, family="lightgbm")
    engine = FakeEngine(linear=DONE, lightgbm=DONE)
    blend, said = refit(plan(), ledger, blend_of(*trials), engine, clock(), never)
    assert {number: len(places) for number, places in blend.refitted.items()} == {0: 1, 1: 3}
    assert said == ""
    assert [job.arguments["params"] for job in engine.jobs] == [{"n_iterations": 40}, {}, {}, {}]
    assert len({job.arguments["limits"]["seed"] for job in engine.jobs[1:]}) == 3, "only random fits get copies"
    assert len({job.arguments["out"] for job in engine.jobs}) == 4
    assert all(job.action.endswith(":fit_all") for job in engine.jobs)


def test_who_asks_for_a_small_model_gets_one_of_each(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    made = plan()
    made = replace(made, wishes=replace(made.wishes, max_size_mb=5.0))
    blend, _ = refit(
        made, ledger, blend_of(enter(ledger, 0.2, family="forest")), FakeEngine(forest=DONE), clock(), never
    )
    assert blend.refitted == {0: (-1,)}


def test_what_was_cut_short_fails_or_has_no_time_stays_as_it_is_and_is_said(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    trials = (
        enter(ledger, 0.1, truncated=True),
        enter(ledger, 0.1, family="forest"),
        enter(ledger, 0.1, family="svm", seconds=1000.0),
        enter(ledger, 0.1, family="knn"),
        enter(ledger, 0.1, family="tree"),
    )
    engine = FakeEngine(
        forest={"outcome": "failed", "message": "boom\nTraceback"},
        knn={"outcome": "done", "value": FitLog(truncated=True)},
        tree=DONE,
    )
    blend, said = refit(plan(), ledger, blend_of(*trials), engine, clock(), never)
    assert blend.refitted == {4: (-1,)}
    assert said.startswith("4 of the blend's 5 models")
    assert said.endswith("boom, cut short by the clock, no time left")


def test_a_net_that_was_paced_to_its_deadline_is_refitted_at_the_same_pace(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    net = enter(ledger, 0.1, family="mlp", seconds=3.0, n_iterations=9, truncated=True)
    engine = FakeEngine(mlp={"outcome": "done", "value": FitLog(truncated=True)})
    blend, said = refit(plan(), ledger, blend_of(net), engine, clock(), never)
    assert len(blend.refitted[0]) == 3
    assert said == ""
    assert all(job.arguments["seconds"] == pytest.approx(1.25 * 3.0 / 0.75) for job in engine.jobs)


def test_boosting_takes_more_rounds_for_more_rows_at_the_rate_the_clock_made_it_have(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    boosted = enter(ledger, 0.1, family="lightgbm", n_iterations=70, learning_rate=0.2, truncated=True)
    engine = FakeEngine(lightgbm=DONE)
    blend, said = refit(plan(), ledger, blend_of(boosted), engine, clock(), never)
    assert len(blend.refitted[0]) == 3
    assert said == ""
    assert engine.jobs[0].arguments["params"] == {"n_iterations": round(70 / 0.75**0.5), "learning_rate": 0.2}


def test_a_net_is_refitted_in_less_time_than_its_epochs_take_if_no_fewer_steps_than_a_fold_fit_in(
    tmp_path: Path,
) -> None:
    ledger = books(tmp_path)
    nets = [enter(ledger, 0.1, family="mlp", seconds=seconds, n_iterations=9) for seconds in (12.0, 15.0)]
    engine = FakeEngine(mlp=DONE)
    blend, said = refit(plan(), ledger, blend_of(*nets), engine, clock(14.0), never)
    assert set(blend.refitted) == {0}, "12 s for as many steps, 16 s for as many epochs"
    assert said.startswith("1 of the blend's 2 models")
    assert all(12.0 < job.arguments["seconds"] <= 13.0 for job in engine.jobs), "a second is left to come back in"


def test_another_copy_is_expected_to_take_what_the_one_before_took(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    trial = enter(ledger, 0.1, family="lightgbm", seconds=20.0)
    budget = clock(24.0)

    class OneWorker(FakeEngine):
        n_workers = 1

        def wait(self, seconds: float) -> list[JobResult]:
            budget.started -= 5.0
            return super().wait(seconds)

    blend, said = refit(plan(), ledger, blend_of(trial), OneWorker(lightgbm=DONE), budget, never)
    assert len(blend.refitted[0]) == 3, "by its folds a copy takes 20 s, and 19 s are left after the first"
    assert said == ""


@pytest.mark.parametrize("stopped", [True, False])
def test_a_refit_that_is_not_back_in_time_is_called_off(tmp_path: Path, *, stopped: bool) -> None:
    ledger = books(tmp_path)
    engine = FakeEngine()
    trial = enter(ledger, 0.1, seconds=0.1)
    began = time.monotonic()
    blend, said = refit(plan(), ledger, blend_of(trial), engine, clock(0.5), lambda: stopped)
    assert blend.refitted == {}
    assert "no time left" in said
    assert time.monotonic() - began < 5
    assert len(engine.cancelled) == (0 if stopped else 1)


def test_the_search_leaves_time_for_refits_only_where_rows_were_left_out(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    trial = enter(ledger, 0.1, seconds=3.0)
    held = seconds_to_hold(plan(), ledger, blend_of(trial), clock())
    assert 3.0 / 0.75 < held < 10
    slow = enter(ledger, 0.1, seconds=300.0)
    assert seconds_to_hold(plan(), ledger, blend_of(slow), clock()) == 0.0, "it would not end in the time it may have"
    assert seconds_to_hold(plan(), ledger, blend_of(slow, trial), clock()) == held
    assert seconds_to_hold(plan(FOLDS), ledger, blend_of(trial), clock()) == 0.0
    stopped_early = enter(ledger, 0.1, seconds=6.0, n_iterations=100, n_tried=200)
    assert seconds_to_hold(plan(), ledger, blend_of(stopped_early), clock()) == held, "half its rounds are kept"
    boosted, net = (enter(ledger, 0.1, family=family, seconds=3.0) for family in ("lightgbm", "mlp"))
    for_boosting, for_net = (seconds_to_hold(plan(), ledger, blend_of(each), clock()) for each in (boosted, net))
    assert 3.0 < for_boosting < for_net, "its rounds are not scored"
    slow_net = enter(ledger, 0.1, family="mlp", seconds=19.0)
    assert seconds_to_hold(plan(), ledger, blend_of(slow_net), clock()) == pytest.approx(21.0), "as many steps fit in"
    some = replace(blend_of(slow, trial), weights=(0.9, 0.1))
    assert seconds_to_hold(plan(), ledger, some, clock()) == 0.0, "a tenth of the blend is worth a tenth of the time"
    assert HOLDOUT.unseen_share == pytest.approx(0.25)
    assert len(ledger.y) == N
