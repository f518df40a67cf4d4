"""Runs that are stopped, killed, resumed, or never had the time."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from e2e_commands import automl, churn_file, parsed, started, wait_until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


def finished_trials(run: Path) -> set[int]:
    """Numbers of trials that are journaled as done."""
    journal = run / "trials.jsonl"
    if not journal.exists():
        return set()
    lines = [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]]
    return {line["number"] for line in lines if line["state"] == "done"}


def test_a_signal_ends_the_run_with_the_best_model_so_far(tmp_path):
    churn_file(tmp_path)
    run = tmp_path / "run"
    process = started("fit", "churn.csv", "-l", "120s", "-o", "run", folder=tmp_path)
    wait_until(lambda: len(finished_trials(run)) >= 3 and (run / "model.automl").exists(), process)
    second = automl("resume", "run", folder=tmp_path)
    assert second.code == 2
    assert str(process.pid) in second.err, "one process works in a folder at a time"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert (run / "report.html").is_file()
    assert automl("verify", "run", folder=tmp_path).code == 0
    assert len(parsed(automl("predict", "run", "churn.csv", folder=tmp_path).out)) == 400


def test_a_second_signal_ends_the_run_at_once(tmp_path):
    churn_file(tmp_path)
    run = tmp_path / "run"
    process = started("fit", "churn.csv", "-l", "120s", "-o", "run", folder=tmp_path)
    wait_until(lambda: len(finished_trials(run)) >= 3, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (130, 143)
    assert not (run / "report.html").exists()
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)


def test_a_killed_run_leaves_a_model_and_is_resumed(tmp_path):
    churn_file(tmp_path)
    run = tmp_path / "run"
    process = started("fit", "churn.csv", "-l", "120s", "-o", "run", folder=tmp_path)
    wait_until(lambda: len(finished_trials(run)) >= 3 and (run / "model.automl").exists(), process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(30)
    before = finished_trials(run)
    assert not (run / "DONE").exists()
    predicted = automl("predict", "run", "churn.csv", folder=tmp_path)
    assert predicted.code == 0, predicted.err
    deadline = time.monotonic() + 30
    while any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers):
        assert time.monotonic() < deadline, "workers outlive the killed command"
        time.sleep(0.2)

    resumed = automl("resume", "run", "-l", "15s", "--json", folder=tmp_path)
    assert resumed.code == 0, resumed.err
    result = json.loads(resumed.out)
    assert (run / "DONE").exists()
    assert before <= finished_trials(run)
    assert result["n_trials"] >= len(before)
    assert automl("verify", "run", folder=tmp_path).code == 0


def test_no_time_for_any_model_is_said_with_its_own_exit_code(tmp_path):
    churn_file(tmp_path)
    done = automl("fit", "churn.csv", "-l", "1s", "-o", "run", folder=tmp_path)
    assert done.code in (0, 6)
    if done.code == 6:
        assert "--time-limit" in done.err
        assert not (tmp_path / "run" / "model.automl").exists()
