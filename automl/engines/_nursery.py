"""A process that loads what workers need once and forks them, so that they share its memory (Linux).

It runs one thread and nothing but imports, which is what makes a fork safe: every library was told to use one thread
before it was loaded. Workers die with it, and it dies with the engine.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import IO

import msgspec

from automl.engines._start import Call, Interpreter, Started, said

_LONGEST = 2**16
_PR_SET_PDEATHSIG = 1
_GONE_SECONDS = 2.0


class Order(msgspec.Struct, frozen=True):
    """Modules to load, and a worker to fork then; the file for its errors comes with it."""

    modules: tuple[str, ...]
    call: Call | None = None


class News(msgspec.Struct, frozen=True):
    """Modules are loaded, a worker was forked, or one has ended."""

    pid: int
    modules: tuple[str, ...] = ()
    token: str | None = None
    status: int | None = None


@dataclass
class _Ledger:
    """What the nursery has told."""

    pids: dict[str, int] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)


class Nursery:
    """Starts workers by forking; its process is started at once and again should it be lost."""

    def __init__(self) -> None:
        self._modules: set[str] = set()
        self._open()

    def prepare(self, modules: Collection[str]) -> None:
        """Load modules for the workers forked from then on."""
        self._modules |= set(modules)
        self._send(None, [])

    def is_ready(self, modules: Collection[str]) -> bool:
        """Whether they are loaded."""
        self._read()
        return set(modules) <= self._ledger.modules

    def start(self, call: Call, modules: Collection[str]) -> Started:
        """A worker forked after `modules` were loaded."""
        self._modules |= set(modules)
        if self._process.status() is not None and self._ledger.pids:  # it worked once: something killed it
            self.close()
            self._open()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._send(call, [errors.fileno()])
        return _Forked(self, call.token, errors)

    def loaded(self, modules: Collection[str]) -> Collection[str] | None:
        """All that was ever asked for."""
        return self._modules | set(modules)

    def close(self) -> None:
        """End the nursery, and with it whatever it has forked."""
        self._process.kill()
        self._line.close()

    def pid_of(self, token: str) -> int | None:
        """Process of a worker, once forked."""
        self._read()
        return self._ledger.pids.get(token)

    def status_of(self, token: str) -> int | None:
        """How a worker ended; how the nursery did where that took the worker with it."""
        pid = self.pid_of(token)
        status = None if pid is None else self._ledger.statuses.get(pid)
        return self._process.status() if status is None else status

    def said(self) -> str:
        """The end of what the nursery itself wrote to standard error."""
        return self._process.said()

    def _open(self) -> None:
        self._ledger = _Ledger()
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = Interpreter("automl.engines._nursery", str(os.getpid()), stdin=theirs.fileno())

    def _send(self, call: Call | None, files: list[int]) -> None:
        order = msgspec.json.encode(Order(tuple(sorted(self._modules)), call))
        with contextlib.suppress(OSError):  # it has ended: its status tells
            socket.send_fds(self._line, [order], files)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # nothing more to read
            while message := self._line.recv(_LONGEST, socket.MSG_DONTWAIT):
                news = msgspec.json.decode(message, type=News)
                self._ledger.modules |= set(news.modules)
                if news.token is not None:
                    self._ledger.pids[news.token] = news.pid
                if news.status is not None:
                    self._ledger.statuses[news.pid] = news.status


class _Forked:
    """A worker that the nursery forks."""

    def __init__(self, nursery: Nursery, token: str, errors: IO[bytes]) -> None:
        self._nursery = nursery
        self._token = token
        self._errors = errors

    @property
    def pid(self) -> int | None:
        return self._nursery.pid_of(self._token)

    def status(self) -> int | None:
        return self._nursery.status_of(self._token)

    def said(self) -> str:
        return said(self._errors) or self._nursery.said()

    def kill(self) -> None:
        until = time.monotonic() + _GONE_SECONDS
        pid = self.pid
        while pid is not None and self.status() is None and time.monotonic() < until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        self._errors.close()


def main() -> None:
    """Take orders until the engine is gone."""
    _die_with(int(sys.argv[1]))
    line = socket.socket(fileno=os.dup(0))
    gc.disable()  # imports make objects that stay
    signal.signal(signal.SIGCHLD, lambda *_: _tell_ended(line))
    while True:
        message, files, _, _ = socket.recv_fds(line, _LONGEST, 1)
        if not message:
            return
        order = msgspec.json.decode(message, type=Order)
        with contextlib.suppress(Exception):  # a job that needs it fails by it
            _load(order.modules)
        _tell(line, News(os.getpid(), modules=order.modules))
        if order.call is None:
            continue
        gc.freeze()  # what is loaded is not to be looked at again, nor copied for it
        nursery, pid = os.getpid(), os.fork()
        if pid == 0:
            line.close()
            _be_worker(nursery, order.call, files[0])
        os.close(files[0])
        _tell(line, News(pid, token=order.call.token))


def _die_with(parent: int) -> None:
    """Be killed when the parent ends, however it ends (Linux: prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could take this process along
        os._exit(0)


def _load(modules: Collection[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _be_worker(nursery: int, call: Call, errors: int) -> None:
    """Become a worker; never returns."""
    from automl.engines._worker import serve

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with(nursery)
    nothing = os.open(os.devnull, os.O_RDWR)
    for source, target in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(source, target)
    gc.enable()
    try:
        serve(call)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _tell(line: socket.socket, news: News) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more: the next order will not come
        line.send(msgspec.json.encode(news))


def _tell_ended(line: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _tell(line, News(pid, status=os.waitstatus_to_exitcode(status)))
