"""Every engine: results come back, errors become results, late jobs are killed and the engine lives on."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from automl import registry
from automl.engines import Engine, Job, JobResult
from automl.engines._nursery import Nursery
from automl.engines._start import Interpreters
from automl.errors import AutoMLError, Unsuitable

HERE = "automl.testing.jobs"


@pytest.fixture(params=["inline", "processes"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with registry.load("engines", request.param)(2) as opened:
        yield opened


def collect(engine: Engine, n: int, seconds: float = 30.0) -> list[JobResult]:
    results: list[JobResult] = []
    until = time.monotonic() + seconds
    while len(results) < n and time.monotonic() < until:
        results += engine.wait(1.0)
    return sorted(results, key=lambda r: r.number)


def job(number: int, name: str, seconds: float = 20.0, **arguments: object) -> Job:
    return Job(number=number, action=f"{HERE}:{name}", arguments=arguments, seconds=seconds)


def is_gone(pid: int) -> bool:
    """Whether a process ends within some seconds; one that nobody has reaped has ended."""
    until = time.monotonic() + 10.0
    with contextlib.suppress(psutil.NoSuchProcess):
        while time.monotonic() < until:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
            time.sleep(0.01)
        return False
    return True


def test_results_return_with_their_numbers(engine: Engine) -> None:
    for number in range(5):
        engine.submit(job(number, "double", value=number))
    assert [(r.number, r.value) for r in collect(engine, 5)] == [(i, 2 * i) for i in range(5)]


def test_errors_and_refusals_become_results(engine: Engine) -> None:
    engine.submit(job(0, "fail"))
    engine.submit(job(1, "refuse"))
    engine.submit(job(2, "double", value=21))
    failed, refused, done = collect(engine, 3)
    assert (failed.outcome, refused.outcome, done.value) == ("failed", "unsuitable", 42)
    assert "ZeroDivisionError" in failed.message
    assert refused.message == "too small"


def test_a_late_job_is_killed_and_the_next_one_runs() -> None:
    with registry.load("engines", "processes")(1) as engine:
        engine.submit(job(0, "sleep", seconds=0.2))
        engine.submit(job(1, "double", value=3))
        late, done = collect(engine, 2)
    assert late.outcome == "killed"
    assert "past its limit" in late.message
    assert done.value == 6


def test_a_crashed_worker_is_a_failed_job_only() -> None:
    with registry.load("engines", "processes")(1) as engine:
        engine.submit(job(0, "crash"))
        engine.submit(job(1, "double", value=1))
        crashed, done = collect(engine, 2)
    assert crashed.outcome == "killed"
    assert "status" in crashed.message
    assert done.value == 2


def test_a_worker_that_ends_between_jobs_is_replaced() -> None:
    with registry.load("engines", "processes")(1) as engine:
        engine.submit(job(0, "pid"))
        (first,) = collect(engine, 1)
        psutil.Process(first.value).kill()
        time.sleep(0.2)
        engine.submit(job(1, "double", value=5))
        assert [r.value for r in collect(engine, 1)] == [10]


def test_memory_beyond_the_limit_is_killed() -> None:
    with registry.load("engines", "processes")(1, 200 * 2**20) as engine:
        engine.submit(job(0, "hold", n_bytes=600 * 2**20))
        (result,) = collect(engine, 1)
    assert result.outcome == "killed"
    assert "memory" in result.message


def test_workers_end_with_the_engine() -> None:
    with registry.load("engines", "processes")(1) as engine:
        engine.submit(job(0, "pid"))
        (result,) = collect(engine, 1)
        os.kill(result.value, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(result.value, 0)


def test_a_worker_that_cannot_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with registry.load("engines", "processes")(1) as engine:
        time.sleep(0.3)
        with pytest.raises(AutoMLError, match="could not be started"):
            engine.submit(job(0, "pid"))


def test_what_a_job_names_is_loaded_before_it_runs(engine: Engine) -> None:
    module = "email.mime.audio"
    engine.prepare([module])
    arguments = {"name": module}
    engine.submit(Job(number=0, action=f"{HERE}:loaded", arguments=arguments, seconds=20.0, modules=(module,)))
    engine.submit(job(1, "double", value=1))
    assert [r.value for r in collect(engine, 2)] == [True, 2]


def test_a_module_that_cannot_be_loaded_is_a_failed_job_only(engine: Engine) -> None:
    engine.submit(Job(number=0, action=f"{HERE}:pid", arguments={}, seconds=20.0, modules=("automl.not_there",)))
    engine.submit(job(1, "double", value=2))
    failed, done = collect(engine, 2)
    assert (failed.outcome, done.value) == ("failed", 4)
    assert "automl.not_there" in failed.message


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_workers_share_what_was_loaded_for_one_of_them() -> None:
    with registry.load("engines", "processes")(2) as engine:
        for number in range(2):
            engine.submit(job(number, "pid"))
        before = {r.value for r in collect(engine, 2)}
        module = "automl.nets.training"
        assert not engine.is_ready([module])
        for number in range(2, 4):
            arguments = {"name": module}
            engine.submit(
                Job(number=number, action=f"{HERE}:loaded", arguments=arguments, seconds=60, modules=(module,))
            )
        assert all(r.value for r in collect(engine, 2, 60.0))
        for number in range(4, 6):
            engine.submit(job(number, "pid"))
        pids = {r.value for r in collect(engine, 2)}
        assert engine.is_ready([module])
        assert not pids & before
        parents = {psutil.Process(pid).ppid() for pid in pids}
        assert len(parents) == 1
        torch = [m for pid in pids for m in psutil.Process(pid).memory_maps() if "libtorch_cpu" in m.path]
        assert torch
        assert all(m.private_dirty + m.private_clean == 0 for m in torch)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_a_lost_nursery_is_replaced_and_takes_its_workers_along() -> None:
    with registry.load("engines", "processes")(1) as engine:
        engine.submit(job(0, "pid"))
        (first,) = collect(engine, 1)
        nursery = psutil.Process(first.value).parent()
        assert nursery is not None
        engine.submit(job(1, "sleep"))
        engine.wait(0.3)
        nursery.kill()
        (lost,) = collect(engine, 1)
        assert lost.outcome == "killed"
        assert is_gone(first.value)
        engine.submit(job(2, "double", value=6))
        assert [r.value for r in collect(engine, 1)] == [12]


def test_cancel_drops_a_running_job() -> None:
    with registry.load("engines", "processes")(1) as engine:
        engine.submit(job(0, "sleep"))
        time.sleep(0.5)
        engine.cancel(0)
        engine.submit(job(1, "double", value=4))
        assert [r.value for r in collect(engine, 1)] == [8]


def test_files_in_the_users_folder_are_not_taken_for_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("queue", "automl", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('this is not a library')")
    monkeypatch.chdir(tmp_path)
    for start in (Nursery, Interpreters) if sys.platform == "linux" else (Interpreters,):
        monkeypatch.setattr("automl.engines._crew._starter", start)
        with registry.load("engines", "processes")(1) as engine:
            engine.submit(job(0, "double", value=8))
            assert [r.value for r in collect(engine, 1)] == [16]


def test_unsuitable_is_not_an_error_of_ours() -> None:
    assert not issubclass(Unsuitable, AutoMLError)
