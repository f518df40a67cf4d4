"""Devices beside the CPU: cheap signs of them first, and only then the question to Lightning, in its own process."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from automl.plan import Accelerator

DEVICES = ("cuda", "mps", "xpu", "tpu")
_INTEL = "0x8086"
_TPU_VARIABLES = ("TPU_NAME", "TPU_WORKER_ID", "TPU_ACCELERATOR_TYPE", "PJRT_DEVICE")


@dataclass(frozen=True, slots=True)
class Sign:
    """A cheap hint that a device is there.

    Attributes:
        device: cuda, mps, xpu or tpu.
        evidence: The file, program or variable that hints at it.
        obstacle: Why the installed packages cannot use it all the same; empty if they may.
        mend: The command that removes the obstacle.
    """

    device: str
    evidence: str
    obstacle: str = ""
    mend: str = ""


class LightningDevice(msgspec.Struct, frozen=True, kw_only=True):
    """What Lightning's registry says of one accelerator.

    Attributes:
        usable: Whether it can be trained on here and now.
        problem: Error of the check itself; empty if it went well.
    """

    name: str
    usable: bool
    count: int = 0
    title: str = ""
    memory_bytes: int = 0
    problem: str = ""


class LightningAnswer(msgspec.Struct, frozen=True):
    """All accelerators of the registry, or why it could not be asked."""

    devices: tuple[LightningDevice, ...] = ()
    problem: str = ""

    @property
    def accelerators(self) -> tuple[Accelerator, ...]:
        """The usable devices beside the CPU."""
        return tuple(
            Accelerator(d.name, d.count, d.title, d.memory_bytes)
            for d in self.devices
            if d.usable and d.count and d.name != "cpu"
        )


def find_signs(root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> tuple[Sign, ...]:
    """Signs of devices in files, programs and variables; takes about a millisecond and imports nothing.

    Args:
        root: Where the file system starts; another folder in tests.
    """
    environ = os.environ if environ is None else environ
    return (*_cuda(root, environ), *_mps(), *_xpu(root), *_tpu(root, environ))


def _cuda(root: Path, environ: Mapping[str, str]) -> Iterator[Sign]:
    nodes = sorted(p.name for p in _glob(root / "dev", "nvidia[0-9]*"))
    evidence = ""
    if nodes:
        evidence = ", ".join(f"/dev/{name}" for name in nodes)
    elif (root / "proc/driver/nvidia").exists() or (root / "dev/dxg").exists():
        evidence = "/proc/driver/nvidia" if (root / "proc/driver/nvidia").exists() else "/dev/dxg"
    elif shutil.which("nvidia-smi", path=environ.get("PATH")):
        evidence = "the program nvidia-smi"
    if not evidence:
        return
    if environ.get("CUDA_VISIBLE_DEVICES", "unset").strip() in ("", "-1", "NoDevFiles"):
        yield Sign("cuda", evidence, "CUDA_VISIBLE_DEVICES hides every device", "unset CUDA_VISIBLE_DEVICES")
    elif torch_build().endswith("+cpu"):
        yield Sign("cuda", evidence, f"torch {torch_build()} is a build for CPU only", "pip install --force torch")
    else:
        yield Sign("cuda", evidence)


def _mps() -> Iterator[Sign]:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        yield Sign("mps", "macOS on Apple silicon")


def _xpu(root: Path) -> Iterator[Sign]:
    """Intel GPUs; every laptop has one, so only a torch built for them makes it worth asking."""
    nodes = [p for p in _glob(root / "sys/class/drm", "renderD*") if _read(p / "device/vendor").strip() == _INTEL]
    if not nodes:
        return
    evidence = ", ".join(f"/dev/dri/{p.name} (Intel)" for p in sorted(nodes))
    if "+xpu" in torch_build():
        yield Sign("xpu", evidence)
    else:
        mend = "pip install --force torch --index-url https://download.pytorch.org/whl/xpu"
        yield Sign("xpu", evidence, f"torch {torch_build()} is not a build for XPU", mend)


def _tpu(root: Path, environ: Mapping[str, str]) -> Iterator[Sign]:
    nodes = [f"/dev/{p.name}" for p in sorted(_glob(root / "dev", "accel[0-9]*"))]
    variables = [name for name in _TPU_VARIABLES if "CPU" not in environ.get(name, "CPU")]
    if variables and (root / "dev/vfio").is_dir():
        nodes.append("/dev/vfio with " + ", ".join(variables))
    if not nodes:
        return
    if find_spec("torch_xla") is None:
        yield Sign("tpu", ", ".join(nodes), "the package torch_xla is not installed", "pip install torch_xla[tpu]")
    else:
        yield Sign("tpu", ", ".join(nodes))


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def torch_build() -> str:
    """Version of the installed torch with its build suffix ("2.13.0+cpu"), read without importing it."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return "(not installed)"


def ask_lightning(timeout: float = 60.0) -> LightningAnswer:
    """What Lightning's own accelerator registry finds, asked in a subprocess that is killed after `timeout` seconds."""
    package = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-P", "-W", "ignore", "-m", "automl.nets.devices"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module in our own interpreter
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return LightningAnswer(problem=f"Lightning did not answer within {timeout:.0f} s")
    except OSError as error:
        return LightningAnswer(problem=f"{sys.executable} could not be started: {error}")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return LightningAnswer(problem=f"Lightning could not be asked: {last}")
    try:
        devices = msgspec.convert(json.loads(done.stdout.strip().splitlines()[-1]), tuple[LightningDevice, ...])
    except (ValueError, IndexError) as error:
        return LightningAnswer(problem=f"Lightning's answer could not be read: {error}")
    return LightningAnswer(devices)
