"""Race every family on the tables of `tables.py` on equal terms and record how each did: what the policy learns from.

    python -m benchmarks.races [--out FILE] [--only NAME ...] [--with-boosters]

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
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import partial
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
from automl.family import Family, Limits, Rows
from automl.finish import SHARED_ERRORS
from automl.hardware import find_hardware
from automl.material import encode
from automl.metrics import METRICS, estimate
from automl.plan import Plan, Validation
from automl.policy.effects import Case
from automl.policy.weigh import Trace, judge
from automl.read import read
from automl.run import decide_plan, profile_data, with_target
from automl.search.objective import Material
from automl.settings import Settings
from automl.space import Params
from benchmarks.boosters import BOOSTERS, Fit, Predict
from benchmarks.tables import RACES, BenchTable, bench_tables

if TYPE_CHECKING:
    import pandas as pd

_MOST_LEARNED, _MOST_TESTED, _TEST_SHARE = (400, 1_500, 4_000), 5_000, 0.25
_MOST_OTHERS = 10_000
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
class Booster:
    """A booster that the package does not have: its weight in a blend with all others, and the test score of that."""

    share: float
    test: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Race:
    """What came of one table.

    Attributes:
        rules: Strength of the policy's rules that apply to it, by code.
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
    rules: dict[str, float]
    shown: float
    low: float
    high: float
    error: float
    test: float
    single: float
    lanes: dict[str, Lane] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    boosters: dict[str, Booster] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ground:
    """The rows of a race: those learned from, with their folds, and those tested on."""

    plan: Plan
    material: Material
    test: Material


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model on every fold.

    Attributes:
        link: In which its folds are averaged.
        seconds: Of a fold.

    Shape:
        out_of_fold: (n_rows,) or (n_rows, n_classes).
        tested: Of each fold, (n_test,) or (n_test, n_classes).
    """

    out_of_fold: NDArray[Any]
    tested: list[NDArray[Any]]
    link: str
    seconds: float


def run(table: BenchTable, with_boosters: bool = False) -> Race:
    """Race on one table."""
    ground, case = prepare(table)
    return _race(table, ground, case, with_boosters)


def prepare(table: BenchTable, n_learned: int | None = None, n_rare: int | None = None) -> tuple[Ground, Case]:
    """The rows of a race and what the policy sees of them.

    Args:
        n_learned: Rows to learn from, at most; as many as the table's name says unless told.
        n_rare: Rows of the rarer of two classes to learn from, half of them at most, among many of the other.
    """
    learned, tested = _parts(table, n_learned) if n_rare is None else _rare_parts(table, n_rare)
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
        _, encoder, material = encode(context, prepared, planned)
        unseen = with_target(read(str(Path(folder) / "tested.csv")).table, prepared.profile, prepared.task)
        test = Material(
            planned.task,
            encoder.encode(unseen.table),
            encode_target(unseen.table, prepared.profile, planned.task),
            None,
            (),
        )
    case = Case(prepared.profile, planned.task, planned.hardware, planned.wishes)
    return Ground(planned, material, test), case


def _parts(table: BenchTable, n_learned: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and rows to test on, the latter without classes that the former lack."""
    frame = table.load()
    n_test = min(_MOST_TESTED, int(_TEST_SHARE * len(frame)))
    most = n_learned or _MOST_LEARNED[zlib.crc32(table.name.encode()) % len(_MOST_LEARNED)]
    learned, tested = frame.iloc[n_test : n_test + most], frame.iloc[:n_test]
    if frame[table.target].nunique() <= 50:
        tested = tested[tested[table.target].isin(learned[table.target])]
    return learned, tested


def _rare_parts(table: BenchTable, n_rare: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of two classes of which one is rare to learn from, and what is left of it, with others, to test on."""
    import pandas as pd

    frame = table.load()
    is_rare = frame[table.target] == frame[table.target].value_counts().index[-1]
    rare, others = frame[is_rare], frame[~is_rare]
    n_rare, n_test = min(n_rare, len(rare) // 2), min(_MOST_TESTED, len(others) // 3)
    learned = pd.concat([rare[:n_rare], others[n_test : n_test + _MOST_OTHERS]])
    tested = pd.concat([rare[n_rare : n_rare + _MOST_TESTED], others[:n_test]])
    return learned.sample(frac=1.0, random_state=1), tested.sample(frac=1.0, random_state=2)


def _race(table: BenchTable, ground: Ground, case: Case, with_boosters: bool) -> Race:
    task, material, test = ground.plan.task, ground.material, ground.test
    metric = METRICS[task.metric]
    found: dict[str, Fitted] = {}
    skipped = {}
    for family in registry.families():
        if "baseline" in family.traits or family.eligible(case.profile, task):
            continue
        try:
            found[family.name] = fit_folds(of_family(family, ground, case), family.link, ground)
        except Unsuitable as refused:
            skipped[family.name] = str(refused)
    out_of_fold = [fitted.out_of_fold for fitted in found.values()]
    weights = [float(weight) for weight in blend_weights(out_of_fold, material.y, metric)]
    honest = crossed_blend(out_of_fold, material.y, metric)
    shown = estimate(metric, material.y, honest, n_new=len(test.y), widen=SHARED_ERRORS)
    singles = [mix([fitted.tested[k] for fitted in found.values()], weights) for k in range(_N_FOLDS)]
    return Race(
        table=table.name,
        kind=task.kind,
        metric=metric.name,
        n_learned=len(material.y),
        n_tested=len(test.y),
        d=case.shape.d,
        rules={code: ruling.strength for code, ruling in judge(case, None, Trace())},
        shown=shown.value,
        low=shown.low,
        high=shown.high,
        error=shown.error,
        test=shipped_score(list(found.values()), weights, ground),
        single=float(np.mean([metric(test.y, single) for single in singles])),
        lanes={
            name: Lane(weight, metric(material.y, fitted.out_of_fold), fitted.seconds)
            for weight, (name, fitted) in zip(weights, found.items(), strict=True)
        },
        skipped=skipped,
        boosters=_boosters(list(found.values()), ground) if with_boosters else {},
    )


def shipped_score(found: Sequence[Fitted], weights: Sequence[float], ground: Ground) -> float:
    """Test score of a blend of models, of each the average of its folds."""
    task, test = ground.plan.task, ground.test
    averages = [average(fitted.tested, fitted.link, task) for fitted in found]
    return METRICS[task.metric](test.y, mix(averages, weights))


def _boosters(found: Sequence[Fitted], ground: Ground) -> dict[str, Booster]:
    """Each booster that the package does not have, in a blend with those it has."""
    task, y = ground.plan.task, ground.material.y
    told = {}
    for name, booster in BOOSTERS.items():
        more = [*found, fit_folds(partial(booster, task), "logit", ground)]
        weights = blend_weights([fitted.out_of_fold for fitted in more], y, METRICS[task.metric])
        told[name] = Booster(float(weights[-1]), shipped_score(more, list(weights), ground), more[-1].seconds)
    return told


def of_family(family: Family, ground: Ground, case: Case) -> Fit:
    """One default of a family; of a net the second, which is nearly as good as the first and half as costly."""
    return of_params(family, family.default(case.profile)[1 if family.kind == "neural" else 0], ground)


def of_params(family: Family, params: Params, ground: Ground) -> Fit:
    """A family with parameters."""

    def fit(train: Rows, valid: Rows, limits: Limits) -> Predict:
        model = family.build(params, ground.plan.task, ground.material.x.layout)
        model.fit(train, valid, limits)
        return model.predict

    return fit


def fit_folds(fit: Fit, link: str, ground: Ground) -> Fitted:
    """Fit every fold, and predict the rows left out and those of the test."""
    material = ground.material
    parts, began = [], time.monotonic()
    for seed, split in enumerate(material.splits):
        limits = Limits(deadline=time.monotonic() + _FIT_SECONDS, seed=seed)
        predict = fit(material.rows(split.train), material.rows(split.valid), limits)
        parts.append((predict(material.x.take(split.valid)), predict(ground.test.x)))
    seconds = (time.monotonic() - began) / _N_FOLDS
    out_of_fold = np.empty((len(material.y), *parts[0][0].shape[1:]))
    for split, (predicted, _) in zip(material.splits, parts, strict=True):
        out_of_fold[split.valid] = predicted
    return Fitted(out_of_fold, [tested for _, tested in parts], link, seconds)


def main() -> None:
    """Race on every table that the file does not hold yet, one a core."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.races", description=__doc__)
    parser.add_argument("--out", type=Path, default=RACES)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--with-boosters", action="store_true", help="CatBoost and XGBoost as well")
    chosen = parser.parse_args()
    done = {json.loads(line)["table"] for line in chosen.out.read_text().splitlines()} if chosen.out.exists() else set()
    todo = [t for t in bench_tables() if t.name not in done and (not chosen.only or t.name in chosen.only)]
    with ProcessPoolExecutor(os.cpu_count()) as pool, chosen.out.open("a") as out:
        racing = {pool.submit(run, table, chosen.with_boosters): table.name for table in todo}
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
