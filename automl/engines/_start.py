"""How worker processes come to be: what the engine asks for, and plain interpreters that answer everywhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection
from typing import IO, Protocol

import msgspec

_SAID = 2000
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


class Call(msgspec.Struct, frozen=True):
    """Where a worker reports for work: the engine's address, the key to it, and the token by which it is known."""

    address: str
    key: str
    token: str


class Started(Protocol):
    """A worker process, or one that will be."""

    @property
    def pid(self) -> int | None:
        """None before there is a process."""
        ...

    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it lives or is still to be."""
        ...

    def said(self) -> str:
        """The end of what it wrote to standard error."""
        ...

    def kill(self) -> None:
        """End it and wait until it is gone."""
        ...


class Starter(Protocol):
    """Starts workers; returns at once, while they are still starting."""

    def prepare(self, modules: Collection[str]) -> None:
        """Begin to load modules for workers to come, where that can be."""
        ...

    def is_ready(self, modules: Collection[str]) -> bool:
        """Whether a worker that is to have these could be started at once."""
        ...

    def start(self, call: Call, modules: Collection[str]) -> Started:
        """A worker, which need not have loaded `modules`."""
        ...

    def loaded(self, modules: Collection[str]) -> Collection[str] | None:
        """What a worker started with these modules has loaded from the first; None where each loads what it needs."""
        ...

    def close(self) -> None:
        """Start no more."""
        ...


class Interpreter:
    """A Python process that runs the `main` of one of our modules: one thread a library, and the path of this process.

    The folder a user works in may hold a `queue.py`; nothing of it is imported unless this process would import it.
    """

    def __init__(self, module: str, *arguments: str, stdin: int = subprocess.PIPE) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path}; import {module} as m; m.main()", *arguments],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,
            bufsize=0,  # nothing is left to flush to a process that has died
        )

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self.process.pid

    def status(self) -> int | None:
        """Exit status, or None while it lives."""
        return self.process.poll()

    def said(self) -> str:
        """The end of what it wrote to standard error."""
        return said(self._errors)

    def kill(self) -> None:
        """End it and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._errors.close()


class Interpreters:
    """Every worker is an interpreter of its own, which loads what its jobs need."""

    def prepare(self, modules: Collection[str]) -> None:
        """Nothing: each worker loads its own."""

    def is_ready(self, modules: Collection[str]) -> bool:  # noqa: ARG002
        """True: each worker loads its own."""
        return True

    def start(self, call: Call, modules: Collection[str]) -> Started:  # noqa: ARG002 - each loads its own
        """A new interpreter."""
        worker = Interpreter("automl.engines._worker", call.address, call.token)
        assert worker.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already: its status tells
            worker.process.stdin.write(call.key.encode() + b"\n")
        return worker

    def loaded(self, modules: Collection[str]) -> Collection[str] | None:  # noqa: ARG002
        """None: each loads what it needs."""
        return None

    def close(self) -> None:
        """Nothing to do: there are only workers."""


def said(errors: IO[bytes]) -> str:
    """The end of a file of error messages."""
    errors.seek(0)
    return errors.read()[-_SAID:].decode(errors="replace").strip()


def _environment() -> dict[str, str]:
    """One thread a library, and none that spins: two fits side by side beat one fit on two threads here."""
    return {**os.environ, **dict.fromkeys(_THREADS, "1"), "OMP_WAIT_POLICY": "PASSIVE", "MPLBACKEND": "Agg"}
