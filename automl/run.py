"""The stages of a run and the order they stand in: each takes the record before it and returns the next.

data file -> Table -> Profile -> Plan -> Trial* -> Model -> Attribution* -> Report
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from automl import hardware, registry
from automl.context import Context, Prepared, never
from automl.encoder import Encoder
from automl.engines import Engine, Job
from automl.errors import AutoMLError, BudgetError, DataError, UsageError
from automl.events import Decided, JsonLines, Planned, Profiled, Sink, fan_out
from automl.finish import Found, conclude
from automl.history import history_of, with_history
from automl.material import encode
from automl.modalities.tabular import date_format_of, profile_table
from automl.outcome import Outcome
from automl.plan import ColumnWishes, Hardware, Plan
from automl.policy.cost import Calibration, search_seconds
from automl.policy.decide import decide
from automl.policy.pretrained import OFF, with_embeddings
from automl.policy.saved import for_task, read_plan, with_plan, within
from automl.pretrained.discover import find_cached
from automl.profile import ColumnKind, Finding, Profile
from automl.read import read
from automl.rundir import EVENTS, PLAN, PROFILE, SETTINGS, RunDir
from automl.search.budget import Clock
from automl.search.jobs import first_modules, modules_of
from automl.search.ledger import Ledger
from automl.search.loop import Search
from automl.search.objective import write_material
from automl.search.refit import refit
from automl.search.schedule import Schedule
from automl.search.verdict import judge
from automl.settings import Settings
from automl.shipping import ModelFile
from automl.table import Table
from automl.task import Task, is_target_name

_N_LOOKED_AT = 1_000
_MOST_SCORING = 0.2  # of the time limit, that is kept back for the test file


def fit(settings: Settings, folder: Path, sink: Sink, *, started: float, stop: Callable[[], bool] = never) -> Outcome:
    """The main job, from a file to a run folder with a model and a report.

    Args:
        settings: What the user asked for.
        folder: The run folder to make.
        sink: Takes the events.
        started: `time.monotonic()` at which the command began; the time limit counts from there.
        stop: Becomes true when the user wants the run to end; the best model so far is then finished.
    """
    RunDir.check(folder, overwrite=settings.overwrite)
    settings = _settled(settings)
    context = Context(settings, sink, started, stop)
    with _opened_engine(settings) as engine:
        prepared = with_target(*read_data(context))
        _check_test_file(settings, prepared.task)
        return _run(context, prepared, folder, engine)


def fit_table(
    table: Table,
    settings: Settings,
    folder: Path,
    sink: Sink,
    *,
    started: float | None = None,
    stop: Callable[[], bool] = never,
) -> Outcome:
    """The main job on a table in memory."""
    RunDir.check(folder, overwrite=settings.overwrite)
    settings = _settled(settings)
    context = Context(settings, sink, time.monotonic() if started is None else started, stop)
    with _opened_engine(settings) as engine:
        return _run(context, with_target(*profile_data(context, table)), folder, engine)


def profile(settings: Settings, sink: Sink) -> tuple[Profile, Task | None]:
    """Read and profile, no more."""
    _, found, task = read_data(Context(settings, sink, time.monotonic()))
    return found, task


def plan(settings: Settings, sink: Sink) -> Plan:
    """Read, profile and decide, no more."""
    context = Context(settings, sink, time.monotonic())
    return decide_plan(context, with_target(*read_data(context)), _machine(settings))


def resume(
    folder: Path, settings: Settings, sink: Sink, *, started: float, stop: Callable[[], bool] = never
) -> Outcome:
    """Go on where a killed or stopped run left off: same data, plan and splits, a new budget.

    Args:
        folder: The run folder.
        settings: The run's own, with what the user changes: time limit, trials, jobs, memory, device or engine.
        sink: Takes the events.
        started: `time.monotonic()` at which the command began.
        stop: Becomes true when the user wants the run to end.

    Raises:
        UsageError: The run is done, or its data are not what they were.
    """
    run = RunDir(folder)
    if run.is_done:
        raise UsageError(f"{folder} is done", f"its model is {folder / 'model.automl'}")
    context = Context(settings, sink, started, stop)
    with run.owned(), _opened_engine(settings) as engine, _journaled(context, run):
        prepared = with_target(*read_data(context))
        if prepared.profile.columns != run.read(PROFILE, Profile).columns:
            raise UsageError(f"{settings.data} has changed since the run began", f"try: automl fit {settings.data}")
        planned = within(run.read(PLAN, Plan), settings)
        if settings.jobs and settings.jobs > planned.n_workers:
            context.warn(f"--jobs {settings.jobs}: {planned.n_workers} were planned for, and no more are used")
        context.sink(Planned(planned))
        return search(context, prepared, planned, run, engine)


def _settled(settings: Settings) -> Settings:
    """The settings, or where the user brought a plan those it was made with."""
    return settings if settings.plan is None else with_plan(settings, _brought(settings.plan))


def _brought(path: str) -> Plan:
    return read_plan(path, registry.names("families"))


def _machine(settings: Settings) -> Hardware:
    """The hardware found; its speed is measured unless the run is to be the same everywhere."""
    return hardware.find_hardware(settings.device, calibrate=not settings.deterministic)


def _run(context: Context, prepared: Prepared, folder: Path, engine: Engine) -> Outcome:
    planned = decide_plan(context, prepared, _machine(context.settings))
    run = RunDir.create(folder, overwrite=context.settings.overwrite)
    with run.owned(), _journaled(context, run):
        run.write(SETTINGS, context.settings)
        run.write(PROFILE, prepared.profile)
        run.write(PLAN, planned)
        return search(context, prepared, planned, run, engine)


@contextmanager
def _journaled(context: Context, run: RunDir) -> Iterator[None]:
    """Events go to the run folder as well from here on."""
    journal = JsonLines(run.path / EVENTS)
    context.sink = fan_out(context.sink, journal)
    try:
        yield
    finally:
        journal.close()


@contextmanager
def _opened_engine(settings: Settings) -> Iterator[Engine]:
    """The engine, its workers loading what they need while the file is being read."""
    n_workers = settings.jobs or hardware.count_cores()
    limit = settings.memory_limit // n_workers if settings.memory_limit else None
    with registry.load("engines", settings.engine)(n_workers, limit) as engine:
        if settings.engine != "inline":
            engine.prepare(["automl.search.objective", *sorted(first_modules())])
            for number in range(engine.n_workers):
                engine.submit(Job(number=number, action="automl.search.objective:warm_up", arguments={}, seconds=60.0))
        yield engine


def read_data(context: Context) -> tuple[Table, Profile, Task | None]:
    """Read the file and profile it."""
    with context.stage("read"):
        reading = read(context.settings.data)
    return profile_data(context, reading.table, reading.findings, reading.kinds)


def profile_data(
    context: Context, table: Table, findings: tuple[Finding, ...] = (), kinds: Mapping[str, ColumnKind] | None = None
) -> tuple[Table, Profile, Task | None]:
    """Profile a table that is in memory; `kinds` are what its reader knows, and the user's word counts for more."""
    settings = msgspec.structs.replace(context.settings, types={**(kinds or {}), **context.settings.types})
    with context.stage("profile"):
        history = history_of(table, context.settings, _time_format(table, context.settings))
        table = with_history(table, history)
        found, task = profile_table(table, settings, findings)
        task = task and msgspec.structs.replace(task, history=history)
    context.sink(Profiled(found))
    return table, found, task


def _time_format(table: Table, settings: Settings) -> str | None:
    """How the dates of the time column are read, where rows look back in its order."""
    if settings.window is None or settings.time not in table.names:
        return None
    return date_format_of(table.column(settings.time), settings)


def with_target(table: Table, found: Profile, task: Task | None) -> Prepared:
    """The rows that have a target.

    Raises:
        UsageError: No target was given and none could be inferred.
        DataError: There is no column to learn it from, a single class, or a single row.
    """
    if task is None:
        raise _no_target(table, found)
    if not found.features:
        left_out = [repr(c.name) for c in found.columns if c.role == "left_out"]
        hint = f"left out: {', '.join(left_out[:10])}" if left_out else "it has no other column"
        lost = [f"{c.name!r}: {c.evidence}" for c in found.columns if c.kind == "path"]
        raise DataError(f"{found.source} has no column to learn {task.target!r} from", hint, *lost)
    target = found.column(task.target)
    values = table.column(task.target).without(target.missing_tokens, target.missing_numbers)
    kept = ~values.missing
    if not task.is_classification:
        kept &= np.isfinite(values.numbers(target.number_format))
    return Prepared(table if kept.all() else table.take(kept), found, task)


def _no_target(table: Table, found: Profile) -> AutoMLError:
    """The error for a table of which no column can be told to be the target."""
    if table.n_rows < 2:
        return DataError(f"{found.source} has one row", "learning and checking needs 2 at the very least")
    for column in found.columns:
        if column.n_unique == 1 and column.top and is_target_name(column.name):
            what = f"{found.source} has one class: {column.name!r} is always {column.top[0][0]!r}"
            return DataError(what, "learning to tell classes apart needs two or more")
    advice = [finding.advice for finding in found.findings if finding.code == "D009" and finding.advice]
    message = f"no target could be told from the columns of {found.source}"
    return UsageError(message, *(advice or ["try: --target COLUMN"]))


def _check_test_file(settings: Settings, task: Task) -> None:
    """Look at the file that the finished model is to be scored on before anything is learned.

    Raises:
        DataError: It is not there, is no table, or lacks the target.
    """
    if settings.test is not None:
        read(settings.test, n_rows=_N_LOOKED_AT).table.column(task.target)


def decide_plan(context: Context, prepared: Prepared, machine: Hardware) -> Plan:
    """Decide what to try, or take the plan the user brought."""
    settings = context.settings
    with context.stage("decide"):
        if settings.plan is None:
            wishes = settings.wishes
            has_media = prepared.profile.holds("text", "image")
            planned = decide(
                prepared.profile,
                prepared.task,
                machine,
                wishes,
                calibration=None if settings.deterministic else Calibration.load(),
                cached=find_cached() if has_media and wishes.pretrained != OFF else (),
                spent=0.0 if settings.deterministic else time.monotonic() - context.started,
            )
            columns = ColumnWishes(types=settings.types, drop=settings.drop, id=settings.id)
            planned = msgspec.structs.replace(planned, columns=columns)
        else:
            planned = for_task(_brought(settings.plan), prepared.task, settings)
    context.sink(Planned(planned))
    return planned


def search(context: Context, prepared: Prepared, planned: Plan, run: RunDir, engine: Engine) -> Outcome:
    """Encode, search and conclude; the model file is on disk from the first fold on.

    Trials that an earlier process of the same run journaled are taken over.
    """
    engine.prepare(modules_of(planned))
    prepared, encoder, ledger = _encoded(context, prepared, planned, run)
    seconds = planned.wishes.seconds
    scoring = _scoring_seconds(context, len(ledger.y))
    clock = Clock(context.started, seconds, seconds - search_seconds(planned.wishes) + scoring, scoring=scoring)
    ledger.restore()
    schedule = Schedule(planned, with_embeddings(prepared.profile, planned.pretrained), ledger, clock)
    schedule.resume()

    file = ModelFile(run, ledger, encoder, prepared.profile, planned.wishes.is_lean)
    with context.stage("search"):
        loop = Search(planned, ledger, schedule, engine, clock, context.sink, file.write, context.stop)
        stopped = loop.run()
        if loop.best is None:
            raise _no_model(ledger, planned)
        verdict = judge(ledger, planned)
        are_costs_measured_here = context.settings.plan is None and not planned.wishes.deterministic
        if are_costs_measured_here and (problem := _learn_costs(ledger, planned)):
            context.warn(problem)
        if planned.wishes.deterministic and not clock.search_left:
            context.warn("the time limit ended the search before its trials were done: run again, it may end elsewhere")
    context.sink(Decided(verdict))
    blend = loop.best
    if planned.has_refits:
        with context.stage("refit"):
            blend, skipped = refit(planned, ledger, blend, engine, clock, context.stop)
        if skipped:
            context.warn(skipped)
    found = Found(ledger, blend, file, verdict, stopped, loop.forecast)
    return conclude(context, prepared, planned, run, engine, clock, found)


def _encoded(context: Context, prepared: Prepared, planned: Plan, run: RunDir) -> tuple[Prepared, Encoder, Ledger]:
    """The rows that are learned from, their encoder, and the books of a search over them.

    The features go to disk, where workers find them; neither they nor what encoding took are kept here.
    """
    prepared, encoder, material = encode(context, prepared, planned)
    write_material(run.work, material)
    ledger = Ledger(run, material)
    del material
    hardware.give_memory_back()
    return prepared, encoder, ledger


def _scoring_seconds(context: Context, n_rows: int) -> float:
    """Seconds that the test file will take: to be read, and to be encoded by what encoding the training rows took."""
    if context.settings.test is None:
        return 0.0
    began = time.monotonic()
    n_test = read(context.settings.test).table.n_rows
    reading, encoding = time.monotonic() - began, context.seconds["encode"] * n_test / n_rows
    return min(_MOST_SCORING * context.settings.time_limit, reading + encoding)


def _learn_costs(ledger: Ledger, planned: Plan) -> str:
    """Remember how long fits took beside what was expected here; the problem, if that can't be kept."""
    calibration = Calibration.load()
    expected = {c.family: c for c in planned.candidates}
    for trial in ledger.trials.values():
        candidate = expected.get(trial.family)
        if candidate is not None and trial.params == candidate.portfolio[0]:
            for score in trial.scores:
                if not score.truncated:
                    calibration.record(trial.family, candidate.cost, score.seconds)
    return calibration.save()


def _no_model(ledger: Ledger, planned: Plan) -> BudgetError:
    ended = [f"{t.family}: {t.state}, {t.reason.splitlines()[0]}" for t in ledger.trials.values() if t.reason]
    hint = "try: a longer --time-limit, or fewer rows"
    return BudgetError(f"no model was fitted within {planned.wishes.seconds:g} s", *ended[:5], hint)


__all__ = ["fit", "fit_table", "plan", "profile", "resume"]
