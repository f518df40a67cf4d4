"""Jobs in long-lived worker processes on this machine.

Workers connect back over a local socket. Nothing of the user's process is forked, so threads, notebooks and scripts
without a main guard are safe, and the thread settings of every native library are set before it loads.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, wait
from typing import Any, Self

from automl.engines import Job, JobResult
from automl.engines._start import Call, Interpreters, Started, Starter
from automl.errors import AutoMLError

_GRACE_SECONDS = 2.0
_GRACE_SHARE = 0.5
_LOOK_SECONDS = 0.5
_START_SECONDS = 120.0
_CALL_SECONDS = 0.02


@dataclass(slots=True)
class _Worker:
    """A place for one job at a time.

    Attributes:
        loaded: Modules it has from the start; None where it loads what it needs.
        born: When it was started, as `time.monotonic()`.
        job: That it has or will be sent once it has called.
        since: When the job was sent; None before.
    """

    token: str
    process: Started
    loaded: Collection[str] | None
    born: float
    job: Job | None = None
    since: float | None = None
    peak_bytes: int = 0

    def suits(self, job: Job) -> bool:
        return self.loaded is None or set(job.modules) <= set(self.loaded)


@dataclass(slots=True)
class _Books:
    queue: deque[Job] = field(default_factory=deque)
    cancelled: set[int] = field(default_factory=set)
    lines: dict[str, Connection[Any, Any]] = field(default_factory=dict)


class Processes:
    """`n_workers` processes with one thread budget each.

    Args:
        n_workers: Jobs at a time.
        memory_bytes: Of one worker; one that holds more is killed and its job fails.
    """

    def __init__(self, n_workers: int, memory_bytes: int | None = None) -> None:
        self.n_workers = n_workers
        self._memory_bytes = memory_bytes
        self._key = secrets.token_hex(16)
        self._listener = Listener(authkey=self._key.encode())
        self._books = _Books()
        self._starter = _starter()
        self._workers = [self._start() for _ in range(n_workers)]
        self._looked = 0.0
        threading.Thread(target=self._answer, daemon=True).start()

    def prepare(self, modules: Collection[str]) -> None:
        """Begin to load what jobs to come will name, where it is loaded once for all workers; returns at once."""
        self._starter.prepare(modules)

    def is_ready(self, modules: Collection[str]) -> bool:
        """Whether a job that names these would start at once, or load them itself."""
        return self._starter.is_ready(modules)

    def submit(self, job: Job) -> None:
        """Queue a job; it goes to a worker as soon as one is free."""
        self._books.queue.append(job)
        self._dispatch()

    def wait(self, seconds: float) -> list[JobResult]:
        """Results that came in, waiting at most `seconds` for the first; late and oversized workers are killed."""
        until = time.monotonic() + seconds
        while True:
            self._dispatch()
            results = self._receive(min(_LOOK_SECONDS, max(0.0, until - time.monotonic()))) + self._kill_overdue()
            results = [result for result in results if result.number not in self._books.cancelled]
            if results or time.monotonic() >= until or not self._busy():
                self._dispatch()
                return results

    def cancel(self, number: int) -> None:
        """Drop a queued job, or kill the worker that runs it."""
        self._books.queue = deque(job for job in self._books.queue if job.number != number)
        for index, worker in enumerate(self._workers):
            if worker.job is not None and worker.job.number == number:
                if worker.since is None:
                    worker.job = None
                    continue
                self._books.cancelled.add(number)
                self._replace(index)

    def close(self) -> None:
        """Kill every worker."""
        self._books.queue.clear()
        for worker in self._workers:
            self._hang_up(worker)
        self._workers = []
        self._starter.close()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _answer(self) -> None:
        """Take the workers' calls, in a thread of its own; each says its token first. Ends when the listener closes."""
        while True:
            try:
                line = self._listener.accept()
                self._books.lines[line.recv()] = line
            except (AuthenticationError, EOFError):
                continue
            except OSError:
                return

    def _dispatch(self) -> None:
        """Give queued jobs to workers that are free, and send them to those that have called."""
        for job in list(self._books.queue):
            index = self._place_for(job)
            if index is not None:
                self._books.queue.remove(job)
                self._workers[index].job = job
        for index, worker in enumerate(self._workers):
            if worker.job is None or worker.since is not None:
                continue
            line = self._books.lines.get(worker.token)
            if line is None:
                _check_start(worker)
                continue
            try:
                line.send(worker.job)
            except OSError:  # it ended while it had nothing to do
                self._replace(index, worker.job)
                continue
            worker.since = time.monotonic()

    def _place_for(self, job: Job) -> int | None:
        """A free worker that has loaded what the job needs, or a new one that will have in the place of a free one."""
        free = [index for index, worker in enumerate(self._workers) if worker.job is None]
        called = [index for index in free if self._workers[index].token in self._books.lines]
        for index in (*called, *free):
            if self._workers[index].suits(job):
                return index
        if called:
            self._replace(called[0], job)
            return called[0]
        return None

    def _busy(self) -> bool:
        return bool(self._books.queue) or any(worker.job is not None for worker in self._workers)

    def _receive(self, seconds: float) -> list[JobResult]:
        lines = {
            self._books.lines[worker.token]: index
            for index, worker in enumerate(self._workers)
            if worker.since is not None
        }
        if any(worker.job is not None and worker.since is None for worker in self._workers):
            seconds = min(seconds, _CALL_SECONDS)
        if not lines:
            time.sleep(min(seconds, _CALL_SECONDS))
            return []
        results = []
        for line in wait(list(lines), timeout=seconds):
            assert isinstance(line, Connection)
            index = lines[line]
            worker = self._workers[index]
            try:
                result = line.recv()
            except (EOFError, OSError):
                results.append(self._lost(index, f"worker ended with status {_status(worker)}"))
                continue
            worker.job, worker.since, worker.peak_bytes = None, None, result.peak_bytes
            results.append(result)
        return results

    def _kill_overdue(self) -> list[JobResult]:
        now = time.monotonic()
        look = self._memory_bytes is not None and now - self._looked > _LOOK_SECONDS
        results = []
        for index, worker in enumerate(self._workers):
            if worker.job is None or worker.since is None:
                continue
            over = now - worker.since - worker.job.seconds
            if over > max(_GRACE_SECONDS, _GRACE_SHARE * worker.job.seconds):
                results.append(self._lost(index, f"killed {over:.1f} s past its limit of {worker.job.seconds:.1f} s"))
            elif look and self._memory_bytes is not None and _held_bytes(worker) > self._memory_bytes:
                limit = self._memory_bytes / 2**20
                results.append(self._lost(index, f"killed for holding more than {limit:,.0f} MiB of memory"))
        if look:
            self._looked = now
        return results

    def _lost(self, index: int, message: str) -> JobResult:
        worker = self._workers[index]
        assert worker.job is not None
        assert worker.since is not None
        result = JobResult(
            number=worker.job.number,
            outcome="killed",
            message=f"{message}\n{worker.process.said()}".strip(),
            seconds=time.monotonic() - worker.since,
            peak_bytes=worker.peak_bytes,
        )
        self._replace(index)
        return result

    def _replace(self, index: int, job: Job | None = None) -> None:
        """A new worker, for a job, in the place of one that is stopped."""
        self._hang_up(self._workers[index])
        self._workers[index] = self._start(job)

    def _start(self, job: Job | None = None) -> _Worker:
        call = Call(str(self._listener.address), self._key, secrets.token_hex(8))
        modules = () if job is None else job.modules
        process = self._starter.start(call, modules)
        return _Worker(call.token, process, self._starter.loaded(modules), time.monotonic(), job)

    def _hang_up(self, worker: _Worker) -> None:
        worker.process.kill()
        line = self._books.lines.pop(worker.token, None)
        if line is not None:
            line.close()


def _starter() -> Starter:
    if sys.platform == "linux":
        from automl.engines._nursery import Nursery

        return Nursery()
    return Interpreters()


def _check_start(worker: _Worker) -> None:
    if worker.process.status() is not None or time.monotonic() - worker.born > _START_SECONDS:
        raise AutoMLError("a worker process could not be started", worker.process.said(), "try: --engine inline")


def _status(worker: _Worker) -> int | None:
    """How a worker ended; what it had to say may take a moment to arrive."""
    until = time.monotonic() + _GRACE_SECONDS
    while (status := worker.process.status()) is None and time.monotonic() < until:
        time.sleep(0.01)
    return status


def _held_bytes(worker: _Worker) -> int:
    """Memory that would be free without it: what it shares with others is not its own."""
    import psutil

    try:
        return int(psutil.Process(worker.process.pid).memory_full_info().uss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def open_engine(n_workers: int, memory_bytes: int | None = None) -> Processes:
    """Start the workers; returns at once, while they are still starting."""
    return Processes(n_workers, memory_bytes)
