"""Files of pretrained weights: where they are, what they are good for. No torch here, for deciding is to stay light.

A file is safetensors in bfloat16; its metadata tell the sizes of the net, the limits of the tables that it was trained
for, and how it was trained. Nothing is ever downloaded.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.nets.incontext_sizes import InContextConfig

# Names a file of weights to use instead of those of the package.
VARIABLE = "AUTOML_PRETRAINED_WEIGHTS"
FORMAT = 1
_SHIPPED = Path(__file__).parent / "weights" / "incontext.safetensors"
_LENGTH_BYTES, _MOST_HEADER_BYTES = 8, 2**20


@dataclass(frozen=True, slots=True)
class TableLimits:
    """The tables that weights were trained for.

    Attributes:
        n_context: Labelled rows that the net reads at a time, at most.
        n_rows: Rows of a table, of which a context is drawn, at most.
        n_columns: Columns, at most.
        n_classes: Classes, at most.
    """

    n_context: int
    n_rows: int
    n_columns: int
    n_classes: int


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights.

    Attributes:
        config: Sizes of the net.
        training: How it was trained: steps, tasks, seconds, size, seed.
    """

    path: Path
    config: InContextConfig
    limits: TableLimits
    training: dict[str, Any]

    @property
    def n_bytes(self) -> int:
        """Of the file."""
        return self.path.stat().st_size


def find_weights() -> Weights | None:
    """The weights that `AUTOML_PRETRAINED_WEIGHTS` names, else those of the package, else none.

    Raises:
        UsageError: The variable names a file that is not there or that is no such file.
    """
    told = os.environ.get(VARIABLE)
    if told:
        return read_header(Path(told))
    return read_header(_SHIPPED) if _SHIPPED.exists() else None


def read_header(path: Path) -> Weights:
    """What a file of weights tells of itself, its tensors unread.

    Raises:
        UsageError: The file is not there, or is no file of weights of this format.
    """
    try:
        return _read_header(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise UsageError(f"pretrained weights {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} holds no pretrained weights of format {FORMAT}: {error}",
            f"unset {VARIABLE}, or let it name a file that python -m pretraining wrote",
        ) from error


def metadata(config: InContextConfig, limits: TableLimits, training: dict[str, Any]) -> dict[str, str]:
    """What a file is to tell of itself, as safetensors keep it."""
    told = {"format": FORMAT, "config": asdict(config), "limits": asdict(limits), "training": training}
    return {name: json.dumps(value) for name, value in told.items()}


@cache
def _read_header(path: Path, _changed: int) -> Weights:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 0 < length <= _MOST_HEADER_BYTES:
            raise ValueError(f"its header has {length} bytes")
        told = {name: json.loads(text) for name, text in json.loads(file.read(length))["__metadata__"].items()}
    if told["format"] != FORMAT:
        raise ValueError(f"it has format {told['format']}")
    return Weights(path, InContextConfig(**told["config"]), TableLimits(**told["limits"]), told["training"])
