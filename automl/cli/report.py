"""`automl report`: render a run's report again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from automl.cli.parameters import Run, command
from automl.cli.speech import Speech
from automl.errors import UsageError
from automl.outcome import Evidence, Outcome
from automl.report import Report
from automl.rundir import OUTCOME, RunDir
from automl.settings import Given

_FILES = {"html": "report.html", "markdown": "report.md", "json": "report.json"}
_SHORT = {"md": "markdown"}


def report(run: Run, *, given: Given) -> None:
    """Render a run's report again, into its folder; the format `terminal` goes to stdout."""
    speech = Speech.of(given)
    from automl import registry

    names = [_SHORT.get(name, name) for name in given.values["format"]]
    unknown = sorted(set(names) - set(registry.names("formats")))
    if unknown:
        known = [{"markdown": "md"}.get(name, name) for name in registry.names("formats")]
        raise UsageError(f"no report format {unknown[0]!r}", f"there are: {', '.join(known)}")
    folder = RunDir(run)
    composed = composed_report(folder)
    for name in names:
        text = registry.renderer(name)(composed)
        if name == "terminal":
            sys.stdout.write(text)
            continue
        file = _FILES.get(name, f"report.{name}")
        folder.write_bytes(file, text.encode())
        speech.note(f"wrote {folder.path / file}")


def composed_report(folder: RunDir) -> Report:
    """The report of a finished run, from its outcome and its out-of-fold rows."""
    from automl.compose import compose

    outcome = folder.read(OUTCOME, Outcome)
    with np.load(Path(folder.path) / "oof" / "blend.npz", allow_pickle=False) as stored:
        return compose(outcome, Evidence(stored["y"], stored["prediction"]))


COMMAND = command("report", report)
