"""Race every family on the tables of `tables.py` on equal terms and record how each did: what the policy learns from.

    python -m benchmarks.races [--out FILE] [--only NAME ...]

Of each table a random part is learned from and another is kept for testing. Each family fits one default on the same
folds, with time enough; the blend then says what each is worth beside the others. The blend's honest score is recorded
with its interval and with what the test rows say of it. Nothing here depends on how fast the machine is. Resumable: a
table that the file holds is not raced again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import traceback
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl import registry
from automl.context import Context
from automl.encoder import encode_target
from automl.ensemble import average, blend_weights, crossed_blend, mix
from automl.errors import Unsuitable
from automl.events import nowhere
from automl.family import Family, Limits
from automl.hardware import find_hardware
from automl.metrics import METRICS, estimate
from automl.plan import Plan, Validation
from automl.policy.effects import Case
from automl.policy.weigh import Trace, judge
from automl.read import read
from automl.run import decide_plan, encode, profile_data, with_target
from automl.search.objective import Material
from automl.settings import Settings
from benchmarks.tables import BenchTable, bench_tables

if TYPE_CHECKING:
    import pandas as pd

RACES = Path(__file__).parent / "results" / "races.jsonl"
_MOST_LEARNED, _MOST_TESTED, _TEST_SHARE = (400, 1_500, 4_000), 5_000, 0.25
_N_FOLDS = 4
_FIT_SECONDS = 120.0
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A family in the race: its weight in the blend of all, its out-of-fold score, and seconds of a fold."""

    share: float
    value: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Race:
    """What came of one table.

    Attributes:
        rules: Codes of the policy's rules that apply to it.
        lanes: By family.
        shown: The honest out-of-fold score of the blend; `low` and `high` bound it for the test rows.
        test: Score on the test rows of the blend that would ship: of each model the mean over its folds.
        single: The same with one fold's models only, the mean over folds.
    """

    table: str
    kind: str
    metric: str
    n_learned: int
    n_tested: int
    d: int
    rules: tuple[str, ...]
    shown: float
    low: float
    high: float
    error: float
    test: float
    single: float
    lanes: dict[str, Lane] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Ground:
    """The rows of a race.

    Shape:
        y_test: (n_test,) as in the material.
    """

    plan: Plan
    material: Material
    test: Material


def run(table: BenchTable) -> Race:
    """Race on one table."""
    learned, tested = _parts(table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "learned.csv"
        learned.to_csv(path, index=False)
        tested.to_csv(Path(folder) / "tested.csv", index=False)
        settings = Settings(data=str(path), target=table.target, time_limit=_HOUR, group="none", time="none")
        context = Context(settings, nowhere, time.monotonic())
        prepared = with_target(*profile_data(context, read(str(path)).table))
        planned = decide_plan(context, prepared, find_hardware("cpu", calibrate=False))
        folds = Validation(kind="kfold", n_folds=_N_FOLDS, stratify=True)
        planned = msgspec.structs.replace(planned, validation=folds, max_rows=None)
        encoder, material = encode(context, prepared, planned)
        unseen = with_target(read(str(Path(folder) / "tested.csv")).table, prepared.profile, prepared.task)
        test = Material(
            planned.task,
            encoder.encode(unseen.table),
            encode_target(unseen.table, prepared.profile, planned.task),
            None,
            (),
        )
    case = Case(prepared.profile, planned.task, planned.hardware, planned.wishes)
    return _race(table, _Ground(planned, material, test), case)


def _parts(table: BenchTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and rows to test on, the latter without classes that the former lack."""
    frame = table.load()
    n_test = min(_MOST_TESTED, int(_TEST_SHARE * len(frame)))
    most = _MOST_LEARNED[zlib.crc32(table.name.encode()) % len(_MOST_LEARNED)]
    learned, tested = frame.iloc[n_test : n_test + most], frame.iloc[:n_test]
    if frame[table.target].nunique() <= 50:
        tested = tested[tested[table.target].isin(learned[table.target])]
    return learned, tested


def _race(table: BenchTable, ground: _Ground, case: Case) -> Race:
    task, material, test = ground.plan.task, ground.material, ground.test
    metric = METRICS[task.metric]
    found: dict[str, tuple[NDArray[Any], list[NDArray[Any]], float]] = {}
    skipped = {}
    for family in registry.families():
        refusal = family.eligible(case.profile, task)
        if "baseline" in family.traits or refusal:
            continue
        try:
            found[family.name] = _fit(family, ground, case)
        except Unsuitable as refused:
            skipped[family.name] = str(refused)
    names = list(found)
    out_of_fold = [found[name][0] for name in names]
    weights = blend_weights(out_of_fold, material.y, metric)
    honest = crossed_blend(out_of_fold, material.y, metric)
    shown = estimate(metric, material.y, honest, n_new=len(test.y))
    folds = [mix([found[name][1][k] for name in names], list(weights)) for k in range(_N_FOLDS)]
    links = {name: registry.family(name).link for name in names}
    shipped = mix([average(found[name][1], links[name], task) for name in names], list(weights))
    values = [metric(material.y, prediction) for prediction in out_of_fold]
    return Race(
        table=table.name,
        kind=task.kind,
        metric=metric.name,
        n_learned=len(material.y),
        n_tested=len(test.y),
        d=case.shape.d,
        rules=tuple(code for code, _ in judge(case, None, Trace())),
        shown=shown.value,
        low=shown.low,
        high=shown.high,
        error=shown.error,
        test=metric(test.y, shipped),
        single=float(np.mean([metric(test.y, fold) for fold in folds])),
        lanes={
            name: Lane(float(weight), value, found[name][2])
            for name, weight, value in zip(names, weights, values, strict=True)
        },
        skipped=skipped,
    )


def _fit(family: Family, ground: _Ground, case: Case) -> tuple[NDArray[Any], list[NDArray[Any]], float]:
    """Out-of-fold predictions, each fold's predictions of the test rows, and mean seconds of a fold."""
    task, material = ground.plan.task, ground.material
    # The first default of a net is the costly one; the second is nearly as good and half as long.
    params = dict(family.default(case.profile)[1 if family.kind == "neural" else 0])
    out_of_fold: NDArray[Any] | None = None
    tested, began = [], time.monotonic()
    for seed, split in enumerate(material.splits):
        model = family.build(params, task, material.x.layout)
        limits = Limits(deadline=time.monotonic() + _FIT_SECONDS, seed=seed)
        model.fit(material.rows(split.train), material.rows(split.valid), limits)
        predicted = model.predict(material.x.take(split.valid))
        if out_of_fold is None:
            out_of_fold = np.zeros((len(material.y), *predicted.shape[1:]))
        out_of_fold[split.valid] = predicted
        tested.append(model.predict(ground.test.x))
    assert out_of_fold is not None
    return out_of_fold, tested, (time.monotonic() - began) / _N_FOLDS


def main() -> None:
    """Race on every table that the file does not hold yet, one a core."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.races", description=__doc__)
    parser.add_argument("--out", type=Path, default=RACES)
    parser.add_argument("--only", nargs="+", default=[])
    chosen = parser.parse_args()
    done = {json.loads(line)["table"] for line in chosen.out.read_text().splitlines()} if chosen.out.exists() else set()
    todo = [t for t in bench_tables() if t.name not in done and (not chosen.only or t.name in chosen.only)]
    with ProcessPoolExecutor(os.cpu_count(), max_tasks_per_child=8) as pool, chosen.out.open("a") as out:
        racing = {pool.submit(run, table): table.name for table in todo}
        for number, future in enumerate(as_completed(racing), 1):
            print(f"[{number}/{len(todo)}] {racing[future]}", end=": ", flush=True)
            if (problem := future.exception()) is not None:
                print("failed", *traceback.format_exception(problem), sep="\n")
                continue
            race = future.result()
            out.write(json.dumps(asdict(race)) + "\n")
            out.flush()
            lanes = sorted(race.lanes.items(), key=lambda lane: -lane[1].share)
            told = ", ".join(f"{name} {lane.share:.2f}" for name, lane in lanes if lane.share)
            print(f"{race.metric} {race.shown:.4g}, test {race.test:.4g}; {told}")


if __name__ == "__main__":
    main()
