from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.nets.schedules import SCHEDULES, Pace, coslog4, flat_cos


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0, 1))
def test_schedules_stay_between_0_and_1(name: str, progress: float):
    assert -1e-12 <= SCHEDULES[name](progress) <= 1 + 1e-12


def test_the_learning_rate_ends_its_four_cycles_at_zero():
    assert [coslog4(p) for p in (0, 1 / 15, 3 / 15, 7 / 15, 1)] == pytest.approx([0, 0, 0, 0, 0], abs=1e-9)
    assert flat_cos(0.5) == 1
    assert flat_cos(1.0) == pytest.approx(0)


def run(pace: Pace, step_seconds: float) -> float:
    now = 0.0
    while not pace.done and not pace.late(now):
        pace.start(now)
        now += step_seconds
        pace.advance(now)
    return now


def test_with_time_enough_every_step_is_taken():
    pace = Pace(n_steps=100, until=1.0, deadline=1e9, round_steps=10)
    run(pace, 1.0)
    assert pace.n_steps == 100
    assert not pace.shortened


@given(st.integers(100, 10_000), st.floats(0.2, 0.9), st.floats(0.3, 1.0))
def test_without_the_schedule_is_shortened_to_end_before_the_deadline(n_steps: int, share: float, until: float):
    deadline = n_steps * until * share
    pace = Pace(n_steps=n_steps, until=until, deadline=deadline, round_steps=10)
    assert run(pace, 1.0) <= deadline
    assert pace.done
    assert pace.shortened
    assert pace.n_steps > 0.7 * deadline


def test_a_slow_start_is_made_up_for():
    pace = Pace(n_steps=1000, until=1.0, deadline=2000.0, round_steps=10)
    now = 0.0
    while not pace.done:
        pace.start(now)
        now += 20.0 if pace.n_steps < 10 else 1.0
        pace.advance(now)
    assert now < 2000
    assert pace.n_steps > 700


def test_a_part_of_the_schedule_ends_where_asked():
    pace = Pace(n_steps=100, until=0.25, deadline=1e9, round_steps=10)
    run(pace, 1.0)
    assert pace.n_steps == 25
    assert pace.progress == pytest.approx(0.25)
    assert not pace.shortened
