"""Weights of toy size for tests: as they begin, or after a short training on a clock that counts steps."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import torch

from automl.nets.incontext import new_net
from pretraining.export import export
from pretraining.prior import Prior
from pretraining.sizes import SIZES
from pretraining.state import Progress
from pretraining.trainer import Pretraining, Round, begin, train


def first_weights(folder: Path) -> Path:
    """A file of weights that nothing was learned into."""
    torch.manual_seed(0)
    net = new_net(SIZES["toy"].net)
    return export(folder, Progress(size="toy", seed=0), dict(net.named_parameters()))


def trained(folder: Path, steps: int, horizon: int, *, resume: bool = False, prior: Prior | None = None) -> Pretraining:
    """A toy training of so many steps: each takes a second of the clock."""
    folder.mkdir(exist_ok=True)
    ticks = count()
    this = Round(
        folder=folder,
        device=torch.device("cpu"),
        seconds=steps,
        horizon=horizon,
        clock=lambda: float(next(ticks)),
    )
    return train(this, *begin(folder, "toy", 0, resume=resume), prior)
