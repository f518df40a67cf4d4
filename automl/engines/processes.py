"""Jobs in long-lived worker processes on this machine.

Workers connect back over a local socket. Nothing of the user's process is forked, so threads, notebooks and scripts
without a main guard are safe, and the thread settings of every native library are set before it loads.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from automl.engines import Job, JobResult
from automl.engines._crew import Crew, Worker

_GRACE_SECONDS = 2.0
_GRACE_SHARE = 0.5
_LOOK_SECONDS = 0.5
_CALL_SECONDS = 0.02


class Processes:
    """`n_workers` processes with one thread budget each.

    Args:
        n_workers: Jobs at a time.
        memory_bytes: Of one worker; one that holds more is killed and its job fails.
    """

    def __init__(self, n_workers: int, memory_bytes: int | None = None) -> None:
        self.n_workers = n_workers
        self._memory_bytes = memory_bytes
        self._queue: deque[Job] = deque()
        self._cancelled: set[int] = set()
        self._crew = Crew(n_workers)
        self._looked = 0.0

    def prepare(self, modules: Collection[str]) -> None:
        """Begin to load what jobs to come will name, where it is loaded once for all workers; returns at once."""
        self._crew.starter.prepare(modules)

    def is_ready(self, modules: Collection[str]) -> bool:
        """Whether a job that names these would start at once, or load them itself."""
        return self._crew.starter.is_ready(modules)

    def submit(self, job: Job) -> None:
        """Queue a job; it goes to a worker as soon as one is free."""
        self._queue.append(job)
        self._dispatch()

    def wait(self, seconds: float) -> list[JobResult]:
        """Results that came in, waiting at most `seconds` for the first; late and oversized workers are killed."""
        until = time.monotonic() + seconds
        while True:
            self._dispatch()
            results = self._receive(min(_LOOK_SECONDS, max(0.0, until - time.monotonic()))) + self._kill_overdue()
            results = [result for result in results if result.number not in self._cancelled]
            is_busy = bool(self._queue) or any(worker.job is not None for worker in self._crew.workers)
            if results or time.monotonic() >= until or not is_busy:
                self._dispatch()
                return results

    def cancel(self, number: int) -> None:
        """Drop a queued job, or kill the worker that runs it."""
        self._queue = deque(job for job in self._queue if job.number != number)
        for worker in list(self._crew.workers):
            if worker.job is not None and worker.job.number == number:
                if worker.since is None:
                    worker.job = None
                    continue
                self._cancelled.add(number)
                self._crew.replace(worker)

    def close(self) -> None:
        """Kill every worker."""
        self._queue.clear()
        self._crew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _dispatch(self) -> None:
        """Give queued jobs to workers that are free, and send them to those that have called."""
        for job in list(self._queue):
            worker = self._crew.place_for(job)
            if worker is not None:
                self._queue.remove(job)
                worker.job = job
        for worker in list(self._crew.workers):
            if worker.job is None or worker.since is not None:
                continue
            line = self._crew.line(worker)
            if line is None:
                worker.check_start()
                continue
            try:
                line.send(worker.job)
            except OSError:  # it ended while it had nothing to do
                self._crew.replace(worker, worker.job.modules).job = worker.job
                continue
            worker.since = time.monotonic()

    def _receive(self, seconds: float) -> list[JobResult]:
        at_work: dict[Connection[Any, Any], Worker] = {}
        for worker in self._crew.workers:
            line = self._crew.line(worker)
            if worker.since is not None and line is not None:
                at_work[line] = worker
            elif worker.job is not None:
                seconds = min(seconds, _CALL_SECONDS)
        if not at_work:
            time.sleep(min(seconds, _CALL_SECONDS))
            return []
        results = []
        for heard in wait(list(at_work), timeout=seconds):
            assert isinstance(heard, Connection)
            worker = at_work[heard]
            try:
                result = heard.recv()
            except (EOFError, OSError):
                results.append(self._lost(worker, f"worker ended with status {worker.status()}"))
                continue
            worker.job, worker.since, worker.peak_bytes = None, None, result.peak_bytes
            results.append(result)
        return results

    def _kill_overdue(self) -> list[JobResult]:
        now = time.monotonic()
        look = self._memory_bytes is not None and now - self._looked > _LOOK_SECONDS
        results = []
        for worker in list(self._crew.workers):
            if worker.job is None or worker.since is None:
                continue
            over = now - worker.since - worker.job.seconds
            if over > max(_GRACE_SECONDS, _GRACE_SHARE * worker.job.seconds):
                results.append(self._lost(worker, f"killed {over:.1f} s past its limit of {worker.job.seconds:.1f} s"))
            elif look and self._memory_bytes is not None and worker.held_bytes() > self._memory_bytes:
                limit = self._memory_bytes / 2**20
                results.append(self._lost(worker, f"killed for holding more than {limit:,.0f} MiB of memory"))
        if look:
            self._looked = now
        return results

    def _lost(self, worker: Worker, message: str) -> JobResult:
        assert worker.job is not None
        assert worker.since is not None
        result = JobResult(
            number=worker.job.number,
            outcome="killed",
            message=f"{message}\n{worker.process.said()}".strip(),
            seconds=time.monotonic() - worker.since,
            peak_bytes=worker.peak_bytes,
        )
        self._crew.replace(worker)
        return result


def open_engine(n_workers: int, memory_bytes: int | None = None) -> Processes:
    """The engine; its workers start with the first jobs."""
    return Processes(n_workers, memory_bytes)
