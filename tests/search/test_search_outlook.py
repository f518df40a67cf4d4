"""What more time and more rows would bring, measured while searching."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from search_books import FOLDS, HOLDOUT, blend_of, books, enter, plan

from automl.engines import JobResult
from automl.search.best import best_blend
from automl.search.budget import Clock
from automl.search.curve import SHARES, RowsCurve
from automl.search.jobs import fold_job
from automl.search.outlook import forecast


def clock(seconds: float = 60.0, elapsed: float = 0.0) -> Clock:
    return Clock(started=time.monotonic() - elapsed, seconds=seconds, reserve=0.0)


def answered(curve: RowsCurve, losses: dict[float, float], outcome: str = "done") -> int:
    """Answer every point of a curve with the loss told for its share; how many there were."""
    n = 0
    while (point := curve.next()) is not None:
        curve.take(point, JobResult(number=n, outcome=outcome, value=losses[point.share]))
        n += 1
    return n


def test_a_few_trials_tell_nothing(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    blend = blend_of(enter(ledger, 0.3), enter(ledger, 0.4))
    assert forecast(ledger, blend, clock(), 10, None) is None


def test_trials_that_complement_each_other_promise_more_than_copies_of_one(tmp_path: Path) -> None:
    varied = books(tmp_path / "varied")
    for _ in range(8):
        enter(varied, 0.5)
    alike = books(tmp_path / "alike")
    for _ in range(8):
        enter(alike, 0.0)
    told = []
    for ledger in (varied, alike):
        blend = best_blend(ledger, 10, 0)
        assert blend is not None
        told.append(forecast(ledger, blend, clock(60, elapsed=20), 10, 0.02))
    more, none = told
    assert more is not None
    assert none is not None
    assert more.twice_time > 0.01
    assert none.twice_time == pytest.approx(0.0, abs=1e-9)
    assert more.to_limit > more.twice_time, "what is left of the time is twice what was searched"
    assert more.value == pytest.approx(best_blend(varied, 10, 0).value - more.to_limit)  # type: ignore[union-attr]
    assert more.twice_rows == 0.02


def test_trials_that_were_stopped_are_tries_that_brought_nothing(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    blend = blend_of(enter(ledger, 0.3), enter(ledger, 0.3, family="forest"))
    for _ in range(4):
        number = enter(ledger, 2.0).number
        ledger.end(number, "pruned", "worse")
    told = forecast(ledger, blend, clock(60, elapsed=20), 10, None)
    assert told is not None
    assert told.twice_time == 0.0


def test_nothing_is_expected_once_the_time_is_over(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    blend = blend_of(*(enter(ledger, 0.5) for _ in range(5)))
    told = forecast(ledger, blend, clock(10, elapsed=10), 10, None)
    assert told is not None
    assert told.to_limit == 0.0
    assert told.value == pytest.approx(blend.value)


def test_a_curve_over_rows_is_measured_once_on_as_many_folds_as_can_be_paid(tmp_path: Path) -> None:
    ledger = books(tmp_path, FOLDS)
    curve = RowsCurve(plan(FOLDS), ledger, clock(60))
    assert curve.next() is None, "no trial is complete"
    best = [enter(ledger, noise) for noise in (0.5, 0.1, 0.3)][1]
    assert curve.gain_of_twice() is None
    assert answered(curve, {0.25: 2.0, 0.5: 1.0}) == 4 * len(SHARES)
    assert curve.next() is None
    # The scores of the folds are 0 in these books, so the errors are 2, 1 and 0: each doubling gains 1.
    assert [score.value for score in best.scores] == [0.0] * 4
    assert curve.gain_of_twice() == pytest.approx((0.7 + 0.49) / 2)


def test_a_curve_that_would_cost_too_much_or_failed_tells_nothing(tmp_path: Path) -> None:
    slow = books(tmp_path / "slow")
    for _ in range(3):
        enter(slow, 0.2, seconds=30.0)
    assert RowsCurve(plan(), slow, clock(60)).next() is None
    cut = books(tmp_path / "cut")
    for _ in range(3):
        enter(cut, 0.2, truncated=True)
    assert RowsCurve(plan(), cut, clock(60)).next() is None
    failed = books(tmp_path / "failed")
    for _ in range(3):
        enter(failed, 0.2)
    curve = RowsCurve(plan(), failed, clock(60))
    assert answered(curve, {0.25: 2.0, 0.5: 1.0}, outcome="failed") == len(SHARES)
    assert curve.gain_of_twice() is None


def test_a_point_is_a_job_that_keeps_no_model(tmp_path: Path) -> None:
    ledger = books(tmp_path, HOLDOUT)
    for _ in range(3):
        enter(ledger, 0.2)
    point = RowsCurve(plan(), ledger, clock(60)).next()
    assert point is not None
    job = fold_job(plan(), ledger, point, number=1, left=10.0)
    assert job.action.endswith(":fit_share")
    assert job.arguments["share"] == point.share
    assert "out" not in job.arguments
