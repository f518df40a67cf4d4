"""The live display: what was found and decided above, the search below, redrawn at most four times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from automl.cli.views import data_line, decided_rows, findings_rows, target_line
from automl.events import (
    BestChanged,
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
from automl.formats.terminal import facts
from automl.plan import Plan
from automl.profile import Profile
from automl.quantities import format_seconds
from automl.settings import Settings
from automl.trial import Trial
from automl.typography import bar, counted, format_score, printable, sparkline

_STAGES = {
    "read": "reading",
    "profile": "looking at the data",
    "decide": "deciding",
    "encode": "encoding",
    "search": "searching",
    "refit": "fitting on all rows",
    "blend": "blending",
    "explain": "explaining",
    "render": "writing the report",
}


@dataclass(slots=True)
class _Race:
    """What is known of the search; (value, over all folds) of trials by family, in the order they came."""

    values: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    baselines: list[float] = field(default_factory=list)
    n_done: int = 0
    running: set[int] = field(default_factory=set)
    n_running: int | None = None
    best: BestChanged | None = None
    forecast: Forecast | None = None


class LiveDisplay:
    """A sink that draws. A context manager: the terminal is given back at the end.

    Args:
        console: On a terminal.
        settings: For what the user fixed and the budget.
        started: `time.monotonic()` at the start of the command.
        stop: Whether the user has asked the run to stop.
    """

    def __init__(
        self, console: Console, settings: Settings, started: float, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._stop = stop
        self._console = console
        self._settings = settings
        self._started = started
        self._budget = settings.time_limit
        self._stage = "starting"
        self._race = _Race()
        self._profile: Profile | None = None
        self._plan: Plan | None = None
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take note of the event; what was found and decided is printed above the moving part."""
        match event:
            case StageStarted() | StageDone():
                self._stage = _STAGES.get(event.stage, event.stage)
            case Profiled():
                self._profile = event.profile
                self._console.print(facts([data_line(event.profile)]))
            case Planned():
                self._plan = event.plan
                self._console.print(self._decision(event.plan))
            case TrialStarted():
                self._race.running.add(event.number)
            case TrialEnded():
                self._ended(event.trial)
            case BestChanged():
                self._race.best = event
            case Progress():
                self._started = time.monotonic() - event.seconds
                self._budget = event.budget
                self._race.n_done, self._race.n_running = event.n_done, event.n_running
            case Foreseen():
                self._race.forecast = event.forecast
            case Warned():
                self._console.print(Text(f"warning     {printable(event.message)}", style="yellow"))

    def _ended(self, trial: Trial) -> None:
        self._race.running.discard(trial.number)
        if trial.value is None:
            return
        if trial.origin == "baseline":
            self._race.baselines.append(trial.value)
        else:
            self._race.values.setdefault(trial.family, []).append((trial.value, trial.state == "done"))

    def _decision(self, plan: Plan) -> RenderableType:
        more = f"     automl profile {printable(self._settings.data, 40)}"
        findings = self._profile.findings if self._profile is not None else ()
        rows = [target_line(plan.task, guessed=self._settings.target is None)]
        rows += findings_rows([f for f in findings if f.severity != "info"] or findings, 3, more)
        rows += decided_rows(plan)
        return Group(facts(rows), Text())

    def _view(self) -> RenderableType:
        race = self._race
        lines: list[RenderableType] = [self._clock(race)]
        if race.best is not None:
            lines.append(self._best(race.best))
        if race.values or race.baselines:
            lines.append(self._families(race))
        return Group(*lines)

    def _clock(self, race: _Race) -> Text:
        seconds = time.monotonic() - self._started
        width = max(10, min(30, self._console.width - 50))
        done = bar(min(1.0, seconds / self._budget), width)
        text = Text(" ").append(done, style="cyan").append("░" * (width - len(done)), style="dim")
        text.append(f"  {seconds:.0f} s of {format_seconds(self._budget)}   ", style="default")
        n_running = race.n_running if race.n_running is not None else len(race.running)
        running = f", {n_running} running" if self._stage == _STAGES["search"] else ""
        n_done = max(race.n_done, sum(map(len, race.values.values())) + len(race.baselines))
        if n_done or n_running:
            text.append(f"{counted(n_done, 'trial')}{running}   ")
        text.append(self._stage, style="dim")
        if self._stop():
            text.append("\n stopping with the best model so far; once more to quit at once", style="yellow")
            return text
        text.truncate(self._console.width, overflow="ellipsis")
        return text

    def _best(self, best: BestChanged) -> Text:
        metric = self._plan.task.metric if self._plan is not None else ""
        what = best.members[0][0] if len(best.members) == 1 else f"blend of {len(best.members)}"
        text = Text(" best so far   ", style="bold").append(f"{what:<13} ", style="default")
        text.append(f"{metric} {format_score(best.value, digits=4)}", style="bold green")
        text.append(f" ± {format_score(best.error, digits=1)}" if best.error > 0 else "", style="default")
        if self._race.forecast is not None:
            text.append(f"   likely {format_score(self._race.forecast.value, digits=4)} in the end", style="dim")
        return text

    def _families(self, race: _Race) -> Table:
        maximize = self._maximize()
        nets = {c.family for c in self._plan.candidates if c.kind == "neural"} if self._plan is not None else set()
        best = max if maximize else min
        rows = []
        for name, results in list(race.values.items()):
            whole = [value for value, is_whole in results if is_whole]
            values = whole or [value for value, _ in results]
            rows.append((bool(whole), best(values) if maximize else -best(values), name, values, len(results)))
        rows.sort(reverse=True)
        room = max(3, min(8, self._console.height - 14))
        table = Table.grid(padding=(0, 2, 0, 0))
        for justify in ("left", "right", "left", "left"):
            table.add_column(justify=justify, no_wrap=True)
        for is_whole, gain, name, values, n_trials in rows[:room]:
            gains = values if maximize else [-value for value in values]
            title = f"   {name} (net)" if name in nets else f"   {name}"
            shown = format_score(gain if maximize else -gain, digits=4)
            spark = Text(sparkline(gains), style="cyan" if is_whole else "dim")
            table.add_row(title, Text(shown, style="" if is_whole else "dim"), spark, counted(n_trials, "trial"))
        if race.baselines:
            table.add_row("   baseline", format_score(best(race.baselines), digits=4), "", "")
        if len(rows) > room:
            table.add_row(Text(f"   and {len(rows) - room} more", style="dim"), "", "", "")
        return table

    def _maximize(self) -> bool:
        from automl.metrics import METRICS

        return self._plan is None or METRICS[self._plan.task.metric].maximize
