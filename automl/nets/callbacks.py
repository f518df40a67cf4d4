# ruff: noqa: ARG002 - Lightning calls its hooks with all of these arguments
"""What happens around the steps of a training: schedules, the deadline, and keeping the best round."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from automl.nets.batches import Batch
from automl.nets.schedules import SCHEDULES, Pace, Recipe


@dataclass(frozen=True, slots=True)
class Validation:
    """Held-out rows, and the metric that the best epoch is chosen by.

    Attributes:
        rows: The rows, as tensors.
        score: The metric of predictions, in its own sign.
        gain: The metric with its sign such that more is better.
    """

    rows: Batch
    score: Callable[[NDArray[np.float64]], float]
    gain: Callable[[float], float]


class Pacing(pl.Callback):
    """Sets learning rate, weight decay and dropout before each step; stops at the schedule's end or the deadline."""

    def __init__(self, pace: Pace, recipe: Recipe) -> None:
        self.pace = pace
        self._recipe = recipe
        self._dropouts: list[tuple[nn.Dropout, float]] = []
        self.cut = False

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember the dropout that the schedule starts from."""
        self._dropouts = [(m, m.p) for m in pl_module.modules() if isinstance(m, nn.Dropout)]

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Put the schedules' values in place."""
        recipe, progress = self._recipe, self.pace.progress
        lr = recipe.lr * SCHEDULES[recipe.lr_schedule](progress)
        decay = recipe.decay * SCHEDULES[recipe.decay_schedule](progress)
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = lr * group["lr_factor"]
            group["weight_decay"] = decay * group["decay_factor"]
        for module, p in self._dropouts:
            module.p = p * SCHEDULES[recipe.dropout_schedule](progress)
        self.pace.start(time.monotonic())

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Stop when there is no time, or nothing to do."""
        now = time.monotonic()
        self.pace.advance(now)
        self.cut = self.pace.late(now) and not self.pace.done
        if self.cut or self.pace.done:
            trainer.should_stop = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Time the validation."""
        self._validation_start = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Time the validation."""
        self.pace.validated(time.monotonic() - self._validation_start)


class KeepBest(pl.Callback):
    """Keeps the weights of the best round in memory, and stops after some rounds without improvement.

    The best round is the best in the task's own metric, for that is what it will be compared by; among equals (common
    where the metric counts labels) it is the one with the least loss. A metric that cannot be computed counts as equal.
    """

    def __init__(self, validation: Validation, pace: Pace, patience: int | None) -> None:
        self._validation = validation
        self._pace = pace
        self._patience = patience
        self._best = (-math.inf, -math.inf)
        self._n_worse = 0
        self.state: dict[str, Tensor] = {}
        self.progress = 0.0
        self.n_steps = 0
        self.curve: list[float] = []

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Score the predictions of a round."""
        predictions = torch.cat(pl_module.predictions).numpy()
        loss = pl_module.loss_sum / len(predictions)
        pl_module.predictions, pl_module.loss_sum = [], 0.0
        if not np.isfinite(predictions).all():
            trainer.should_stop = True
            return
        value = self._validation.score(predictions)
        self.curve.append(value)
        gain = self._validation.gain(value)
        key = (gain if math.isfinite(gain) else -math.inf, -loss)
        if key > self._best or not self.state:
            self._best, self._n_worse = key, 0
            self.state = {name: tensor.detach().clone() for name, tensor in pl_module.net.state_dict().items()}
            self.progress, self.n_steps = self._pace.progress, self._pace.n_steps
        else:
            self._n_worse += 1
            if self._patience is not None and self._n_worse >= self._patience:
                trainer.should_stop = True
