"""The run folder: atomic, owned by one process, journaled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from automl.errors import DataError, UsageError
from automl.rundir import SETTINGS, TRIALS, RunDir, find_runs
from automl.settings import Settings
from automl.trial import Trial

SETTING = Settings(data="x.csv")


def made(path: Path) -> RunDir:
    run = RunDir.create(path)
    run.write(SETTINGS, SETTING)
    return run


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    assert run.read(SETTINGS, Settings) == SETTING
    assert not list(run.path.glob("*.partial"))


def test_an_existing_folder_is_only_overwritten_when_asked_and_only_if_it_is_a_run(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    (run.path / "stale").write_text("x")
    with pytest.raises(UsageError, match="is there already"):
        RunDir.create(run.path)
    RunDir.create(run.path, overwrite=True)
    assert not (run.path / "stale").exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="not a run folder"):
        RunDir.create(precious, overwrite=True)
    assert (precious / "thesis.tex").exists()


def test_a_folder_in_use_by_a_live_process_is_refused(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    (run.path / ".lock").write_text(f"{os.getppid()} {psutil.Process(os.getppid()).create_time()}")
    with pytest.raises(UsageError, match=f"process {os.getppid()} is working"), run.owned():
        pass


@pytest.mark.parametrize("left", ["999999999 1.0", f"{os.getpid()} 1.0", str(os.getppid()), ""])
def test_the_lock_of_a_dead_process_is_taken_over_even_if_its_number_is_used_again(tmp_path: Path, left: str) -> None:
    run = made(tmp_path / "run")
    (run.path / ".lock").write_text(left)
    with run.owned():
        assert (run.path / ".lock").read_text().split()[0] == str(os.getpid())
        with pytest.raises(UsageError, match="is working"), RunDir(run.path).owned():
            pass
    assert not (run.path / ".lock").exists()


@pytest.mark.skipif(os.name != "posix", reason="no process outlives its end here")
def test_the_lock_of_a_killed_process_that_nobody_has_waited_for_is_taken_over(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (run.path / ".lock").write_text(f"{sleeper.pid} {psutil.Process(sleeper.pid).create_time()}")
    with pytest.raises(UsageError, match="is working"), run.owned():
        pass
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    with run.owned():
        assert (run.path / ".lock").read_text().split()[0] == str(os.getpid())
    sleeper.wait()


def test_a_damaged_journal_is_told_with_the_line(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    trial = Trial(number=0, family="f", params={}, origin="search")
    run.append(TRIALS, trial)
    with (run.path / TRIALS).open("ab") as file:
        file.write(b"\x00\xff\n")
    run.append(TRIALS, trial)
    with pytest.raises(DataError, match=r"trials\.jsonl is damaged in line 2"):
        run.journal(TRIALS, Trial)


def test_a_journal_survives_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    trials = [Trial(number=n, family="f", params={"a": n}, origin="search") for n in range(3)]
    for trial in trials:
        run.append(TRIALS, trial)
    with (run.path / TRIALS).open("ab") as file:
        file.write(b'{"number":3,"fam')
    assert run.journal(TRIALS, Trial) == trials
    run.append(TRIALS, trials[0])
    assert run.journal(TRIALS, Trial) == [*trials, trials[0]], "what is added next begins a line"


def test_a_folder_that_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no settings\.json"):
        RunDir(tmp_path).read(SETTINGS, Settings)


def test_runs_are_found_oldest_first(tmp_path: Path) -> None:
    for age, name in ((300, "b"), (200, "a"), (100, "c")):
        run = made(tmp_path / name)
        os.utime(run.path / SETTINGS, (1e9 - age, 1e9 - age))
    (tmp_path / "other").mkdir()
    assert [run.path.name for run in find_runs(tmp_path)] == ["b", "a", "c"]
    assert find_runs(tmp_path / "nowhere") == []
