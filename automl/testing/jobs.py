"""Small jobs with which an engine shows that it behaves."""

from __future__ import annotations

import os
import signal
import sys
import time

from automl.errors import Unsuitable


def double(value: int, deadline: float) -> int:  # noqa: ARG001 - every job gets a deadline
    """Twice the value."""
    return 2 * value


def pid(deadline: float) -> int:  # noqa: ARG001
    """The worker's process."""
    return os.getpid()


def fail(deadline: float) -> float:
    """An error."""
    return deadline / 0


def refuse(deadline: float) -> None:  # noqa: ARG001
    """A refusal."""
    raise Unsuitable("too small")


def loaded(name: str, deadline: float) -> bool:  # noqa: ARG001
    """Whether a module was loaded before the job ran."""
    return name in sys.modules


def sleep(deadline: float) -> None:  # noqa: ARG001
    """Far too long."""
    time.sleep(600)


def crash(deadline: float) -> None:  # noqa: ARG001
    """The end of the process."""
    os.kill(os.getpid(), signal.SIGKILL)


def hold(n_bytes: int, deadline: float) -> int:  # noqa: ARG001
    """Memory, for a while."""
    block = bytearray(b"x") * n_bytes
    time.sleep(5)
    return len(block)
