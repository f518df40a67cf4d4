"""Books of a small search, made by hand: rows, splits, trials with predictions that are right up to some noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from automl import registry
from automl.features import Features, Layout
from automl.modalities.tabular import profile_table
from automl.plan import Candidate, Cost, Hardware, Plan, Validation, Wishes
from automl.rundir import RunDir
from automl.search.best import Blend
from automl.search.ledger import Ledger
from automl.search.objective import FoldResult, Material
from automl.settings import Settings
from automl.splits import make_splits
from automl.table import Table
from automl.task import Task
from automl.trial import Trial

N = 400
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, 2))
Y = X[:, 0] + 0.1 * RNG.normal(size=N)
TASK = Task(kind="regression", target="y", metric="rmse")
PARAMS = {"scaling": "standard", "l1_ratio": 0.5}  # of the linear family
HOLDOUT = Validation(kind="holdout", n_folds=1, fraction=0.25)
FOLDS = Validation(kind="kfold", n_folds=4)

TABLE = Table.from_columns({"a": [float(i) for i in range(60)], "y": [float(i % 7) for i in range(60)]}, "t.csv")
PROFILE = profile_table(TABLE, Settings(data="t.csv", target="y", task="regression"))[0]


def plan(validation: Validation = HOLDOUT, *families: str, seconds: float = 60.0) -> Plan:
    cost = Cost(seconds=1.0, memory_bytes=10)
    share = 1 / max(len(families), 1)
    return Plan(
        task=TASK,
        validation=validation,
        candidates=tuple(
            Candidate(family=f, kind="shallow", share=share, portfolio=(PARAMS,), cost=cost) for f in families
        ),
        ruled_out=(),
        reasons=(),
        hardware=Hardware(n_cores=2, memory_bytes=10**9),
        wishes=Wishes(seconds=seconds),
        n_workers=2,
        threads_per_fit=1,
        max_models=10,
    )


def plan_of_shares(shares: dict[str, float], *, seconds: float = 60.0, n_trials: int | None = None) -> Plan:
    """Of families with one default, whose fit takes a second, on two workers."""
    made = plan(HOLDOUT, *shares, seconds=seconds)
    candidates = tuple(
        replace(c, share=shares[c.family], portfolio=registry.family(c.family).default(PROFILE)[:1])
        for c in made.candidates
    )
    return replace(made, candidates=candidates, wishes=replace(made.wishes, n_trials=n_trials))


def books(folder: Path, validation: Validation = HOLDOUT) -> Ledger:
    layout = Layout(columns=("a", "b"), num_names=("a", "b"), num_sources=(0, 1))
    x = Features(X.astype(np.float32), np.empty((N, 0), dtype=np.int32), layout)
    splits = make_splits(validation, Y, seed=0)
    return Ledger(RunDir.create(folder / "run"), Material(TASK, x, Y, None, splits))


def enter(
    ledger: Ledger,
    noise: float,
    *,
    family: str = "linear",
    seconds: float = 1.0,
    n_iterations: int | None = None,
    n_tried: int | None = None,
    learning_rate: float | None = None,
    truncated: bool = False,
    n_folds: int | None = None,
) -> Trial:
    """A trial with every fold done, or the first ones, its predictions the truth and so much noise."""
    number = len(ledger.trials)
    trial = Trial(number=number, family=family, params={}, origin="portfolio")
    ledger.open_trial(trial)
    rng = np.random.default_rng(number)
    for fold, split in enumerate(ledger.splits[:n_folds]):
        prediction = Y[split.valid] + noise * rng.normal(size=len(split.valid))
        result = FoldResult(
            prediction=prediction,
            value=0.0,
            seconds=seconds,
            n_iterations=n_iterations,
            n_tried=n_tried,
            learning_rate=learning_rate,
            curve=(),
            truncated=truncated,
        )
        trial = ledger.add_fold(number, fold, result)
    return trial


def blend_of(*trials: Trial) -> Blend:
    values = [t.value for t in trials if t.value is not None]
    weight = 1 / len(trials)
    return Blend(trials=trials, weights=(weight,) * len(trials), value=min(values), error=0.1)
