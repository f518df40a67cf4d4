"""The machine as this process may use it: cores, memory, speed of a core, accelerators. Imports no torch."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil

from automl.accelerators import DEVICES, LightningAnswer, Sign, ask_lightning, find_signs, torch_build
from automl.errors import UsageError
from automl.plan import Accelerator, Hardware

# Thread CPU seconds of one round of `measure_speed` on the machine the families' cost models were fitted on.
REFERENCE_SECONDS = 0.0024
_SPEED_ROUNDS = 11
_MAX_AGE = 7 * 86400.0
_UNLIMITED = 1 << 60


def find_hardware(device: str = "auto", *, calibrate: bool = True) -> Hardware:
    """What this process may use.

    Args:
        device: auto (whatever is found), cpu (no accelerator), or the one that must be there: cuda, mps, xpu, tpu.
        calibrate: Measure the speed of a core (about 50 ms, remembered for a week); else it is taken as 1.

    Raises:
        UsageError: The device asked for is unknown or is not there; the message says what was found.
    """
    if device not in ("auto", "cpu", *DEVICES):
        raise UsageError(f"no device {device!r}", f"there are: auto, cpu, {', '.join(DEVICES)}")
    memory = Remembered(cache_folder() / "hardware.json")
    accelerators, notes = _accelerators(device, memory)
    speed = _speed(memory) if calibrate else 1.0
    problem = memory.save()
    return Hardware(
        n_cores=count_cores(),
        memory_bytes=free_memory(),
        accelerators=accelerators,
        speed=speed,
        notes=(*notes, problem) if problem else notes,
    )


def count_cores(proc: Path = Path("/proc/self")) -> int:
    """Cores by affinity and cgroup quota, whichever is less; at least 1.

    Args:
        proc: Folder of this process in procfs; another one in tests.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min((_quota(folder) for folder in _cgroup_folders("cpu", proc)), default=float(affinity))
    return max(1, affinity if quota >= affinity else int(quota + 0.5))


def _quota(folder: Path) -> float:
    """Cores that one cgroup may use (v2 `cpu.max`, v1 `cpu.cfs_quota_us`); infinite where it sets no limit."""
    fields = _read(folder / "cpu.max").split()
    if not fields:
        fields = [_read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()]
    if len(fields) != 2 or not all(field.isdigit() for field in fields) or int(fields[1]) == 0:
        return float("inf")
    return int(fields[0]) / int(fields[1])


def give_memory_back() -> None:
    """Return to the system what was freed: glibc keeps much of it for later (malloc_trim(3)). Elsewhere, nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def free_memory(proc: Path = Path("/proc/self")) -> int:
    """Bytes this process may still take: what is available, or what the tightest cgroup leaves if that is less."""
    left = [psutil.virtual_memory().available, *(_left(folder) for folder in _cgroup_folders("memory", proc))]
    return int(max(0, min(left)))


def _left(folder: Path) -> int:
    """Bytes one cgroup leaves; page cache that can be dropped counts as free."""
    limit = _integer(folder / "memory.max") or _integer(folder / "memory.limit_in_bytes")
    if limit is None or limit >= _UNLIMITED:
        return _UNLIMITED
    usage = _integer(folder / "memory.current") or _integer(folder / "memory.usage_in_bytes") or 0
    stat = dict(line.split() for line in _read(folder / "memory.stat").splitlines() if len(line.split()) == 2)
    droppable = int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
    return max(0, limit - max(0, usage - droppable))


def _cgroup_folders(controller: str, proc: Path) -> Iterator[Path]:
    """Folders of the cgroups this process is in for a controller, from its own up to the root of the mount (v1, v2)."""
    member: dict[str, str] = {}
    for line in _read(proc / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        member.update(dict.fromkeys(controllers.split(","), path))
    for line in _read(proc / "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        unified = kind == "cgroup2"
        if not unified and not (kind == "cgroup" and controller in options.split(",")):
            continue
        path = member.get("" if unified else controller, "/")
        root, mount = before.split()[3:5]
        inside = path[len(root) :] if root != "/" and path.startswith(root) else path
        folder = Path(mount)
        parts = [part for part in inside.split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            if folder.joinpath(*parts[:depth]).is_dir():
                yield folder.joinpath(*parts[:depth])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _integer(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def measure_speed(clock: Callable[[], float] = time.thread_time) -> float:
    """Speed of one core relative to the reference machine, from about 50 ms of work.

    The fastest of a few rounds of what boosting and nets spend time on: gathering, counting, exponentials, small matrix
    products and the interpreter. Other work on the machine slows rounds down and never speeds one up, and products are
    so small that BLAS does them on one thread: a thread that waits for another one burns time too. No sorting: numpy's
    is ten times faster with AVX-512 than without, fits are not.
    """
    rng = np.random.default_rng(0)
    values = rng.random(120_000, dtype=np.float32)
    rows = rng.permutation(len(values))
    bins = rng.integers(0, 255, len(values))
    matrix = rng.random((64, 64), dtype=np.float32)
    taken = []
    for _ in range(_SPEED_ROUNDS + 1):
        start = clock()
        for _ in range(4):
            np.bincount(bins, weights=values[rows], minlength=255)
            np.exp(values)
            for _ in range(27):
                matrix @ matrix
        sum(range(15_000))
        taken.append(clock() - start)
    fastest = min(taken[1:])
    return float(np.clip(REFERENCE_SECONDS / fastest, 0.05, 20.0)) if fastest > 0 else 1.0


def _speed(memory: Remembered) -> float:
    key = f"core speed {machine_key()}"
    known = memory.get(key)
    if isinstance(known, float):
        return known
    speed = round(measure_speed(), 3)
    memory.put(key, speed)
    return speed


def _accelerators(device: str, memory: Remembered) -> tuple[tuple[Accelerator, ...], tuple[str, ...]]:
    """The accelerators to use, and sentences on those that are seen and can't be used."""
    if device == "cpu":
        return (), ()
    signs = [sign for sign in find_signs() if device in ("auto", sign.device)]
    hopeful = [sign for sign in signs if not sign.obstacle]
    answer = _ask(hopeful, memory) if hopeful else LightningAnswer()
    usable = tuple(a for a in answer.accelerators if device in ("auto", a.name))
    notes = [f"{s.device} seen ({s.evidence}) but not used: {s.obstacle}; {s.mend}" for s in signs if s.obstacle]
    if hopeful and not usable:
        seen = ", ".join(sign.evidence for sign in hopeful)
        notes.append(f"{seen} seen, but {answer.problem or 'Lightning finds no device it can use'}")
    if device != "auto" and not usable:
        found = "; ".join(notes) or f"no sign of {device}: no device file, driver or variable"
        raise UsageError(f"--device {device}: no such device here", f"found: {found}", "try:   automl doctor")
    return usable, tuple(notes)


def _ask(signs: list[Sign], memory: Remembered) -> LightningAnswer:
    """Lightning's answer, remembered while the signs, the torch build and the visible devices stay the same."""
    state = repr([(s.device, s.evidence) for s in signs]) + torch_build() + os.environ.get("CUDA_VISIBLE_DEVICES", "-")
    key = f"devices {machine_key()} {hashlib.sha256(state.encode()).hexdigest()[:12]}"
    with contextlib.suppress(msgspec.ValidationError):  # nothing remembered, or by another version: ask again
        return msgspec.convert(memory.get(key), LightningAnswer)
    answer = ask_lightning(timeout=30.0)
    if not answer.problem:
        memory.put(key, msgspec.to_builtins(answer))
    return answer


def machine_key() -> str:
    """Short name of this kind of machine, so that a home folder on many machines keeps them apart."""
    model = next((line for line in _read(Path("/proc/cpuinfo")).splitlines() if line.startswith("model name")), "")
    facts = (platform.node(), platform.machine(), model or platform.processor(), np.__version__)
    return hashlib.sha256("|".join(facts).encode()).hexdigest()[:12]


def cache_folder() -> Path:
    """Folder of what may be measured again: `AUTOML_CACHE_DIR`, else the user's cache folder. It may not exist."""
    if told := os.environ.get("AUTOML_CACHE_DIR"):
        return Path(told)
    if sys.platform == "darwin":
        return Path("~/Library/Caches/automl").expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "automl" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "automl"


class Remembered:
    """A small JSON file of measurements with their age.

    A file that cannot be read or written costs a new measurement and nothing else; `save` says what was in the way.
    """

    def __init__(self, path: Path, max_age: float = _MAX_AGE) -> None:
        self._path = path
        self._max_age = max_age
        self._fresh: dict[str, dict[str, Any]] = {}
        self._known = self._load()

    def _load(self) -> dict[str, dict[str, Any]]:
        """The entries that are young enough."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return {k: e for k, e in stored.items() if 0 <= time.time() - e["at"] < self._max_age and "value" in e}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def get(self, key: str) -> Any:
        """The value, or None if it is not there or older than the age limit."""
        return self._known[key]["value"] if key in self._known else None

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value until `save`."""
        self._fresh[key] = {"at": time.time(), "value": value}

    def save(self) -> str:
        """Write what is new, by rename; returns the problem in a sentence, or nothing."""
        if not self._fresh:
            return ""
        try:
            write_atomically(self._path, json.dumps({**self._load(), **self._fresh}))
        except OSError as error:
            return f"measurements are not remembered: {self._path} cannot be written ({error.strerror or error})"
        return ""


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new one, never half of it.

    Raises:
        OSError: The folder cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
