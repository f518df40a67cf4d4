"""What happens in a run, as typed records, and the sinks they flow into. The library itself never prints."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from automl.forecast import Forecast
from automl.plan import Plan, Verdict
from automl.profile import Profile
from automl.trial import Trial


class StageStarted(msgspec.Struct, frozen=True, tag=True):
    """read, profile, decide, encode, search, refit, blend, explain or render began."""

    stage: str


class StageDone(msgspec.Struct, frozen=True, tag=True):
    """A stage ended after so many seconds; `detail` is a short plain line about it."""

    stage: str
    seconds: float
    detail: str = ""


class Profiled(msgspec.Struct, frozen=True, tag=True):
    """The profile is there."""

    profile: Profile


class Planned(msgspec.Struct, frozen=True, tag=True):
    """The plan is there."""

    plan: Plan


class TrialStarted(msgspec.Struct, frozen=True, tag=True):
    """A trial's first fold went to a worker."""

    number: int
    family: str


class TrialEnded(msgspec.Struct, frozen=True, tag=True):
    """A trial is done, pruned, failed or skipped."""

    trial: Trial


class BestChanged(msgspec.Struct, frozen=True, tag=True):
    """A better model (or blend) is ready.

    Attributes:
        value: Its out-of-fold metric.
        error: Standard error of it.
        members: (family, weight), largest first.
        saved: Whether the model file on disk is this one.
        n_folds: Folds its members were checked on; fewer than planned before the first trial is complete.
    """

    value: float
    error: float
    members: tuple[tuple[str, float], ...]
    saved: bool = False
    n_folds: int = 0


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Where the search stands; sent at most a few times a second."""

    seconds: float
    budget: float
    n_done: int
    n_running: int


class Foreseen(msgspec.Struct, frozen=True, tag=True):
    """Every family was tried: what the search is expected to come to. Made once, early."""

    forecast: Forecast


class Warned(msgspec.Struct, frozen=True, tag=True):
    """Something was skipped or went otherwise than asked; one sentence."""

    message: str


class Decided(msgspec.Struct, frozen=True, tag=True):
    """The verdict, at the end of the search."""

    verdict: Verdict


Event: TypeAlias = (
    StageStarted
    | StageDone
    | Profiled
    | Planned
    | TrialStarted
    | TrialEnded
    | BestChanged
    | Progress
    | Foreseen
    | Warned
    | Decided
)
Sink: TypeAlias = Callable[[Event], None]


def nowhere(event: Event) -> None:
    """A sink that drops everything."""


def fan_out(*sinks: Sink) -> Sink:
    """One sink that feeds several, in order."""

    def sink(event: Event) -> None:
        for each in sinks:
            each(event)

    return sink


class JsonLines:
    """A sink that appends every event but progress to a file, with seconds since the epoch."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._encoder = msgspec.json.Encoder()

    def __call__(self, event: Event) -> None:
        """Write one line."""
        if isinstance(event, Progress):
            return
        self._file.write(self._encoder.encode({"at": time.time(), "event": event}) + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
