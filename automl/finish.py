"""The end of a run: the blend becomes a model file with an honest score, is explained, and is reported."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl import registry
from automl.compose import compose
from automl.context import Context, Prepared
from automl.encoder import encode_target
from automl.engines import Engine
from automl.ensemble import calibrate
from automl.errors import DataError
from automl.evaluate import evaluate_predictor
from automl.explaining import MODULES, collect, start_explaining
from automl.forecast import Forecast
from automl.metrics import METRICS, estimate
from automl.outcome import Estimate, Evidence, Outcome
from automl.plan import Plan, Verdict
from automl.read import read
from automl.rundir import MODEL, RunDir
from automl.search.best import Blend, Finish, finish, honest_prediction
from automl.search.budget import Clock
from automl.search.ledger import Ledger
from automl.shipping import ModelFile, versions, wishes_missed
from automl.task import Task
from automl.thresholds import crossed_thresholds

_RENDER_SECONDS = 1.5
# The score is for a new sample of a third as many rows: what a quarter kept for testing is to the three learned from.
_NEW_SHARE = 1 / 3
# Rows that one model was checked on are wrong together, which a bootstrap over rows does not see (Bates et al. 2023,
# doi:10.1080/01621459.2023.2197686), and what was searched for a minute fits them a little. By how much is measured:
# 1.25 held nine test scores in ten in the races of `benchmarks/races.py`; whole runs on 51 tables spread as 1.4 says.
SHARED_ERRORS = 1.4
_MEASURING_SECONDS = 4.0
# A user who stopped a run waits for its model, not for its explanation.
_STOPPED_SECONDS = 1.0
# Bytes; a guess on the low side for one core that shares the machine with the explainers.
_COMPRESSED_A_SECOND = 15e6
FORMATS = {"html": "report.html", "json": "report.json", "markdown": "report.md"}


@dataclass(frozen=True, slots=True)
class Found:
    """What the search leaves behind."""

    ledger: Ledger
    blend: Blend
    file: ModelFile
    verdict: Verdict
    stopped: str
    forecast: Forecast | None = None


def conclude(
    context: Context, prepared: Prepared, plan: Plan, run: RunDir, engine: Engine, clock: Clock, found: Found
) -> Outcome:
    """Score the blend honestly, write the model file, explain it and write the reports.

    Args:
        context: Settings, sink and what was skipped so far.
        prepared: The training table.
        plan: As decided.
        run: Where everything goes.
        engine: Whose workers explain.
        clock: How long there is.
        found: The search's result.
    """
    ledger, task = found.ledger, plan.task
    until = _explained_until(context, plan, clock)
    engine.prepare(MODULES)
    with context.stage("blend"):
        judged = _judge(found, plan)
        after, score = judged.after, judged.score
        found.file.write(found.blend, after, score)
        np.savez(run.path / "oof" / "blend.npz", rows=judged.rows, y=judged.y, prediction=judged.prediction)
    with context.stage("explain"):
        labels = encode_target(prepared.table, prepared.profile, task)
        model, table = run.path / MODEL, prepared.table
        pending = start_explaining(engine, model, table, labels, until=until, seed=task.seed, folder=run.work)
        metrics = (score, *_other_metrics(task, judged))
        baselines = _baselines(ledger, score.n_new)
        if model.stat().st_size < _COMPRESSED_A_SECOND * 0.5 * (until - time.monotonic()):
            found.file.write(found.blend, after, score, compress=True)
        attribution = collect(pending)
        for missed in wishes_missed(plan.wishes, model, table):
            context.warn(missed)
    if attribution is not None:
        run.write("attribution.json", attribution)
    else:
        why = "the run was stopped" if context.stop() else "no time was left for it"
        context.warn(f"nothing was explained: {why}; try: automl explain {model} DATA")
    outcome = Outcome(
        folder=str(run.path),
        model=str(model),
        profile=prepared.profile,
        plan=plan,
        trials=tuple(ledger.trials[n] for n in sorted(ledger.trials)),
        score=score,
        metrics=metrics,
        baselines=baselines,
        members=found.blend.members(),
        refitted=tuple(sorted(found.blend.refitted)),
        verdict=found.verdict,
        stopped=found.stopped,
        seconds=clock.elapsed,
        stages=dict(context.seconds),
        n_train=len(ledger.y),
        started=time.time() - clock.elapsed,
        versions=versions(),
        test=_on_test_file(context, run),
        threshold=after.threshold,
        temperature=after.temperature,
        skipped=(*context.skipped, *(attribution.skipped if attribution else ())),
        attribution=attribution,
        pretrained=found.file.encoder.references,
        forecast=found.forecast,
        settings=msgspec.to_builtins(context.settings),
    )
    with context.stage("render"):
        render(run, outcome, Evidence(judged.y, judged.prediction))
    if not context.stop():
        run.finish()
    return outcome


@dataclass(frozen=True, slots=True)
class _Judged:
    """The blend on rows that neither its models nor its weights had seen.

    Shape:
        rows: (n,) of the training table.
        y: (n,) values or class codes.
        prediction: (n,) values or (n, n_classes) calibrated probabilities.
        thresholds: (n,), or (n, n_classes) of more than two, each chosen on other rows than that it is of; None where
            labels are not what the metric is of.
    """

    rows: NDArray[np.intp]
    y: NDArray[Any]
    prediction: NDArray[np.float64]
    thresholds: NDArray[np.float64] | None
    after: Finish
    score: Estimate


def _judge(found: Found, plan: Plan) -> _Judged:
    """Score the blend honestly."""
    ledger, task = found.ledger, plan.task
    rows, honest = honest_prediction(ledger, found.blend, plan.max_models, task.seed)
    after = finish(ledger, rows, honest)
    y = ledger.y[rows]
    prediction = calibrate(honest, after.temperature) if task.is_classification else honest
    metric = METRICS[task.metric]
    thresholds = crossed_thresholds(y, prediction, metric, seed=task.seed) if task.has_threshold else None
    n_new = max(1, round(_NEW_SHARE * len(ledger.y)))
    score = estimate(metric, y, prediction, threshold=thresholds, n_new=n_new, widen=SHARED_ERRORS)
    return _Judged(rows, y, prediction, thresholds, after, score)


def _explained_until(context: Context, plan: Plan, clock: Clock) -> float:
    """`time.monotonic()` at which blend and explanation end.

    Where the search ended early that is soon, for nobody waits long for the last row, and sooner where it was stopped.
    """
    most = max(10.0, 0.2 * clock.elapsed) if clock.search_left else clock.seconds
    if context.stop():
        most = _STOPPED_SECONDS
    after = clock.scoring + _render_seconds(clock) + _measuring_seconds(plan, clock)
    return min(clock.deadline - after, time.monotonic() + most)


def _render_seconds(clock: Clock) -> float:
    """Kept for writing the report and for the interpreter's end."""
    return min(_RENDER_SECONDS, 0.1 * clock.seconds)


def _measuring_seconds(plan: Plan, clock: Clock) -> float:
    """Kept for loading the finished model, which may need torch, and timing it."""
    return 0.0 if plan.wishes.max_latency_ms is None else min(_MEASURING_SECONDS, 0.1 * clock.seconds)


def _other_metrics(task: Task, judged: _Judged) -> tuple[Estimate, ...]:
    """Every metric that suits the task but its own."""
    others = [m for m in METRICS.values() if task.kind in m.kinds and m.name != task.metric]
    return tuple(
        estimate(
            m,
            judged.y,
            judged.prediction,
            threshold=judged.thresholds,
            n_new=judged.score.n_new,
            widen=SHARED_ERRORS,
        )
        for m in others
    )


def _baselines(ledger: Ledger, n_new: int | None) -> tuple[tuple[str, Estimate], ...]:
    task, metric = ledger.task, METRICS[ledger.task.metric]
    found = []
    for trial in ledger.trials.values():
        rows = ledger.rows(trial.number)
        if trial.origin == "baseline" and len(rows):
            title = registry.family(trial.family).title
            y, p = ledger.y[rows], ledger.prediction(trial.number, rows)
            thresholds = crossed_thresholds(y, p, metric, seed=task.seed) if task.has_threshold else None
            found.append((title, estimate(metric, y, p, threshold=thresholds, n_new=n_new, widen=SHARED_ERRORS)))
    return tuple(found)


def _on_test_file(context: Context, run: RunDir) -> tuple[Estimate, ...]:
    if context.settings.test is None:
        return ()
    from automl.bundle import load_model

    try:
        return evaluate_predictor(load_model(run.path / MODEL), read(context.settings.test).table)
    except DataError as problem:
        context.warn(f"the model was not scored on {context.settings.test}: {problem.message}")
        return ()


def render(run: RunDir, outcome: Outcome, evidence: Evidence) -> None:
    """Write the outcome and the report in every format."""
    run.write("outcome.json", outcome)
    report = compose(outcome, evidence)
    for name, file in FORMATS.items():
        run.write_bytes(file, registry.renderer(name)(report).encode())
