"""Jobs in long-lived worker processes on this machine.

Workers are plain interpreters that connect back over a local socket: nothing is forked, so threads, notebooks and
scripts without a main guard are safe, and the thread settings of every native library are set before it loads.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, wait
from typing import IO, Any, Self

from automl.engines import Job, JobResult
from automl.errors import AutoMLError

_GRACE_SECONDS = 2.0
_GRACE_SHARE = 0.5
_LOOK_SECONDS = 0.5
_START_SECONDS = 60.0


@dataclass(slots=True)
class _Worker:
    token: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    started: float
    job: Job | None = None
    since: float = 0.0
    peak_bytes: int = 0


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
        self._key = secrets.token_hex(16).encode()
        self._listener = Listener(authkey=self._key)
        self._books = _Books()
        self._workers = [_start(str(self._listener.address), self._key) for _ in range(n_workers)]
        self._looked = 0.0
        threading.Thread(target=self._answer, daemon=True).start()

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
                self._books.cancelled.add(number)
                self._replace(index)

    def close(self) -> None:
        """Kill every worker."""
        self._books.queue.clear()
        for worker in self._workers:
            _hang_up(worker, self._books.lines)
        self._workers = []
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
        for index, worker in enumerate(self._workers):
            line = self._books.lines.get(worker.token)
            if worker.job is not None or not self._books.queue:
                continue
            if line is None:
                _check_start(worker)
                continue
            job = self._books.queue.popleft()
            try:
                line.send(job)
            except OSError:  # it ended while it had nothing to do
                self._books.queue.appendleft(job)
                self._replace(index)
                continue
            worker.job, worker.since = job, time.monotonic()

    def _busy(self) -> bool:
        return bool(self._books.queue) or any(worker.job is not None for worker in self._workers)

    def _receive(self, seconds: float) -> list[JobResult]:
        lines = {
            self._books.lines[worker.token]: index
            for index, worker in enumerate(self._workers)
            if worker.job is not None
        }
        if not lines:
            time.sleep(min(seconds, 0.01))
            return []
        results = []
        for line in wait(list(lines), timeout=seconds):
            assert isinstance(line, Connection)
            index = lines[line]
            worker = self._workers[index]
            try:
                result = line.recv()
            except (EOFError, OSError):
                results.append(self._lost(index, f"worker ended with status {worker.process.wait()}"))
                continue
            worker.job, worker.peak_bytes = None, result.peak_bytes
            results.append(result)
        return results

    def _kill_overdue(self) -> list[JobResult]:
        now = time.monotonic()
        look = self._memory_bytes is not None and now - self._looked > _LOOK_SECONDS
        results = []
        for index, worker in enumerate(self._workers):
            if worker.job is None:
                continue
            over = now - worker.since - worker.job.seconds
            if over > max(_GRACE_SECONDS, _GRACE_SHARE * worker.job.seconds):
                results.append(self._lost(index, f"killed {over:.1f} s past its limit of {worker.job.seconds:.1f} s"))
            elif look and self._memory_bytes is not None and _resident(worker) > self._memory_bytes:
                limit = self._memory_bytes / 2**20
                results.append(self._lost(index, f"killed for holding more than {limit:,.0f} MiB of memory"))
        if look:
            self._looked = now
        return results

    def _lost(self, index: int, message: str) -> JobResult:
        worker = self._workers[index]
        assert worker.job is not None
        worker.errors.seek(0)
        said = worker.errors.read()[-2000:].decode(errors="replace").strip()
        result = JobResult(
            number=worker.job.number,
            outcome="killed",
            message=f"{message}\n{said}".strip(),
            seconds=time.monotonic() - worker.since,
            peak_bytes=worker.peak_bytes,
        )
        self._replace(index)
        return result

    def _replace(self, index: int) -> None:
        """A new worker in the place of one that is stopped."""
        _hang_up(self._workers[index], self._books.lines)
        self._workers[index] = _start(str(self._listener.address), self._key)


def _start(address: str, key: bytes) -> _Worker:
    token = secrets.token_hex(8)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "automl.engines._worker", address, token],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env=_environment(),
        start_new_session=True,
        bufsize=0,  # nothing is left to flush to a worker that has died
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended already: _check_start reads why
        process.stdin.write(key + b"\n")
    return _Worker(token, process, errors, time.monotonic())


def _check_start(worker: _Worker) -> None:
    if worker.process.poll() is not None or time.monotonic() - worker.started > _START_SECONDS:
        worker.errors.seek(0)
        said = worker.errors.read()[-2000:].decode(errors="replace").strip()
        raise AutoMLError("a worker process could not be started", said, "try: --engine inline")


def _hang_up(worker: _Worker, lines: dict[str, Connection[Any, Any]]) -> None:
    worker.process.kill()
    worker.process.wait()
    if worker.process.stdin is not None:
        worker.process.stdin.close()
    line = lines.pop(worker.token, None)
    if line is not None:
        line.close()
    worker.errors.close()


def _environment() -> dict[str, str]:
    """One thread a library, and none that spins: two fits side by side beat one fit on two threads here."""
    names = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
    polars = {"POLARS_MAX_THREADS": "1"}
    return {**os.environ, **dict.fromkeys(names, "1"), **polars, "OMP_WAIT_POLICY": "PASSIVE", "MPLBACKEND": "Agg"}


def _resident(worker: _Worker) -> int:
    import psutil

    try:
        return int(psutil.Process(worker.process.pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def open_engine(n_workers: int, memory_bytes: int | None = None) -> Processes:
    """Start the workers; returns at once, while they are still starting."""
    return Processes(n_workers, memory_bytes)
