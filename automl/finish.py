"""The end of a run: the blend becomes a model file with an honest score, is explained, and is reported."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl import __version__, registry
from automl.bundle import FORMAT, Manifest, ModelEntry, write_bundle
from automl.compose import compose
from automl.context import Context, Prepared
from automl.encoder import Encoder, encode_target
from automl.engines import Engine
from automl.ensemble import calibrate
from automl.errors import DataError
from automl.evaluate import evaluate_predictor
from automl.explaining import collect, start_explaining
from automl.forecast import Forecast
from automl.metrics import METRICS, estimate
from automl.outcome import Estimate, Evidence, Outcome
from automl.plan import Plan, Verdict
from automl.profile import Profile
from automl.read import read
from automl.rundir import MODEL, RunDir
from automl.search.best import Blend, Finish, finish, honest_prediction, n_shipped
from automl.search.budget import Clock
from automl.search.ledger import Ledger
from automl.states import pack
from automl.task import Task

_PACKAGES = (
    "scikit-learn",
    "lightgbm",
    "torch",
    "pytorch-lightning",
    "optuna",
    "shap",
    "lime",
    "polars",
    "numpy",
    "scipy",
    "pillow",
    "soundfile",
)
_OPTIONAL = ("transformers", "timm")
_RENDER_SECONDS = 1.5
# The score is for a new sample of a third as many rows: what a quarter kept for testing is to the three learned from.
_NEW_SHARE = 1 / 3
# Rows that one model was checked on are wrong together, which a bootstrap over rows does not see (Bates et al. 2023,
# doi:10.1080/01621459.2023.2197686). By how much is measured: so widened, the interval held nine test scores in ten in
# the races of `benchmarks/races.py`.
SHARED_ERRORS = 1.25
# A user who stopped a run waits for its model, not for its explanation.
_STOPPED_SECONDS = 1.0
_UNFINISHED = Finish()
# Bytes; a guess on the low side for one core that shares the machine with the explainers.
_COMPRESSED_A_SECOND = 15e6
FORMATS = {"html": "report.html", "json": "report.json", "markdown": "report.md"}


@dataclass(frozen=True, slots=True)
class Found:
    """What the search leaves behind."""

    ledger: Ledger
    blend: Blend
    encoder: Encoder
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
    until = min(clock.deadline - clock.scoring - _render_seconds(clock), time.monotonic() + _explain_seconds(clock))
    if context.stop():
        until = min(until, time.monotonic() + _STOPPED_SECONDS)
    with context.stage("blend"):
        judged = _judge(found, plan)
        after, score = judged.after, judged.score
        save_model(run, ledger, found.blend, found.encoder, prepared.profile, after, score)
        np.savez(run.path / "oof" / "blend.npz", rows=judged.rows, y=judged.y, prediction=judged.prediction)
    with context.stage("explain"):
        labels = encode_target(prepared.table, prepared.profile, task)
        model, table = run.path / MODEL, prepared.table
        pending = start_explaining(engine, model, table, labels, until=until, seed=task.seed, folder=run.work)
        metrics = (score, *_other_metrics(task, judged))
        baselines = _baselines(ledger, score.n_new)
        if model.stat().st_size < _COMPRESSED_A_SECOND * 0.5 * (until - time.monotonic()):
            save_model(run, ledger, found.blend, found.encoder, prepared.profile, after, score, compress=True)
        attribution = collect(pending)
    if attribution is None:
        why = "the run was stopped" if context.stop() else "no time was left for it"
        context.warn(f"nothing was explained: {why}; try: automl explain {model} DATA")
    else:
        run.write("attribution.json", attribution)
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
        n_train=prepared.table.n_rows,
        started=time.time() - clock.elapsed,
        versions=versions(),
        test=_on_test_file(context, run),
        threshold=after.threshold,
        temperature=after.temperature,
        skipped=(*context.skipped, *(attribution.skipped if attribution else ())),
        attribution=attribution,
        pretrained=found.encoder.references,
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
    """

    rows: NDArray[np.intp]
    y: NDArray[Any]
    prediction: NDArray[np.float64]
    after: Finish
    score: Estimate


def _judge(found: Found, plan: Plan) -> _Judged:
    """Score the blend honestly."""
    ledger, task = found.ledger, plan.task
    rows, honest = honest_prediction(ledger, found.blend, plan.max_models, task.seed)
    after = finish(ledger, rows, honest)
    y = ledger.y[rows]
    prediction = calibrate(honest, after.temperature) if task.is_classification else honest
    n_new = max(1, round(_NEW_SHARE * len(ledger.y)))
    score = estimate(ledger.metric, y, prediction, threshold=after.threshold, n_new=n_new, widen=SHARED_ERRORS)
    return _Judged(rows, y, prediction, after, score)


def _explain_seconds(clock: Clock) -> float:
    """Most seconds for blend and explanation where the search ended early: nobody waits long for the last row."""
    return max(10.0, 0.25 * clock.elapsed)


def _render_seconds(clock: Clock) -> float:
    """Kept for writing the report and for the interpreter's end."""
    return min(_RENDER_SECONDS, 0.1 * clock.seconds)


def _other_metrics(task: Task, judged: _Judged) -> tuple[Estimate, ...]:
    """Every metric that suits the task but its own."""
    others = [m for m in METRICS.values() if task.kind in m.kinds and m.name != task.metric]
    threshold, n_new = judged.after.threshold, judged.score.n_new
    return tuple(
        estimate(m, judged.y, judged.prediction, threshold=threshold, n_new=n_new, widen=SHARED_ERRORS) for m in others
    )


def _baselines(ledger: Ledger, n_new: int | None) -> tuple[tuple[str, Estimate], ...]:
    found = []
    for trial in ledger.trials.values():
        rows = ledger.rows(trial.number)
        if trial.origin == "baseline" and len(rows):
            title = registry.family(trial.family).title
            prediction = ledger.prediction(trial.number, rows)
            found.append((title, estimate(ledger.metric, ledger.y[rows], prediction, n_new=n_new, widen=SHARED_ERRORS)))
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


def save_model(
    run: RunDir,
    ledger: Ledger,
    blend: Blend,
    encoder: Encoder,
    profile: Profile,
    after: Finish = _UNFINISHED,
    score: Estimate | None = None,
    *,
    compress: bool = False,
) -> None:
    """Write the model file of a blend: of each trial some fitted folds or its refits, the encoder and the profile."""
    files: dict[str, bytes | Path] = {"profile.json": msgspec.json.encode(profile)}
    files.update(_below("encoder", pack(encoder.save())))
    entries = []
    for trial, weight in zip(blend.trials, blend.weights, strict=True):
        folders = []
        folds = blend.refitted.get(trial.number) or shipped_folds([s.fold for s in trial.scores], weight)
        for fold in folds:
            state = ledger.state_path(trial.number, fold)
            folder = f"models/{trial.number}/{state.name.rpartition('_')[2]}"
            folders.append(folder)
            files.update(_below(folder, {path.name: path for path in state.iterdir()}))
        entries.append(
            ModelEntry(
                trial=trial.number, family=trial.family, params=trial.params, weight=weight, folders=tuple(folders)
            )
        )
    manifest = Manifest(
        format=FORMAT,
        version=__version__,
        task=ledger.task,
        models=tuple(entries),
        files={},
        temperature=after.temperature,
        threshold=after.threshold,
        score=score,
        n_train=len(ledger.y),
        created=time.time(),
        versions=versions(),
        pretrained=encoder.references,
    )
    write_bundle(run.path / MODEL, manifest, files, compress=compress)


def shipped_folds(folds: Sequence[int], weight: float) -> tuple[int, ...]:
    """Which of a trial's folds go into the model file: all of a heavy one's, of a light one's some, evenly spaced."""
    n = n_shipped(len(folds), weight)
    return tuple(folds[i * len(folds) // n] for i in range(n))


def _below(folder: str, files: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def render(run: RunDir, outcome: Outcome, evidence: Evidence) -> None:
    """Write the outcome and the report in every format."""
    run.write("outcome.json", outcome)
    report = compose(outcome, evidence)
    for name, file in FORMATS.items():
        run.write_bytes(file, registry.renderer(name)(report).encode())


def versions() -> dict[str, str]:
    """Of Python, this package and those that models depend on."""
    found = {"python": platform.python_version(), "automl": __version__}
    for package in (*_PACKAGES, *_OPTIONAL):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package not in _OPTIONAL:
                found[package] = "not installed"
    return found
