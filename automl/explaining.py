"""Explaining a model file: in the engine's workers, side by side, or here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.attribution import Attribution
from automl.bundle import Predictor, load_model
from automl.engines import Engine, Job
from automl.explain import Part, explain_in_turn, merge
from automl.explainers.subject import ExplainRequest
from automl.metrics import METRICS
from automl.table import Table

# What the jobs load; an engine that is told early has it loaded by the time they come.
MODULES = ("automl.explain", "automl.explain_packages")
_FIRST_JOB = 1_000_000
# What the jobs are called, and the parts of each; a part that the model has nothing for takes no time.
_JOBS: dict[str, tuple[Part, ...]] = {"shap": ("shap", "words"), "local and global": ("local", "global", "parts")}
_LEAST_SECONDS = 2.0
_ROWS = 1_000
_SHARE_USED = 0.85


@dataclass(frozen=True, slots=True)
class Pending:
    """Explanations on their way.

    Attributes:
        engine: That makes them.
        jobs: What each job is called, by number.
        until: `time.monotonic()` by which they must be back.
        folder: Where jobs leave what they have so far.
    """

    engine: Engine
    jobs: dict[int, str]
    until: float
    folder: Path


def start_explaining(
    engine: Engine,
    model: Path,
    table: Table,
    y: NDArray[Any] | None,
    *,
    until: float,
    seed: int,
    folder: Path,
    chosen: Sequence[int] = (),
) -> Pending:
    """Have a model file explained by an engine's workers, a part of the work each; none where there is no time at all.

    Args:
        engine: Free for the work.
        model: The model file.
        table: Rows to explain; a sample is drawn.
        y: Their labels, (n_rows,); None leaves out what needs them.
        until: `time.monotonic()` by which it must be done.
        seed: Of samples and perturbations.
        folder: For what the workers have done so far.
        chosen: Rows of the table to explain one by one; none for a typical, a high and a low one.
    """
    jobs: dict[int, str] = {}
    seconds = until - time.monotonic()
    if seconds < _LEAST_SECONDS:
        return Pending(engine, jobs, until, folder)
    sample, labels, picked = _sample(table, y, chosen, seed)
    for number, (title, parts) in enumerate(_JOBS.items(), start=_FIRST_JOB):
        arguments = {"model": str(model), "parts": parts, "table": sample, "y": labels, "chosen": picked, "seed": seed}
        arguments["so_far"] = str(_so_far(folder, number))
        action = "automl.explaining:explain_file"
        engine.submit(Job(number=number, action=action, arguments=arguments, seconds=seconds, modules=MODULES))
        jobs[number] = title
    return Pending(engine, jobs, until, folder)


def collect(pending: Pending) -> Attribution | None:
    """The explanations that are there in time; what is not is named in `skipped`. None if none were started."""
    if not pending.jobs:
        return None
    waiting = dict(pending.jobs)
    found: list[Attribution] = []
    while waiting and time.monotonic() < pending.until:
        for result in pending.engine.wait(pending.until - time.monotonic()):
            title = waiting.pop(result.number, None)
            if title is not None:
                found.append(result.value if result.outcome == "done" else _left_out(title, result.message))
    for number, title in waiting.items():
        pending.engine.cancel(number)
        path = _so_far(pending.folder, number)
        done = [msgspec.msgpack.decode(path.read_bytes(), type=Attribution)] if path.exists() else []
        found += [*done, _left_out(f"some {title}" if done else title, "not ready in the time that was left")]
    return merge(found)


def _so_far(folder: Path, number: int) -> Path:
    return folder / f"explained{number}"


def _left_out(title: str, why: str) -> Attribution:
    return Attribution(skipped=(f"{title} explanations are missing: {why.splitlines()[0]}",))


def explain_file(
    *,
    model: str,
    parts: tuple[Part, ...],
    table: Table,
    y: NDArray[Any] | None,
    chosen: tuple[int, ...],
    seed: int,
    so_far: str,
    deadline: float,
) -> Attribution:
    """Some parts of the explanation of a model file, in a worker.

    What is done is left in the file `so_far` after each part, lest a later one that is late loses it.
    """
    predictor = load_model(model)
    seconds = _SHARE_USED * (deadline - time.monotonic())
    found = []
    for each in explain_in_turn(predictor, explain_request(predictor, table, y, chosen, seconds, seed), parts):
        found.append(each)
        whole = Path(f"{so_far}.part")
        whole.write_bytes(msgspec.msgpack.encode(merge(found)))
        whole.replace(so_far)
    return merge(found)


def explain_request(
    predictor: Predictor, table: Table, y: NDArray[Any] | None, chosen: Sequence[int], seconds: float, seed: int
) -> ExplainRequest:
    """What to explain of a loaded model on rows in memory, scored by the model's own metric."""
    metric = METRICS[predictor.task.metric]

    def score(labels: NDArray[Any], prediction: NDArray[np.float64]) -> float:
        return metric.gain(metric(labels, prediction, predictor.manifest.threshold))

    return ExplainRequest(
        background=table,
        rows=table,
        y=y,
        score=score,
        metric=metric.name,
        chosen=chosen,
        seconds=seconds,
        seed=seed,
        profile=predictor.profile,
    )


def _sample(
    table: Table, y: NDArray[Any] | None, chosen: Sequence[int], seed: int
) -> tuple[Table, NDArray[Any] | None, tuple[int, ...]]:
    """At most a thousand rows, the chosen ones among them, their labels, and where the chosen ones stand now."""
    if table.n_rows <= _ROWS:
        return table, y, tuple(chosen)
    drawn = np.random.default_rng(seed).choice(table.n_rows, _ROWS - len(chosen), replace=False)
    rows = np.unique(np.r_[drawn, np.asarray(chosen, dtype=np.intp)]).astype(np.intp)
    places = tuple(int(np.searchsorted(rows, row)) for row in chosen)
    return table.take(rows), None if y is None else y[rows], places
