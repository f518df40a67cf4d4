"""The workers of an engine: started when there is something for them to do, known by the calls they make."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from typing import Any

from automl.engines import Job
from automl.engines._start import Call, Interpreters, Started, Starter
from automl.errors import AutoMLError

_START_SECONDS = 120.0
_GONE_SECONDS = 2.0


@dataclass(slots=True)
class Worker:
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
        """Whether what the job names need not be loaded again for it."""
        return self.loaded is None or set(job.modules) <= set(self.loaded)

    def check_start(self) -> None:
        """Raise AutoMLError if it ended before it called, or takes too long to."""
        if self.process.status() is not None or time.monotonic() - self.born > _START_SECONDS:
            raise AutoMLError("a worker process could not be started", self.process.said(), "try: --engine inline")

    def status(self) -> int | None:
        """How it ended, once its line has closed; word of that may take a moment."""
        until = time.monotonic() + _GONE_SECONDS
        while (status := self.process.status()) is None and time.monotonic() < until:
            time.sleep(0.01)
        return status

    def held_bytes(self) -> int:
        """Memory that would be free without it: what it shares with others is not its own."""
        import psutil

        try:
            return int(psutil.Process(self.process.pid).memory_full_info().uss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return 0


class Crew:
    """At most so many workers, and the lines to those that have called.

    Attributes:
        starter: How workers are started here.
        workers: Those that were.
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._key = secrets.token_hex(16)
        self._listener = Listener(authkey=self._key.encode())
        self._lines: dict[str, Connection[Any, Any]] = {}
        self.starter = _starter()
        self.workers: list[Worker] = []
        threading.Thread(target=self._answer, daemon=True).start()

    def line(self, worker: Worker) -> Connection[Any, Any] | None:
        """To a worker that has called."""
        return self._lines.get(worker.token)

    def place_for(self, job: Job) -> Worker | None:
        """A free worker that has loaded what the job needs, a new one, or a new one in the place of a free one."""
        free = [worker for worker in self.workers if worker.job is None]
        called = [worker for worker in free if worker.token in self._lines]
        for worker in (*called, *free):
            if worker.suits(job):
                return worker
        if len(self.workers) < self._n_workers:
            self.workers.append(self._start(job.modules))
            return self.workers[-1]
        return self.replace(called[0], job.modules) if called else None

    def replace(self, worker: Worker, modules: Collection[str] = ()) -> Worker:
        """Stop a worker and start one in its place."""
        self._hang_up(worker)
        fresh = self._start(modules)
        self.workers[self.workers.index(worker)] = fresh
        return fresh

    def close(self) -> None:
        """Stop every worker."""
        for worker in self.workers:
            self._hang_up(worker)
        self.workers = []
        self.starter.close()
        self._listener.close()

    def _start(self, modules: Collection[str]) -> Worker:
        call = Call(str(self._listener.address), self._key, secrets.token_hex(8))
        process = self.starter.start(call, modules)
        return Worker(call.token, process, self.starter.loaded(modules), time.monotonic())

    def _hang_up(self, worker: Worker) -> None:
        worker.process.kill()
        line = self._lines.pop(worker.token, None)
        if line is not None:
            line.close()

    def _answer(self) -> None:
        """Take the workers' calls, in a thread of its own; each says its token first. Ends when the listener closes."""
        while True:
            try:
                line = self._listener.accept()
                self._lines[line.recv()] = line
            except (AuthenticationError, EOFError):
                continue
            except OSError:
                return


def _starter() -> Starter:
    if sys.platform == "linux":
        from automl.engines._nursery import Nursery

        return Nursery()
    return Interpreters()
