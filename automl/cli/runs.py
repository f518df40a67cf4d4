"""`automl runs`: list, compare and clean up run folders."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text
from typer.core import TyperGroup

from automl.cli.parameters import Run, add_command
from automl.cli.speech import Speech
from automl.errors import DataError, UsageError
from automl.formats.terminal import listing
from automl.outcome import Outcome
from automl.quantities import format_bytes, format_seconds
from automl.rundir import OUTCOME, SETTINGS, RunDir, find_runs
from automl.settings import Given, Settings
from automl.typography import format_score, printable, quoted


def list_runs(*, given: Given) -> None:
    """The runs below --root, oldest first."""
    speech = Speech.of(given)
    root = Path(given.values["root"])
    rows = [_summary(run) for run in find_runs(root)]
    if not rows:
        speech.note(f"no runs in {root}/")
    if rows or speech.json:
        speech.answer({"runs": rows}, _runs_view(rows))


def _summary(run: RunDir) -> dict[str, Any]:
    files = [path for path in run.path.rglob("*") if path.is_file()]
    row: dict[str, Any] = {
        "run": str(run.path),
        "started": (run.path / SETTINGS).stat().st_mtime,
        "state": "done" if run.is_done else "unfinished",
        "bytes": sum(path.stat().st_size for path in files),
    }
    try:
        row["data"] = run.read(SETTINGS, Settings).data
        if (run.path / OUTCOME).exists():
            outcome = run.read(OUTCOME, Outcome)
            row |= {"metric": outcome.score.metric, "score": outcome.score.value, "error": outcome.score.error}
            row |= {"started": outcome.started, "seconds": outcome.seconds, "target": outcome.plan.task.target}
    except DataError as error:
        row["state"] = f"unreadable: {error.message}"
    return row


def _runs_view(rows: list[dict[str, Any]]) -> RenderableType:
    table = listing(("run", "started", "target", "score", "time", "size"), numeric=(4, 5))
    for row in rows:
        scored = "metric" in row
        score = f"{row['metric']} {format_score(row['score'], row['error'])}" if scored else row["state"]
        table.add_row(
            Text(printable(row["run"])),
            time.strftime("%m-%d %H:%M", time.localtime(row["started"])),
            Text(quoted(row["target"], 16) if scored else "–"),
            Text(printable(score)),
            format_seconds(row["seconds"]) if scored else "–",
            format_bytes(row["bytes"]),
        )
    return table


def diff_runs(
    a: Run, b: Annotated[Path, typer.Argument(metavar="RUN", help="Another run folder.")], *, given: Given
) -> None:
    """What differs between two runs: settings, data, models, metrics."""
    speech = Speech.of(given)
    one, other = (RunDir(path).read(OUTCOME, Outcome) for path in (a, b))
    rows = [(what, left, right) for what, left, right in _compared(one, other) if left != right]
    table = listing(("", str(a.name), str(b.name)), wide=2)
    for what, left, right in rows:
        table.add_row(Text(printable(what)), Text(printable(left)), Text(printable(right)))
    if one.profile.source == other.profile.source and one.score.metric == other.score.metric:
        margin, error = abs(one.score.value - other.score.value), (one.score.error**2 + other.score.error**2) ** 0.5
        said = "within" if margin <= error else "more than"
        note = f"the scores differ by {format_score(margin, error)}: {said} their joint standard error {error:.2g}"
    else:
        note = "other data or another metric: the scores can't be compared"
    view = Group(table, Text(), Text(note)) if rows else Text("nothing differs")
    speech.answer({"differs": [{"what": w, "a": x, "b": y} for w, x, y in rows], "note": note}, view)


def _compared(one: Outcome, other: Outcome) -> list[tuple[str, str, str]]:
    def facts_of(outcome: Outcome) -> dict[str, str]:
        facts = {f"--{name.replace('_', '-')}": str(value) for name, value in outcome.settings.items()}
        facts = {name: value for name, value in facts.items() if name not in ("--sources", "--output")}
        facts["rows"] = str(outcome.profile.n_rows)
        facts["columns"] = str(len(outcome.profile.columns))
        facts["model"] = ", ".join(f"{member.family} {member.weight:.2f}" for member in outcome.members)
        facts["trials"] = str(len(outcome.trials))
        facts["seconds"] = f"{outcome.seconds:.0f}"
        facts |= {e.metric: f"{format_score(e.value, e.error)} ± {e.error:.2g}" for e in outcome.metrics}
        return facts | {f"{name} version": text for name, text in outcome.versions.items()}

    left, right = facts_of(one), facts_of(other)
    return [(name, left.get(name, "–"), right.get(name, "–")) for name in dict.fromkeys([*left, *right])]


def clean_runs(*, given: Given) -> None:
    """Delete all but the newest runs. Asks first on a terminal; needs --yes elsewhere."""
    speech = Speech.of(given)
    found = find_runs(Path(given.values["root"]))
    old = found[: max(0, len(found) - given.values["keep_runs"])]
    if not old:
        speech.note(f"nothing to delete: {len(found)} runs, --keep {given.values['keep_runs']}")
        return
    for run in old:
        speech.note(f"{run.path}{'' if run.is_done else '  (unfinished)'}")
    if not given.values["yes"]:
        if not sys.stdin.isatty():
            raise UsageError(f"{len(old)} runs would be deleted", "try:    automl runs clean --yes")
        if not typer.confirm(f"Delete these {len(old)} runs?", err=True):
            raise typer.Exit(1)
    for run in old:
        with run.owned():
            pass
        shutil.rmtree(run.path)
    speech.note(f"deleted {len(old)} runs")


class RunsGroup(TyperGroup):
    """The subcommands; without one, the list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` before options that no subcommand precedes."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


_APP = typer.Typer(cls=RunsGroup, rich_markup_mode=None, add_completion=False, help="List, compare and clean up runs.")
_APP.callback()(lambda: None)
add_command(_APP, "runs list", list_runs)
add_command(_APP, "runs diff", diff_runs)
add_command(_APP, "runs clean", clean_runs)
COMMAND = typer.main.get_command(_APP)
