"""What a training goes on from: weights, their average, moments of the optimisers, and how far it has come.

Tensors lie in safetensors files of a few megabytes each, so that they pass where single files may not be large;
`state.json` names them and is replaced last, so that a state is there whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

_MOST_BYTES = 15 * 2**20
_STATE = "state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training has come.

    Attributes:
        size: Name in `SIZES`.
        seed: Of the tasks and of the first weights.
        steps, tasks, cells: Trained on so far, of all stages.
        seconds: Of this stage; the learning rate goes by them.
        rounds: Calls that trained.
    """

    size: str
    seed: int
    steps: int = 0
    tasks: int = 0
    cells: int = 0
    seconds: float = 0.0
    rounds: int = 0


def save_state(folder: Path, progress: Progress, tensors: dict[str, Tensor]) -> None:
    """Write tensors and progress; files of the state before are deleted after."""
    files: dict[str, list[str]] = {}
    for number, names in enumerate(_shards(tensors)):
        name = f"state-{progress.steps:08}-{number}.safetensors"
        save_file({key: tensors[key].detach().cpu().contiguous() for key in names}, folder / name)
        files[name] = names
    partial = folder / f"{_STATE}.partial"
    partial.write_text(json.dumps({"progress": asdict(progress), "files": sorted(files)}, indent=1) + "\n")
    partial.replace(folder / _STATE)
    for old in folder.glob("state-*.safetensors"):
        if old.name not in files:
            old.unlink()


def has_state(folder: Path) -> bool:
    """Whether there is something to go on from."""
    return (folder / _STATE).exists()


def load_state(folder: Path, device: torch.device) -> tuple[Progress, dict[str, Tensor]]:
    """Progress and tensors.

    Raises:
        FileNotFoundError: There is no state in the folder, or a file of it is missing.
    """
    told: dict[str, Any] = json.loads((folder / _STATE).read_text())
    tensors: dict[str, Tensor] = {}
    for name in told["files"]:
        tensors |= load_file(folder / name, device=str(device))
    return Progress(**told["progress"]), tensors


def _shards(tensors: dict[str, Tensor]) -> Iterator[list[str]]:
    names: list[str] = []
    size = 0
    for name, tensor in tensors.items():
        if names and size + tensor.nbytes > _MOST_BYTES:
            yield names
            names, size = [], 0
        names.append(name)
        size += tensor.nbytes
    yield names
