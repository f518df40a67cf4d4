"""Time: when the command began, when the search must end, and what is kept back for what comes after."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """The budget of a command.

    Attributes:
        started: `time.monotonic()` at which the process began.
        seconds: The whole budget.
        reserve: Seconds of it for blending, explaining, scoring a test file and writing the report.
        scoring: Seconds of the reserve for the test file.
        held: Seconds before those that the search leaves to refitting its best models.
    """

    started: float
    seconds: float
    reserve: float
    held: float = 0.0
    scoring: float = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the process began."""
        return time.monotonic() - self.started

    @property
    def search_deadline(self) -> float:
        """`time.monotonic()` at which the search ends."""
        return self.refit_deadline - self.held

    @property
    def refit_deadline(self) -> float:
        """`time.monotonic()` at which what the search found must be ready to be concluded."""
        return self.started + self.seconds - self.reserve

    @property
    def deadline(self) -> float:
        """`time.monotonic()` at which the command ends."""
        return self.started + self.seconds

    @property
    def search_left(self) -> float:
        """Seconds left of the search; never negative."""
        return max(0.0, self.search_deadline - time.monotonic())


def process_started() -> float:
    """`time.monotonic()` at which this process began, so that the interpreter's own start is charged too."""
    import psutil

    age = time.time() - float(psutil.Process().create_time())
    return time.monotonic() - min(max(age, 0.0), 5.0)
