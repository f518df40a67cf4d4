"""The gate of the pretrained net: does it beat default boosters on small tables, and does the blend gain from it?

    AUTOML_PRETRAINED_WEIGHTS=FILE python -m benchmarks.pretrained --out FILE [--rows 100 300] [--no-blend]

Tables are those of `tables.py` whose name has an even checksum; the others are there to choose by, when choices about
the net or its prior are made. On each, for each number of rows, all learn from the same encoded rows and are tested on
the same others: the net, and LightGBM, random forest and CatBoost with their own defaults. Then all families race on
folds, and the blend with the net is compared with the blend without it. Resumable: what the file holds is not done
again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl import registry
from automl.ensemble import blend_weights
from automl.errors import Unsuitable
from automl.family import Family, Limits, Rows
from automl.features import Features
from automl.metrics import METRICS
from automl.models.probabilities import spread
from automl.policy.effects import Case
from automl.task import Task
from benchmarks.races import Ground, fit_folds, of_family, prepare, shipped_score
from benchmarks.tables import BenchTable, bench_tables

ROWS = (100, 300, 1_000, 2_000)
NET, RIVAL = "net", "catboost"
_SECONDS = 600.0
_N_DRAWS, _SURE, _LEAST_TABLES = 2_000, 0.05, 10

Told = NDArray[np.float64]
Rival = Callable[[Task, Rows, Features], Told]


@dataclass(frozen=True, slots=True)
class Bout:
    """What came of one table at one number of rows: test scores alone, seconds, and of the blends without and with."""

    table: str
    kind: str
    metric: str
    n_learned: int
    n_tested: int
    d: int
    alone: dict[str, float]
    seconds: dict[str, float]
    blend: dict[str, float] = field(default_factory=dict)


def is_for_gate(table: BenchTable) -> bool:
    """Whether a table may be tested on, and so may not be chosen by."""
    return zlib.crc32(table.name.encode()) % 2 == 0


def lightgbm(task: Task, train: Rows, x: Features) -> Told:
    """LightGBM as its constructor leaves it, told which columns are categories."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    d_num = train.x.x_num.shape[1]
    model = (LGBMClassifier if task.is_classification else LGBMRegressor)(n_jobs=1, verbose=-1, random_state=0)
    categories = list(range(d_num, d_num + train.x.x_cat.shape[1]))
    model.fit(_matrix(train.x), train.y, categorical_feature=categories)
    return _said(model, task, _matrix(x))


def forest(task: Task, train: Rows, x: Features) -> Told:
    """Random forest as scikit-learn's constructor leaves it."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    model = (RandomForestClassifier if task.is_classification else RandomForestRegressor)(n_jobs=1, random_state=0)
    return _said(model.fit(_matrix(train.x), train.y), task, _matrix(x))


def catboost(task: Task, train: Rows, x: Features) -> Told:
    """CatBoost as its constructor leaves it, told which columns are categories."""
    import pandas as pd
    from catboost import CatBoostClassifier, CatBoostRegressor

    def frame(rows: Features) -> pd.DataFrame:
        return pd.DataFrame(dict(enumerate([*rows.x_num.T, *rows.x_cat.T])))

    d_num = train.x.x_num.shape[1]
    model = (CatBoostClassifier if task.is_classification else CatBoostRegressor)(
        thread_count=1, verbose=False, random_seed=0, allow_writing_files=False
    )
    model.fit(frame(train.x), train.y, cat_features=list(range(d_num, d_num + train.x.x_cat.shape[1])))
    return _said(model, task, frame(x))


RIVALS: dict[str, Rival] = {"lightgbm": lightgbm, "forest": forest, "catboost": catboost}


def _matrix(x: Features) -> NDArray[np.float64]:
    finite = np.where(np.isfinite(x.x_num), x.x_num, np.nan)
    return np.concatenate([finite, np.where(x.x_cat < 0, np.nan, x.x_cat)], axis=1, dtype=np.float64)


def _said(model: Any, task: Task, x: Any) -> Told:
    if not task.is_classification:
        return np.asarray(model.predict(x), dtype=np.float64).ravel()
    return spread(model.predict_proba(x), np.asarray(model.classes_, dtype=np.int64).ravel(), len(task.classes))


def the_net() -> Family:
    """The pretrained family.

    Raises:
        LookupError: There is not exactly one that reads tables.
    """
    (family,) = (f for f in registry.families() if "pretrained" in f.traits)
    return family


def bout(table: BenchTable, n_rows: int, *, with_blend: bool) -> Bout | None:
    """Compare on one table; None where the net does not take it or it has fewer rows than asked for."""
    ground, case = prepare(table, n_rows)
    task, train = ground.plan.task, ground.material.rows(np.arange(len(ground.material.y)))
    if the_net().eligible(case.profile, task) is not None or len(train.y) < n_rows:
        return None
    alone, seconds = {}, {}
    metric = METRICS[task.metric]
    for name, rival in {NET: _net_alone(ground, case), **RIVALS}.items():
        if name in RIVALS and importlib.util.find_spec({"forest": "sklearn"}.get(name, name)) is None:
            continue
        began = time.process_time()
        alone[name] = metric(ground.test.y, rival(task, train, ground.test.x))
        seconds[name] = time.process_time() - began
    blend = _blends(ground, case) if with_blend else {}
    sizes = len(train.y), len(ground.test.y), case.shape.d
    return Bout(table.name, task.kind, metric.name, *sizes, alone, seconds, blend)


def _net_alone(ground: Ground, case: Case) -> Rival:
    def fit(task: Task, train: Rows, x: Features) -> Told:
        family = the_net()
        model = family.build(dict(family.default(case.profile)[0]), task, ground.material.x.layout)
        model.fit(train, None, Limits(deadline=time.monotonic() + _SECONDS))
        return model.predict(x)

    return fit


def _blends(ground: Ground, case: Case) -> dict[str, float]:
    """Test scores of the blend of all families that take the table, without the net and with it."""
    task, found = ground.plan.task, {}
    for family in registry.families():
        if "baseline" in family.traits or family.eligible(case.profile, task):
            continue
        try:
            found[family.name] = fit_folds(of_family(family, ground, case), family.link, ground)
        except Unsuitable:
            continue
    scores = {}
    for name, without in (("without", {the_net().name}), ("with", set[str]())):
        models = [fitted for family, fitted in found.items() if family not in without]
        weights = blend_weights([m.out_of_fold for m in models], ground.material.y, METRICS[task.metric])
        scores[name] = shipped_score(models, [float(weight) for weight in weights], ground)
    return scores


def gains(bouts: Iterable[dict[str, Any]], better: Callable[[dict[str, Any]], tuple[float, float]]) -> Told:
    """Of each table the loss that the first of two scores has less than the second, as a share; the mean over rows."""
    by_table: dict[str, list[float]] = {}
    for one in bouts:
        metric = METRICS[one["metric"]]
        first, second = better(one)
        gained = (metric.gain(first) - metric.gain(second)) / max(metric.error(second), 1e-9)
        by_table.setdefault(one["table"], []).append(gained)
    return np.array([np.clip(np.mean(each), -1.0, 1.0) for each in by_table.values()])


def told(name: str, shares: Told) -> tuple[str, bool]:
    """A line on gains over tables, and whether they are surely above 0.

    That takes ten tables, more than half of them better, and a mean above 0 in 95 of 100 draws of tables.
    """
    if not len(shares):
        return f"{name}: no table", False
    draws = np.random.default_rng(0).choice(shares, (_N_DRAWS, len(shares))).mean(axis=1)
    low = float(np.quantile(draws, _SURE))
    wins = float(np.mean(shares > 0) + 0.5 * np.mean(shares == 0))
    line = f"{name}: {len(shares)} tables, better on {wins:.0%}, loss lower by {shares.mean():.1%} (at least {low:.1%})"
    return line, len(shares) >= _LEAST_TABLES and low > 0 and wins > 0.5


def summary(bouts: list[dict[str, Any]]) -> str:
    """How the net compares by number of rows, and the verdict of the gate."""
    lines = []
    for n_rows in sorted({one["n_learned"] for one in bouts}):
        at = [one for one in bouts if one["n_learned"] == n_rows]
        lines.append(f"{n_rows:,} rows")
        for rival in RIVALS:
            met = [one for one in at if rival in one["alone"]]
            lines.append("  " + told(f"against {rival}", gains(met, lambda one: _alone(one, rival)))[0])  # noqa: B023
    small = [one for one in bouts if one["n_learned"] <= max(ROWS)]
    against, is_better = told("alone", gains([o for o in small if RIVAL in o["alone"]], lambda o: _alone(o, RIVAL)))
    blended = gains([o for o in small if o["blend"]], lambda o: (o["blend"]["with"], o["blend"]["without"]))
    blend, is_useful = told("in the blend", blended)
    missing = "" if any(RIVAL in one["alone"] for one in bouts) else f" ({RIVAL} is not installed: the gate is not met)"
    verdict = "PASSED" if is_better and is_useful else "NOT PASSED"
    return "\n".join([*lines, f"gate, {against}{missing}", f"gate, {blend}", f"gate: {verdict}"])


def _alone(one: dict[str, Any], rival: str) -> tuple[float, float]:
    return one["alone"][NET], one["alone"][rival]


def main() -> None:
    """Compare on every table of the gate that can be had, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--only", nargs="+", default=[], help="names of tables, of the gate or not")
    parser.add_argument("--blend", action=argparse.BooleanOptionalAction, default=True)
    chosen = parser.parse_args()
    lines = chosen.out.read_text().splitlines() if chosen.out.exists() else []
    bouts = [json.loads(line) for line in lines]
    done = {(one["table"], one["n_learned"]) for one in bouts}
    for table in bench_tables():
        if not (table.name in chosen.only if chosen.only else is_for_gate(table)):
            continue
        for n_rows in chosen.rows:
            if (table.name, n_rows) in done:
                continue
            try:
                one = bout(table, n_rows, with_blend=chosen.blend)
            except ModuleNotFoundError as error:
                print(f"{table.name}: {error}")
                break
            if one is None:
                print(f"{table.name}: not taken at {n_rows:,} rows")
                continue
            bouts.append(asdict(one))
            with chosen.out.open("a") as out:
                out.write(json.dumps(bouts[-1]) + "\n")
            scores = ", ".join(f"{name} {score:.4g}" for name, score in one.alone.items())
            print(f"{table.name}, {n_rows:,} rows: {one.metric} {scores} {one.blend or ''}", flush=True)
    print(summary(bouts))


if __name__ == "__main__":
    main()
