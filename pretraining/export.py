"""The averaged weights as a file that the package can use."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from automl.nets.weight_files import metadata
from pretraining.sizes import SIZES
from pretraining.state import Progress

WEIGHTS = "incontext.safetensors"


def export(folder: Path, progress: Progress, average: dict[str, Tensor]) -> Path:
    """Write the weights in bfloat16, with sizes, limits and training in the metadata; the path of the file."""
    size = SIZES[progress.size]
    path = folder / WEIGHTS
    partial = path.with_suffix(".partial")
    tensors = {name: tensor.detach().to("cpu", torch.bfloat16).contiguous() for name, tensor in average.items()}
    save_file(tensors, partial, metadata(size.net, size.limits, asdict(progress)))
    partial.replace(path)
    return path
