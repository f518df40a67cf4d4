"""Where jobs run. A job is data: the name of a function of ours and its arguments, never a closure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, Self

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Work for an engine.

    Attributes:
        number: Unique in a run.
        action: "module:function" inside the package, called with `arguments` and `deadline=`.
        arguments: Anything that pickles between our own processes.
        seconds: Wall-clock limit from the start of the job; past it and a grace the worker is killed.
        modules: To be loaded before; once for all workers where processes can be forked.
    """

    number: int
    action: str
    arguments: dict[str, Any]
    seconds: float
    modules: tuple[str, ...] = ()


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended.

    Attributes:
        outcome: done, unsuitable, failed or killed.
        value: What the function returned, if done.
        message: Why not, otherwise.
        seconds: Wall time in the worker.
        peak_bytes: Peak resident memory of the worker so far.
    """

    number: int
    outcome: str
    value: Any = None
    message: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0


class Engine(Protocol):
    """Runs jobs, `n_workers` at a time."""

    n_workers: int

    def prepare(self, modules: Collection[str]) -> None:
        """Begin to load what jobs to come will name; returns at once."""
        ...

    def is_ready(self, modules: Collection[str]) -> bool:
        """Whether a job that names these would start at once, or load them itself."""
        ...

    def submit(self, job: Job) -> None:
        """Queue a job."""
        ...

    def wait(self, seconds: float) -> list[JobResult]:
        """Results that came in, waiting at most that long for the first."""
        ...

    def cancel(self, number: int) -> None:
        """Drop a queued job or kill a running one; no result follows."""
        ...

    def close(self) -> None:
        """Stop every worker at once."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
