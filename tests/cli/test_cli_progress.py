from __future__ import annotations

import io
import time

import pytest
from cli_records import EVIL, outcome, plan, profile, trial
from rich.console import Console

from automl.cli.lines import LogLines
from automl.cli.live import LiveDisplay
from automl.cli.summary import summary_markdown
from automl.events import (
    BestChanged,
    Decided,
    Event,
    Foreseen,
    Planned,
    Profiled,
    Progress,
    StageDone,
    StageStarted,
    TrialEnded,
    TrialStarted,
    Warned,
)
from automl.forecast import Forecast
from automl.settings import Settings

EVENTS: tuple[Event, ...] = (
    StageStarted("read"),
    StageDone("read", 0.1),
    Profiled(profile()),
    Planned(plan()),
    StageStarted("search"),
    TrialStarted(0, "alpha"),
    TrialEnded(trial(0, 0.5, origin="baseline")),
    TrialEnded(trial(1, 0.8391)),
    BestChanged(0.9, 0.009, (("alpha", 1.0),), n_folds=1),
    BestChanged(0.8391, 0.009, (("alpha", 1.0),), n_folds=5),
    BestChanged(0.83912, 0.009, (("alpha", 1.0),), n_folds=5),
    TrialEnded(trial(2, None, "beta", state="failed", reason="boom\nTraceback ...")),
    TrialEnded(trial(3, 0.99, "beta", state="pruned")),
    BestChanged(0.8412, 0.0, (("alpha", 0.6), ("beta", 0.4)), n_folds=5),
    Progress(3.0, 20.0, 4, 2),
    Foreseen(Forecast(seconds=3.0, value=0.8533, to_limit=0.012, twice_time=0.006)),
    Warned(f"skipped {EVIL}"),
    Decided(outcome().verdict),
    StageDone("search", 10.0),
)


def test_log_lines_are_one_an_event_with_the_time_and_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    sink = LogLines(verbose=False)
    for event in EVENTS:
        sink(event)
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line.split(" ", 1) for line in told.err.splitlines()]
    assert all(len(clock) == 8 and clock[2] == clock[5] == ":" for clock, _ in lines)
    texts = [text for _, text in lines]
    assert texts[0].endswith("100 rows 4 columns 0.1 s")
    assert texts[0].startswith("read data/")
    assert "finding D020 leak suspect: x tells all" in texts
    assert "plan 2 families, 5 folds, 20 s" in texts
    assert "best alpha roc_auc 0.9000 on 1 of 5 folds (trial 1)" in texts
    assert texts.count("best alpha roc_auc 0.8391 (trial 1)") == 1, "no news, no line"
    assert "failed beta (trial 2): boom" in texts
    assert "best blend of 2 roc_auc 0.8412 (trial 3)" in texts
    assert "forecast roc_auc 0.8533 at the time limit" in texts
    assert not any("done alpha" in text for text in texts)
    assert "\x1b" not in told.err
    assert "\x07" not in told.err


def test_verbose_lines_tell_every_trial(capsys: pytest.CaptureFixture[str]) -> None:
    sink = LogLines(verbose=True)
    for event in EVENTS:
        sink(event)
    assert "pruned beta roc_auc 0.9900 (trial 3, 0.2 s)" in capsys.readouterr().err


def drawn(width: int, height: int, events: tuple[Event, ...] = EVENTS) -> str:
    plain = {"markup": False, "emoji": False, "highlight": False, "color_system": None}
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, **plain)
    display = LiveDisplay(console, Settings(data="x.csv", time_limit=20.0), time.monotonic())
    for event in events:
        display(event)
    console.print(display._view())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_live_display_shows_the_race_on_a_small_screen() -> None:
    text = drawn(80, 24)
    assert len(text.splitlines()) <= 24
    assert max(len(line) for line in text.splitlines()) <= 80
    for part in (
        "y  ->  binary, scored by roc_auc",
        "D020",
        "both kinds race (P046)",
        "ruled out: gamma (P007: 61 s a fit)",
    ):
        assert part in text
    for part in (
        "3 s of 20 s",
        "4 trials, 2 running",
        "searching",
        "blend of 2    roc_auc 0.8412",
        "likely 0.8533 in the end",
        "baseline",
    ):
        assert part in text
    assert "\x1b[31m" not in text


def test_a_family_that_finished_a_trial_stands_above_one_that_was_only_pruned() -> None:
    text = drawn(80, 24)
    assert text.index("   alpha") < text.index("   beta (net)")


def test_the_display_draws_before_anything_is_known() -> None:
    for width, height in ((80, 24), (20, 5)):
        assert drawn(width, height, ()).strip()


def test_less_is_better_for_a_loss() -> None:
    events = (
        Planned(plan("log_loss")),
        TrialEnded(trial(0, 0.5)),
        TrialEnded(trial(1, 0.3)),
        TrialEnded(trial(2, 0.4, "beta")),
    )
    text = drawn(80, 24, events)
    assert "0.3000  ▁█" in text
    assert text.index("   alpha") < text.index("   beta (net)")


def test_the_summary_in_markdown_escapes_what_comes_from_the_data() -> None:
    text = summary_markdown(outcome())
    assert "| **model** | **0.850** |" in text
    assert "\\[bold red\\]" in text
    assert "\x1b" not in text
    assert "<" not in text.replace("&lt;", "")
