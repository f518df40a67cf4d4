"""What another trial of a family brings the blend, by how many it has had before: from the journals of runs.

python -m benchmarks.trials RUN...
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from automl.events import BestChanged, Event, TrialEnded
from automl.metrics import METRICS
from automl.plan import Plan
from automl.rundir import EVENTS, PLAN, RunDir

# What follows the first ones is gained beside a blend, not beside nothing.
_FEWEST_FAMILIES = 4
_MOST_GAIN = 0.05
_SECONDS = (0.3, 1.0, 3.0, math.inf)
_PLACES = (1, 2, 3, 4, 6, 9, 14, 24, 10_000)


class Gained(NamedTuple):
    """A trial: its place among those of its family, its seconds, and by what share the blend's error fell after it."""

    place: int
    seconds: float
    gain: float


class _Line(msgspec.Struct):
    event: Event


def gained(run: RunDir) -> Iterator[Gained]:
    """The trials of a run in the order they ended. One blend after several trials is shared out evenly among them."""
    metric = METRICS[run.read(PLAN, Plan).task.metric]
    places: Counter[str] = Counter()
    waiting: list[Gained] = []
    error = math.inf
    for line in (run.path / EVENTS).read_bytes().splitlines():
        event = msgspec.json.decode(line, type=_Line).event
        if (
            isinstance(event, TrialEnded)
            and event.trial.state in ("done", "pruned")
            and event.trial.origin != "baseline"
        ):
            places[event.trial.family] += 1
            if len(places) >= _FEWEST_FAMILIES:
                seconds = sum(score.seconds for score in event.trial.scores)
                waiting.append(Gained(places[event.trial.family], seconds, 0.0))
        elif isinstance(event, BestChanged):
            before, error = error, metric.error(event.value)
            gain = math.log(before / error) if 0 < before < math.inf and error > 0 else 0.0
            yield from (each._replace(gain=min(gain / len(waiting), _MOST_GAIN)) for each in waiting)
            waiting = []
    yield from waiting


def summary(trials: Sequence[Gained]) -> str:
    """Mean gains by what a trial costs and by its place."""
    lines = []
    for least, most in zip((0.0, *_SECONDS), _SECONDS, strict=False):
        lines.append(f"trials of {least:g} to {most:g} s:")
        for before, last in zip((0, *_PLACES), _PLACES, strict=False):
            some = [t for t in trials if least <= t.seconds < most and before < t.place <= last]
            if some:
                gain, seconds = 100 * np.mean([t.gain for t in some]), np.mean([t.seconds for t in some])
                place = f"{last}" if last == before + 1 else f"{before + 1} to {last}"
                lines.append(f"  {place}: {gain:.3f} % each, {gain / seconds:.4f} % a second, {len(some)} trials")
    return "\n".join(lines)


def main() -> None:
    """Read the runs and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trials", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folders")
    print(summary([trial for path in parser.parse_args().runs for trial in gained(RunDir(path))]))


if __name__ == "__main__":
    main()
