"""Jobs in this very process, one after another: for tests, tiny budgets and debuggers."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Self

from automl.engines import Job, JobResult
from automl.engines._worker import run_job


class Inline:
    """Runs a queued job whenever it is waited for."""

    def __init__(self) -> None:
        self.n_workers = 1
        self._queue: deque[Job] = deque()

    def prepare(self, modules: Collection[str]) -> None:
        """Nothing: jobs load what they name."""

    def is_ready(self, modules: Collection[str]) -> bool:  # noqa: ARG002 - the contract's arguments
        """True: jobs load what they name."""
        return True

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self._queue.append(job)

    def wait(self, seconds: float) -> list[JobResult]:  # noqa: ARG002 - a job in this process can't be left
        """The result of the oldest job, run now."""
        return [run_job(self._queue.popleft())] if self._queue else []

    def cancel(self, number: int) -> None:
        """Drop a queued job."""
        self._queue = deque(job for job in self._queue if job.number != number)

    def close(self) -> None:
        """Drop every queued job."""
        self._queue.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_engine(n_workers: int, memory_bytes: int | None = None) -> Inline:  # noqa: ARG001 - the engines' signature
    """An engine of one worker, whatever is asked."""
    return Inline()
