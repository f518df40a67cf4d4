"""The command line, with the stages of a run replaced: exit codes, streams, signals, options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cli_records import estimate, outcome, plan, profile

import automl.run
from automl.cli import main
from automl.cli.app import COMMANDS
from automl.cli.evaluate import failed_gates
from automl.cli.fit import default_folder
from automl.errors import BudgetError, DataError, UsageError
from automl.events import nowhere
from automl.rundir import OUTCOME, SETTINGS, RunDir
from automl.settings import Settings


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AUTOML_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `run.fit` was called with."""
    calls: dict[str, Any] = {}

    def fit(settings: Settings, folder: Path, sink: Any, **more: Any) -> Any:
        calls.update(settings=settings, folder=folder, sink=sink, **more)
        return outcome(str(folder))

    monkeypatch.setattr(automl.run, "fit", fit)
    return calls


def test_help_lists_every_command_and_each_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name, line in COMMANDS.items():
        assert name in listed
        assert line in listed
        assert main([name, "--help"]) == 0
        assert "Usage: automl " + name in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("automl 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fti", "x.csv"], ["no command 'fti'", "nearest: fit"]),
        (["fit"], ["Missing argument 'DATA'", "automl fit --help"]),
        (["fit", "x.csv", "--tarmet", "y"], ["--tarmet", "--target"]),
        (["fit", "x.csv", "--time-limit", "soon"], ["--time-limit", "'soon'"]),
        (["fit", "x.csv", "-q", "-v"], ["--quiet and --verbose"]),
        (["predict", "none.automl", "x.csv"], ["no model file 'none.automl'"]),
        (["runs", "clean", "--keep", "-1"], ["--keep"]),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_one_message(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("automl: ")
    assert "Traceback" not in told.err
    for word in words:
        assert word in told.err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            DataError("no column 'churn' in x.csv", "nearest: 'Churn'"),
            3,
            "automl: no column 'churn' in x.csv\n  nearest",
        ),
        (BudgetError("no model within 1 s"), 6, "automl: no model within 1 s"),
        (PermissionError(13, "Permission denied", "out.csv"), 1, "automl: out.csv: permission denied"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (OSError("broken pipe (os error 32)"), 141, ""),
        (MemoryError(), 1, "automl: not enough memory"),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("of \x1b[31m zero"), 1, "unexpected ZeroDivisionError: of \\x1b[31m zero"),
    ],
)
def test_errors_end_in_their_exit_code(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(automl.run, "profile", fail)
    assert main(["profile", "x.csv"]) == code
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""
    assert "Traceback" not in told.err


def test_a_bug_leaves_its_traceback_in_a_file_or_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(automl.run, "profile", fail)
    assert main(["profile", "x.csv"]) == 1
    path = Path(capsys.readouterr().err.split("traceback is in ")[1].strip())
    assert "ZeroDivisionError: oops" in path.read_text()
    path.unlink()
    assert main(["profile", "x.csv", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_fit_passes_what_was_asked_and_prints_one_json_object(
    seen: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before = time.monotonic()
    arguments = ["-t", "y", "-m", "log_loss", "-l", "60s", "--seed", "3", "-o", "out", "--drop", "a,b", "--drop", "c"]
    assert main(["fit", "data/churn.csv", *arguments, "--exclude", "x,y", "--json", "--no-progress"]) == 0
    settings = seen["settings"]
    assert (settings.data, settings.target, settings.metric) == ("data/churn.csv", "y", "log_loss")
    assert (settings.time_limit, settings.seed, settings.drop, settings.exclude) == (60.0, 3, ("a,b", "c"), ("x", "y"))
    assert seen["folder"] == Path("out")
    assert seen["started"] <= before
    assert not seen["stop"]()
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result["metric"] == "roc_auc"
    assert result["exit"] == 0
    assert result["model"] == "out/model.automl"
    assert "done in 52 s" in told.err


def test_without_json_stdout_stays_empty_and_quiet_says_nothing(
    seen: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "x.csv", "--quiet", "--summary", "s.md"]) == 0
    assert capsys.readouterr() == ("", "")
    assert seen["sink"] is nowhere
    assert Path("s.md").read_text().startswith("## y: roc_auc 0.850")
    assert main(["fit", "x.csv"]) == 0
    assert capsys.readouterr().out == ""


def test_a_summary_that_cannot_be_written_is_told_before_the_run(
    seen: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "x.csv", "--summary", "no/such/s.md", "--json"]) == 1
    assert "no/such/s.md" in capsys.readouterr().err
    assert "settings" not in seen


def test_the_default_folder_is_named_after_the_data_and_the_time(tmp_path: Path) -> None:
    now = time.struct_time((2026, 1, 2, 3, 4, 5, 4, 2, 0))
    first = default_folder("some/churn data.csv.gz", tmp_path, now)
    assert first == tmp_path / "churn_data-20260102-030405"
    first.mkdir()
    assert default_folder("some/churn data.csv.gz", tmp_path, now).name == "churn_data-20260102-030405.2"
    assert default_folder("-", tmp_path, now).name.startswith("stdin-")
    assert default_folder("🎉.csv", tmp_path, now).name.startswith("data-")


def test_a_signal_stops_the_run_which_still_shows_its_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):

        def fit(settings: Settings, folder: Path, sink: Any, *, started: float, stop: Any, sent: int = number) -> Any:
            os.kill(os.getpid(), sent)
            until = time.monotonic() + 5
            while not stop() and time.monotonic() < until:
                time.sleep(0.01)
            return outcome()

        monkeypatch.setattr(automl.run, "fit", fit)
        assert main(["fit", "x.csv", "--json"]) == code
        told = capsys.readouterr()
        assert json.loads(told.out)["exit"] == code
        assert "done in" in told.err


def test_stopped_before_a_first_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fit(*_: Any, stop: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise BudgetError("no model")

    monkeypatch.setattr(automl.run, "fit", fit)
    assert main(["fit", "x.csv"]) == 130
    assert "stopped before a first model" in capsys.readouterr().err


def test_profile_and_plan_answer_on_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(automl.run, "profile", lambda settings, sink: (profile(), plan().task))
    monkeypatch.setattr(automl.run, "plan", lambda settings, sink: plan())
    assert main(["profile", "x.csv"]) == 0
    assert "100 rows × 4 columns" in capsys.readouterr().out
    assert main(["profile", "x.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["task"]["target"] == "y"
    assert main(["plan", "x.csv", "-o", "plan.json"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "automl fit x.csv --plan plan.json" in told.err
    assert json.loads(Path("plan.json").read_text())["task"]["metric"] == "roc_auc"


def test_gates() -> None:
    estimates = (estimate(0.85), estimate(0.41, "log_loss"), estimate(float("nan"), "mcc"))
    assert failed_gates(estimates, {"roc_auc": 0.8}, {"log_loss": 0.5}) == ()
    failed = failed_gates(estimates, {"roc_auc": 0.9, "mcc": 0.0}, {"log_loss": 0.3})
    assert failed == (
        "roc_auc is 0.85, wanted at least 0.9",
        "mcc is –, wanted at least 0",
        "log_loss is 0.41, wanted at most 0.3",
    )
    with pytest.raises(UsageError, match="no metric 'rocauc'"):
        failed_gates(estimates, {"rocauc": 0.9}, {})


def finished_run(path: Path, started: float) -> RunDir:
    run = RunDir.create(path)
    run.write(SETTINGS, Settings(data="x.csv"))
    run.write(OUTCOME, outcome(str(path)))
    run.finish()
    os.utime(path / SETTINGS, (started, started))
    return run


def test_runs_are_listed_compared_and_cleaned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(3):
        finished_run(tmp_path / "runs" / f"r{n}", 1.7e9 + n)
    assert main(["runs"]) == main(["runs", "list"]) == 0
    assert "runs/r0" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [row["run"] for row in listed] == ["runs/r0", "runs/r1", "runs/r2"]
    assert main(["runs", "diff", "runs/r0", "runs/r1"]) == 0
    assert "nothing differs" in capsys.readouterr().out
    assert main(["runs", "clean", "--keep", "1"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").iterdir())) == 3
    assert main(["runs", "clean", "--keep", "1", "--yes"]) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["r2"]


def test_a_closed_pipe_ends_quietly() -> None:
    script = f"{sys.executable} -m automl --help | true; echo code ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() in ("code 0", "code 141")


def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(automl.run, "profile", lambda settings, sink: (profile(), plan().task))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["profile", "x.csv"]) == 0
    assert "\x1b[36m" in capsys.readouterr().out
    for arguments, variables in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert main(["profile", "x.csv", *arguments]) == 0
        assert "\x1b[36m" not in capsys.readouterr().out
