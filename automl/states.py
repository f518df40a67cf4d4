"""Fitted states as named files: JSON, safetensors and text, nothing that runs when it is read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.family import State

_CONFIG = "config.json"
_ARRAYS = "arrays.safetensors"
_TEXT = ".txt"


def pack(state: State) -> dict[str, bytes]:
    """The state's files, by name."""
    files = _plain_files(state)
    if state.arrays:
        from safetensors.numpy import save

        files[_ARRAYS] = save(_contiguous(state))
    return files


def _plain_files(state: State) -> dict[str, bytes]:
    """All but the arrays."""
    texts = {f"{name}{_TEXT}": text.encode() for name, text in state.texts.items()}
    return {_CONFIG: msgspec.json.encode(state.config), **texts}


def _contiguous(state: State) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(array) for name, array in state.arrays.items()}


def unpack(files: Mapping[str, bytes]) -> State:
    """The state that `pack` made those files of.

    Raises:
        ModelFileError: A file is missing, damaged or of an unknown kind.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    unknown = [name for name in files if name not in (_CONFIG, _ARRAYS) and not name.endswith(_TEXT)]
    if _CONFIG not in files or unknown:
        raise ModelFileError(f"a model's state has the files {sorted(files)}, which is not what was saved")
    try:
        config = msgspec.json.decode(files[_CONFIG], type=dict)
        arrays = load(files[_ARRAYS]) if _ARRAYS in files else {}
        texts = {name.removesuffix(_TEXT): data.decode() for name, data in files.items() if name.endswith(_TEXT)}
    except (msgspec.DecodeError, SafetensorError, UnicodeDecodeError) as error:
        raise ModelFileError(f"a model's state is damaged: {error}") from error
    return State(config, arrays, texts)


def write_state(folder: Path, state: State) -> None:
    """Write the files of a state into a folder, which appears under its name only when complete.

    What a process that was killed left under the same name gives way.
    """
    partial = folder.with_name(folder.name + ".partial")
    for left_over in (partial, folder):
        if left_over.exists():
            shutil.rmtree(left_over)
    partial.mkdir(parents=True)
    for name, data in _plain_files(state).items():
        (partial / name).write_bytes(data)
    if state.arrays:
        from safetensors.numpy import save_file

        save_file(_contiguous(state), partial / _ARRAYS)
    partial.replace(folder)
