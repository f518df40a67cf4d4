"""The policy's regret: how far its runs stay behind the better of runs of one kind of model, as recorded.

python -m benchmarks.regret INDEX --kinds SHALLOW.jsonl NEURAL.jsonl --runs RUN.jsonl...

INDEX is the list of the tables (JSON) with what a constant prediction scores on each. Of several runs each is also held
against the better of every two others: so far would the policy stay behind, were the kinds no better than itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np

from automl.metrics import METRICS

# Of the range from a constant prediction to the better of the others: what counts as level.
LEVEL = 0.01
# By the name of the table, the more the better.
Gains: TypeAlias = Mapping[str, float]


class _Result(msgspec.Struct):
    dataset: str
    metric: str
    value: float | None = None


class _Entry(msgspec.Struct):
    name: str
    metric: str
    dummy: float


def read_gains(path: Path) -> Gains:
    """The test scores that a benchmark recorded, the last one of each table; failed runs are left out."""
    results = (msgspec.json.decode(line, type=_Result) for line in path.read_bytes().splitlines())
    return {r.dataset: METRICS[r.metric].gain(r.value) for r in results if r.value is not None}


def read_constants(index: Path) -> Gains:
    """What a constant prediction scores on each table of an index."""
    entries = msgspec.json.decode(index.read_bytes(), type=list[_Entry])
    return {e.name: METRICS[e.metric].gain(e.dummy) for e in entries if e.metric in METRICS}


def regrets(run: Gains, others: Sequence[Gains], constants: Gains) -> dict[str, float]:
    """By how much the best of others is better, by table, in parts of the range from a constant to it.

    Less than 0 where the run is the best; only tables that all have are judged.
    """
    names = sorted(set(run).intersection(constants, *others))
    best = {name: max(other[name] for other in others) for name in names}
    return {name: (best[name] - run[name]) / (best[name] - constants[name]) for name in names}


def summary(runs: Mapping[str, Gains], kinds: Sequence[Gains], constants: Gains) -> str:
    """A line for each run against the kinds, and one on the runs among themselves."""
    lines = []
    for name, run in runs.items():
        found = regrets(run, kinds, constants)
        lost = np.maximum(0, list(found.values()))
        worse = {table: regret for table, regret in found.items() if regret >= LEVEL}
        told = ", ".join(f"{table} {100 * worse[table]:.1f} %" for table in sorted(worse, key=lambda t: -worse[t]))
        lines.append(
            f"{name}: level on {len(found) - len(worse)} of {len(found)}, "
            f"better than the kinds on {sum(regret < 0 for regret in found.values())}, "
            f"lost {100 * np.mean(lost):.2f} % in the mean and {100 * np.median(lost):.2f} % in the median; {told}"
        )
    shares = []
    for name, run in runs.items():
        for pair in combinations([other for key, other in runs.items() if key != name], 2):
            found = regrets(run, pair, constants)
            shares.append(np.mean([regret < LEVEL for regret in found.values()]))
    if shares:
        low, middle, high = (f"{100 * share:.0f} %" for share in (min(shares), np.mean(shares), max(shares)))
        lines.append(f"a run against the better of two others: level on {middle} in the mean, {low} to {high}")
    return "\n".join(lines)


def main() -> None:
    """Read the records and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regret", description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--kinds", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, metavar="FILE")
    given = parser.parse_args()
    runs = {path.stem: read_gains(path) for path in given.runs}
    print(summary(runs, [read_gains(path) for path in given.kinds], read_constants(given.index)))


if __name__ == "__main__":
    main()
