"""What this machine and this installation can do, and what is wrong with them. Data only; the command prints it."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import msgspec

from automl.accelerators import LightningAnswer, Sign, ask_lightning, find_signs
from automl.hardware import cache_folder, find_hardware
from automl.plan import Hardware
from automl.pretrained.cached import CachedEncoder
from automl.pretrained.discover import find_cached
from automl.quantities import format_bytes

# Imported by every kind of run; an import fails where a system library is missing (LightGBM without libgomp).
_IMPORTED = ("numpy", "polars", "scipy", "sklearn", "lightgbm", "optuna", "shap", "lime")
_LITTLE_MEMORY = 1_500_000_000
_LITTLE_DISK = 1_000_000_000
_EXTRAS = {
    "dev": "checks and tests of automl itself",
    "docs": "builds the documentation",
    "pretrained": "reads texts and images with pretrained encoders that lie in the local caches",
}


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package that automl, or one of its extras, asks for.

    Attributes:
        wanted: The version asked for, as in ">=2.5"; empty for any.
        found: The version installed; None if it is not there.
        extra: The extra that asks for it; empty for automl itself.
        problem: Why it can't be used; empty if nothing is known to be wrong.
    """

    name: str
    wanted: str
    found: str | None
    extra: str = ""
    problem: str = ""


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """An optional part: what it adds, what is missing for it, the command that installs it."""

    name: str
    adds: str
    missing: tuple[str, ...]
    command: str


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that automl writes to.

    Attributes:
        role: runs, cache or temporary.
        problem: Why it cannot be written; empty if it can.
    """

    role: str
    path: str
    free_bytes: int
    used_bytes: int = 0
    problem: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Something wrong, and the command (or step) that mends it."""

    sentence: str
    mend: str


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `automl doctor` knows.

    Attributes:
        signs: Cheap hints at devices, with what stands in their way.
        lightning: What Lightning's accelerator registry says of each device it knows.
        encoders: Pretrained ones in the local caches, those that cannot be used with the reason.
        n_cores_machine: Of the whole machine; `hardware.n_cores` is what this process may use.
    """

    python: str
    system: str
    hardware: Hardware
    n_cores_machine: int
    signs: tuple[Sign, ...]
    lightning: LightningAnswer
    packages: tuple[Package, ...]
    extras: tuple[Extra, ...]
    folders: tuple[Folder, ...]
    problems: tuple[Problem, ...]
    encoders: tuple[CachedEncoder, ...] = ()


def examine(*, try_imports: bool = True) -> Examination:
    """Look at everything.

    Args:
        try_imports: Also import the heavy packages and ask Lightning, in processes of their own; takes some seconds.
    """
    hardware = find_hardware("auto")
    signs = find_signs()
    lightning = ask_lightning() if try_imports else LightningAnswer(problem="not asked")
    packages = tuple(_packages(_failed_imports() if try_imports else {}))
    folders = tuple(_folders())
    problems = (
        *_package_problems(packages),
        *_device_problems(signs, lightning if try_imports else None),
        *_machine_problems(hardware, folders),
    )
    return Examination(
        python=platform.python_version(),
        system=platform.platform(),
        hardware=hardware,
        n_cores_machine=os.cpu_count() or 1,
        signs=signs,
        lightning=lightning,
        packages=packages,
        extras=_extras(packages),
        folders=folders,
        problems=problems,
        encoders=find_cached(),
    )


def _packages(failed: dict[str, str]) -> Iterator[Package]:
    try:
        wanted = requires("automl") or []
    except PackageNotFoundError:
        return
    for requirement in wanted:
        match = re.match(r"([A-Za-z0-9._-]+)\s*([^;\[]*)", requirement)
        if match is None:
            continue
        name, versions = match[1], match[2].strip()
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", requirement)
        try:
            found = version(name)
        except PackageNotFoundError:
            found = None
        problem = failed.get("sklearn" if name == "scikit-learn" else name, "")
        if found is not None and not problem and not _is_enough(found, versions):
            problem = f"{found} is installed, {versions} is needed"
        yield Package(name=name, wanted=versions, found=found, extra=extra[1] if extra else "", problem=problem)


def _is_enough(found: str, wanted: str) -> bool:
    """Whether a version meets the lower bound among the requirements; other bounds are left to the installer."""
    bound = re.search(r">=\s*([0-9.]+)", wanted)
    return bound is None or _numbers(found) >= _numbers(bound[1])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[+a-z]", text)[0]))


def _failed_imports() -> dict[str, str]:
    """Error of each heavy package that is installed and can't be imported."""
    script = (
        "import importlib, json, sys\nfailed = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        importlib.import_module(name)\n"
        "    except ModuleNotFoundError as e:\n"
        "        if e.name != name: failed[name] = f'{type(e).__name__}: {e}'\n"
        "    except BaseException as e:\n        failed[name] = f'{type(e).__name__}: {e}'\n"
        "print(); print(json.dumps(failed))"
    )
    command = [sys.executable, "-P", "-W", "ignore", "-c", script, *_IMPORTED]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, our own script
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=True
        )
        failed: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        return {"numpy": f"the heavy packages could not be tried: {error}"}
    return failed


def _extras(packages: tuple[Package, ...]) -> tuple[Extra, ...]:
    try:
        names = metadata("automl").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return ()
    extras = []
    for name in names:
        parts = [p for p in packages if p.extra == name]
        missing = tuple(p.name for p in parts if p.found is None)
        adds = _EXTRAS.get(name, ", ".join(p.name for p in parts))
        extras.append(Extra(name=name, adds=adds, missing=missing, command=f"pip install 'automl[{name}]'"))
    return tuple(extras)


def _folders() -> Iterator[Folder]:
    for role, path in (("runs", Path.cwd()), ("cache", cache_folder()), ("temporary", Path(tempfile.gettempdir()))):
        used = sum(f.stat().st_size for f in path.glob("*.json")) if role == "cache" and path.is_dir() else 0
        problem = _cannot_write(path)
        nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
        free = shutil.disk_usage(nearest).free
        yield Folder(role=role, path=str(path), free_bytes=free, used_bytes=used, problem=problem)


def _cannot_write(path: Path) -> str:
    """Why nothing can be written there; tried, because permissions, quotas and read-only mounts all look alike."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path, prefix=".automl-doctor-"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _package_problems(packages: tuple[Package, ...]) -> Iterator[Problem]:
    if not packages:
        yield Problem("automl is not installed as a package, so its needs are unknown", "pip install .")
    for package in packages:
        if package.extra:
            continue
        if package.found is None:
            yield Problem(f"{package.name} is not installed", f"pip install '{package.name}{package.wanted}'")
        elif package.problem:
            libgomp = "libgomp" in package.problem
            install = f"pip install --force-reinstall '{package.name}{package.wanted}'"
            yield Problem(f"{package.name}: {package.problem}", "apt-get install libgomp1" if libgomp else install)


def _device_problems(signs: tuple[Sign, ...], lightning: LightningAnswer | None) -> Iterator[Problem]:
    for sign in signs:
        if sign.obstacle:
            yield Problem(f"{sign.device} is there ({sign.evidence}) but not used: {sign.obstacle}", sign.mend)
    if lightning is None:
        return
    if lightning.problem:
        yield Problem(lightning.problem, "pip install --force-reinstall pytorch-lightning torch")
        return
    usable = {device.name for device in lightning.devices if device.usable}
    for sign in signs:
        if not sign.obstacle and sign.device not in usable:
            said = next((d.problem for d in lightning.devices if d.name == sign.device and d.problem), "")
            known = "" if any(d.name == sign.device for d in lightning.devices) else "; its registry does not know it"
            sentence = f"{sign.device} seems to be there ({sign.evidence}), but Lightning can't use it{known}"
            mend = "nvidia-smi" if sign.device == "cuda" else "pip install --upgrade pytorch-lightning torch"
            yield Problem(f"{sentence}{': ' + said if said else ''}", mend)


def _machine_problems(hardware: Hardware, folders: tuple[Folder, ...]) -> Iterator[Problem]:
    if hardware.memory_bytes < _LITTLE_MEMORY:
        yield Problem(
            f"{format_bytes(hardware.memory_bytes)} of memory are free; a run with nets needs about "
            f"{format_bytes(_LITTLE_MEMORY)}",
            "automl fit DATA --jobs 1 --exclude neural",
        )
    for folder in folders:
        if folder.problem:
            step = {
                "runs": "automl fit DATA --output A_FOLDER_YOU_MAY_WRITE",
                "cache": "export AUTOML_CACHE_DIR=A_FOLDER_YOU_MAY_WRITE",
                "temporary": "export TMPDIR=A_FOLDER_YOU_MAY_WRITE",
            }[folder.role]
            yield Problem(f"the {folder.role} folder {folder.path} can't be written: {folder.problem}", step)
        elif folder.free_bytes < _LITTLE_DISK and folder.role != "cache":
            yield Problem(
                f"the disk of the {folder.role} folder {folder.path} has {format_bytes(folder.free_bytes)} left",
                f"df -h '{folder.path}'",
            )
