"""`automl fit`: the main job."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import typer

from automl.cli.parameters import Data, command
from automl.cli.speech import Speech, print_json
from automl.cli.stopping import StopFlag
from automl.cli.watching import watched
from automl.errors import BudgetError
from automl.events import Sink
from automl.outcome import Outcome
from automl.search.budget import process_started
from automl.settings import Given, Settings, settings_for


def fit(data: Data, *, given: Given) -> None:
    """Find, blend and explain the best model for a table; write a run folder with model.automl and report.html.

    Stopped by Ctrl-C or SIGTERM, it writes the best model so far first.
    """
    started = process_started()
    speech = Speech.of(given)
    settings = settings_for(data, given)
    folder = Path(settings.output) if settings.output else default_folder(data, Path("runs"), time.localtime())
    from automl import run

    def go(sink: Sink, stop: StopFlag) -> Outcome:
        return run.fit(settings, folder, sink, started=started, stop=stop)

    conclude(go, settings, speech, started, given.values["summary"])


def conclude(
    go: Callable[[Sink, StopFlag], Outcome], settings: Settings, speech: Speech, started: float, summary: str | None
) -> None:
    """Run with progress shown and signals caught, then show the result in the way that was asked for."""
    if summary:
        Path(summary).open("ab").close()  # before any work: it may be where nothing can be written
    with StopFlag() as stop:
        try:
            with watched(settings, speech, started, stop) as sink:
                outcome = go(sink, stop)
        except BudgetError:
            if not stop():
                raise
            speech.note("automl: stopped before a first model was ready")
            raise typer.Exit(stop.exit_code) from None
        if not speech.quiet:
            from automl.formats.terminal import outcome_view

            speech.show(outcome_view(outcome), to_stderr=True)
        if speech.json:
            from automl.compose import result

            print_json({**result(outcome), "exit": stop.exit_code})
        if summary:
            from automl.cli.summary import summary_markdown

            Path(summary).write_text(summary_markdown(outcome), encoding="utf-8")
    if stop():
        raise typer.Exit(stop.exit_code)


def default_folder(data: str, root: Path, now: time.struct_time) -> Path:
    """runs/<data>-<time>, not there yet."""
    name = "stdin" if data == "-" else Path(data).name.partition(".")[0] or Path(data).resolve().name
    name = re.sub(r"[^\w-]+", "_", name).strip("_")[:60] or "data"
    folder = root / f"{name}-{time.strftime('%Y%m%d-%H%M%S', now)}"
    n = 2
    while folder.exists():
        folder = folder.with_name(f"{folder.name.partition('.')[0]}.{n}")
        n += 1
    return folder


COMMAND = command("fit", fit)
