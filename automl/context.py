"""What the stages of a run share: settings, the clock's start, the sink, and what was skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from automl.events import Sink, StageDone, StageStarted, Warned
from automl.profile import Profile
from automl.settings import Settings
from automl.table import Table
from automl.task import Task


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(slots=True)
class Context:
    """What every stage may use.

    Attributes:
        started: `time.monotonic()` at which the command began.
        stop: Becomes true when the user wants the run to end early.
        seconds: Wall seconds by stage, filled as they end.
        skipped: Sentences on what was skipped and why, for the report.
    """

    settings: Settings
    sink: Sink
    started: float
    stop: Callable[[], bool] = never
    seconds: dict[str, float] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell the sink of a stage's beginning and end, and time it."""
        began = time.monotonic()
        self.sink(StageStarted(name))
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
        self.sink(StageDone(name, self.seconds[name]))

    def warn(self, sentence: str) -> None:
        """Something was skipped or went otherwise than asked."""
        self.skipped.append(sentence)
        self.sink(Warned(sentence))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table that is understood: the rows with a target, what they hold and what is to be learned from them."""

    table: Table
    profile: Profile
    task: Task
