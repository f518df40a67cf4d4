"""Commands as whole processes, with the operating system's own accounting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

AUTOML = [sys.executable, "-m", "automl"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one finished process and the children it waited for.

    Attributes:
        wall_seconds: From start to exit.
        cpu_seconds: User and system time.
        peak_bytes: Largest resident memory of a single process among them.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(arguments: Sequence[str | Path], *, folder: Path) -> Usage:
    """Run `automl` with arguments in a folder and wait for it.

    Raises:
        RuntimeError: It did not exit with 0; the message holds the end of what it said.
    """
    log = folder / "command.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*AUTOML, *map(str, arguments)],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"{list(arguments)} exited with {process.returncode}: {log.read_text()[-2000:]}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
