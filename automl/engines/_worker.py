"""A worker process: takes jobs from the engine that started it, one at a time, until the engine is gone."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Client
from typing import Any

from automl.engines import Job, JobResult
from automl.engines._start import Call
from automl.errors import Unsuitable
from automl.hardware import give_memory_back


def run_job(job: Job) -> JobResult:
    """Run one job here and now; errors become results."""
    started = time.monotonic()
    value: Any = None
    message = ""
    try:
        for module in job.modules:
            importlib.import_module(module)
        value = _function(job.action)(**job.arguments, deadline=started + job.seconds)
        outcome = "done"
    except Unsuitable as refusal:
        outcome, message = "unsuitable", str(refusal)
    except MemoryError:
        outcome, message = "failed", "out of memory"
    except Exception as error:
        outcome, message = "failed", f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    return JobResult(
        number=job.number,
        outcome=outcome,
        value=value,
        message=message,
        seconds=time.monotonic() - started,
        peak_bytes=_peak_bytes(),
    )


def _function(action: str) -> Callable[..., Any]:
    module, _, name = action.partition(":")
    if not module.startswith("automl."):
        raise ValueError(f"action {action!r} is not in this package")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _peak_bytes() -> int:
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _die_with_parent() -> None:
    """Standard input closes when the engine's process ends, however it ends."""
    sys.stdin.buffer.read()
    os._exit(0)


def serve(call: Call) -> None:
    """Report for work and do it until the engine hangs up."""
    with Client(call.address, authkey=call.key.encode()) as connection:
        connection.send(call.token)
        while True:
            try:
                job = connection.recv()
            except EOFError:
                return
            connection.send(run_job(job))
            give_memory_back()


def main() -> None:
    """Serve the engine named on the command line, with the key it sends."""
    key = sys.stdin.buffer.readline().strip().decode()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    address, token = sys.argv[1:]
    serve(Call(address, key, token))
