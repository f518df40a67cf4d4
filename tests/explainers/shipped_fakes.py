"""Models that ship, of plain functions and of real families, over tables with dates, numbers and categories."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automl import registry
from automl.ensemble import average, calibrate
from automl.explainers.subject import ExplainRequest
from automl.family import Family, Limits, Rows
from automl.features import Features, Layout
from automl.profile import Profile, Shape
from automl.table import Table
from automl.task import Task

DAY = 86400.0
CITIES = ("Bern", "Köln", "Łódź", "🏝")


@dataclass
class FakeMember:
    weight: float
    family: Family
    model: Any


@dataclass
class FakeShipped:
    """Encodes numbers as they are, dates as (day, day of week), strings as codes; predicts with `function`."""

    task: Task
    layout: Layout
    function: Callable[[Features], np.ndarray]
    members: Sequence[FakeMember] = field(default_factory=list)

    def encode(self, table: Table) -> Features:
        x_num = np.full((table.n_rows, len(self.layout.num_names)), np.nan, dtype=np.float32)
        x_cat = np.full((table.n_rows, len(self.layout.cat_names)), -1, dtype=np.int32)
        for j, (name, source) in enumerate(zip(self.layout.num_names, self.layout.num_sources, strict=True)):
            column = table.column(self.layout.columns[source])
            days = column.datetimes(None) / DAY if column.storage == "datetime" else None
            x_num[:, j] = column.numbers() if days is None else days % 7 if name.endswith("weekday") else days
        for j, source in enumerate(self.layout.cat_sources):
            x_cat[:, j] = table.column(self.layout.columns[source]).codes(CITIES)
        return Features(x_num, x_cat, self.layout)

    def predict(self, x: Features) -> np.ndarray:
        return np.asarray(self.function(x), dtype=np.float64)


def task_of(kind: str, n_classes: int = 3) -> Task:
    classes = () if kind == "regression" else ("no", "yes") if kind == "binary" else tuple("abcdefgh"[:n_classes])
    metric = {"regression": "rmse", "binary": "roc_auc", "multiclass": "log_loss"}[kind]
    return Task(kind=kind, target="price", metric=metric, classes=classes, positive=classes[-1] if classes else None)


def table_of(n_rows: int, seed: int = 0) -> Table:
    """Columns size, rooms, dull (constant), when (date), city (with missing values)."""
    rng = np.random.default_rng(seed)
    size = rng.normal(100, 20, n_rows)
    size[rng.random(n_rows) < 0.1] = np.nan
    when = np.datetime64("2024-01-01", "us") + (rng.integers(0, 300, n_rows) * int(DAY * 1e6)).astype("timedelta64[us]")
    city = [None if rng.random() < 0.1 else CITIES[i] for i in rng.integers(0, 4, n_rows)]
    return Table.from_columns(
        {"size": size, "rooms": rng.integers(1, 6, n_rows), "dull": np.ones(n_rows), "when": when, "city": city}
    )


LAYOUT = Layout(
    columns=("size", "rooms", "dull", "when", "city"),
    num_names=("size", "rooms", "dull", "when", "when weekday"),
    num_sources=(0, 1, 2, 3, 3),
    cat_names=("city",),
    cat_sources=(4,),
    n_levels=(4,),
    cat_ordered=(False,),
)


def additive(x: Features) -> np.ndarray:
    size = np.nan_to_num(x.x_num[:, 0].astype(np.float64), nan=90.0)
    day, weekday = x.x_num[:, 3].astype(np.float64) - 19723, x.x_num[:, 4].astype(np.float64)
    return 0.1 * size + 2.0 * x.x_num[:, 1] + 0.02 * day + weekday + np.array([3.0, 0, -3, 5, 9, 0])[x.x_cat[:, 0]]


def interacting(x: Features) -> np.ndarray:
    centred = additive(x) - 20
    return centred * (1 + 0.3 * (x.x_cat[:, 0] == 1)) + 0.5 * x.x_num[:, 1] * x.x_num[:, 4]


def probabilities(n_classes: int) -> Callable[[Features], np.ndarray]:
    """Class 2 of three or more is never the likeliest."""

    def function(x: Features) -> np.ndarray:
        score = interacting(x) / 10
        scores = np.stack([0 * score, score, *(np.full(len(score), -9.0) for _ in range(n_classes - 2))], axis=1)
        power = np.exp(scores - scores.max(axis=1, keepdims=True))
        return power / power.sum(axis=1, keepdims=True)

    return function


def shipped_function(kind: str, n_classes: int = 3) -> FakeShipped:
    task = task_of(kind, n_classes)
    function = interacting if kind == "regression" else probabilities(len(task.classes))
    family = next(f for f in registry.families() if not f.traits & {"tree", "linear"})
    return FakeShipped(task, LAYOUT, function, [FakeMember(1.0, family, None)])


def family_with(*traits: str) -> Family:
    return next(f for f in registry.families() if set(traits) <= f.traits)


def truth(shipped: FakeShipped, table: Table, seed: int = 0) -> np.ndarray:
    """Labels that follow `interacting`, with noise."""
    rng = np.random.default_rng(seed)
    value = interacting(shipped.encode(table)) + rng.normal(size=table.n_rows)
    if not shipped.task.is_classification:
        return value
    n_classes = len(shipped.task.classes)
    return np.searchsorted(np.quantile(value, np.arange(1, n_classes) / n_classes), value)


def shipped_family(
    family: Family, kind: str, temperature: float = 1.0, n_models: int = 2, above: float = 0.0, **params: Any
) -> FakeShipped:
    """Folds of one family, averaged and calibrated as in a model file; values lie `above` further up."""
    task = task_of(kind)
    shipped = FakeShipped(task, LAYOUT, lambda x: np.zeros(x.n_rows))
    table = table_of(300)
    x, y = shipped.encode(table), truth(shipped, table) + (above if kind == "regression" else 0)
    shape = Shape(n_rows=200, d_num=5, d_cat=1, n_levels=4, n_outputs=task.n_outputs)
    profile = Profile(
        source="t", n_rows=200, n_rows_profiled=200, memory_bytes=1, modality="tabular", columns=(), shape=shape
    )
    for seed in range(n_models):
        model = family.build({**family.default(profile)[0], **params}, task, LAYOUT)
        fold = np.arange(300) % 3 == seed
        limits = Limits(deadline=time.monotonic() + 60, seed=seed)
        model.fit(Rows(x.take(np.flatnonzero(~fold)), y[~fold]), Rows(x.take(np.flatnonzero(fold)), y[fold]), limits)
        shipped.members.append(FakeMember(1 / n_models, family, model))

    def function(x: Features) -> np.ndarray:
        mean = average([member.model.predict(x) for member in shipped.members], family.link, task)
        return calibrate(mean, temperature) if task.is_classification else mean

    shipped.function = function
    return shipped


def gain(y: np.ndarray, prediction: np.ndarray) -> float:
    """Higher is better: minus the squared error, or the log-likelihood."""
    if prediction.ndim == 1:
        return -float(np.mean((y - prediction) ** 2))
    return float(np.mean(np.log(np.clip(prediction[np.arange(len(y)), y], 1e-9, 1))))


def request_of(shipped: FakeShipped, n_rows: int = 60, **changed: Any) -> ExplainRequest:
    rows = changed.pop("rows", table_of(n_rows, seed=1))
    settings = {
        "background": table_of(40, seed=2),
        "rows": rows,
        "y": None if "y" in changed else truth(shipped, rows),
        "score": gain,
        "metric": "gain",
        "seconds": 30.0,
    }
    return ExplainRequest(**{**settings, **changed})
