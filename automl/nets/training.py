# ruff: noqa: ARG002 - Lightning calls its hooks with all of these arguments
"""Training a net with PyTorch Lightning: one module around any net of ours, in-memory batches, paced to a deadline."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from automl.family import Limits
from automl.nets.batches import Batch, InOrder, Rounds
from automl.nets.callbacks import KeepBest, Pacing, Validation
from automl.nets.layers import ParameterGroup
from automl.nets.objective import Objective
from automl.nets.schedules import Pace, Recipe
from automl.nets.threads import threads

_ACCELERATORS = {"cpu": "cpu", "cuda": "gpu", "mps": "mps", "xpu": "xpu"}
_INITIAL_ROWS = 2048
_MAX_ROUNDS = 64


class Net(Protocol):
    """What `train` expects of a net, beyond being a torch module."""

    def fit_initial(self, *inputs: Tensor) -> None:
        """Initialise on a sample of training rows."""
        ...

    def parameter_groups(self) -> list[ParameterGroup]:
        """All parameters, with their factors of learning rate and weight decay."""
        ...


@dataclass(frozen=True, slots=True)
class TrainLog:
    """How a training went: the epoch kept, those run, the metric after every round, and whether time cut it short."""

    n_epochs: int
    n_run: int
    curve: tuple[float, ...]
    truncated: bool


class Training(pl.LightningModule):
    """A net with its objective and recipe, as Lightning wants it."""

    def __init__(self, net: nn.Module, objective: Objective, recipe: Recipe) -> None:
        super().__init__()
        self.net = net
        self.objective = objective
        self.recipe = recipe
        self.predictions: list[Tensor] = []
        self.loss_sum = 0.0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch."""
        return self.objective.loss(self.net(*batch.inputs), batch.y, batch.weights)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect predictions and the loss of a batch."""
        out = self.net(*batch.inputs)
        self.loss_sum += float(self.objective.loss(out, batch.y, batch.weights)) * len(batch.y)
        self.predictions.append(self.objective.decode(out).cpu())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over the net's parameter groups; factors stay in the groups for the schedules."""
        groups = [
            {"params": g.parameters, "lr_factor": g.lr, "decay_factor": g.decay, "lr": 0.0, "weight_decay": 0.0}
            for g in self.net.parameter_groups()  # type: ignore[operator]
        ]
        # Lightning does not clip for fused optimisers in mixed precision; accelerators have a fast one of their own
        fused = self.device.type == "cpu" or None
        return torch.optim.AdamW(groups, betas=(0.9, self.recipe.beta2), fused=fused)


def train(
    net: nn.Module, rows: Batch, validation: Validation | None, objective: Objective, recipe: Recipe, limits: Limits
) -> TrainLog:
    """Train a net in place; its weights end as those of the best round, on the CPU.

    Args:
        net: A `Net`.
        rows: Training rows; on an accelerator they are moved there as a whole.
        validation: Rows to choose the best round on; without, training stops after `recipe.stop_epoch`.
        objective: What to minimise.
        recipe: How.
        limits: Deadline, threads, seed and device.

    Raises:
        FloatingPointError: The weights are no longer finite, and there is no earlier round to go back to.
    """
    with _surroundings(limits):
        device = torch.device(limits.device)
        sample = rows.take(torch.randperm(len(rows.y))[:_INITIAL_ROWS])
        net.fit_initial(*sample.inputs)  # type: ignore[operator]
        rounds = Rounds(rows.to(device), recipe.batch_size, max(1, recipe.n_epochs // _MAX_ROUNDS))
        held_out = InOrder((validation.rows if validation else rows.take(slice(0))).to(device), 256)
        pace = _pace(recipe, rounds, held_out, limits.deadline)
        pacing = Pacing(pace, recipe)
        keeper = KeepBest(validation, pace, recipe.patience) if validation else None
        trainer = _trainer(recipe, limits, [pacing, *([keeper] if keeper else [])], len(held_out))
        trainer.fit(Training(net, objective, recipe), rounds, held_out)
        net.to("cpu").eval()
    if keeper and keeper.state:
        net.load_state_dict(keeper.state)
    if not all(bool(p.isfinite().all()) for p in net.parameters()):
        raise FloatingPointError("the weights are no longer finite")
    n_run = _epochs(recipe, rounds, pace.progress, pace.n_steps)
    n_kept = _epochs(recipe, rounds, keeper.progress, keeper.n_steps) if keeper else n_run
    curve = tuple(keeper.curve) if keeper and np.isfinite(keeper.curve).all() else ()
    return TrainLog(n_kept, n_run, curve, pace.shortened or pacing.cut)


def _epochs(recipe: Recipe, rounds: Rounds, progress: float, n_steps: int) -> int:
    """Epochs by steps taken, or by how far a schedule has come that time may have shortened."""
    gone = n_steps / rounds.pass_steps if recipe.lr_schedule == "constant" else progress * recipe.n_epochs
    return max(1, round(gone))


def _pace(recipe: Recipe, rounds: Rounds, held_out: InOrder, deadline: float) -> Pace:
    n_steps = recipe.n_epochs * rounds.pass_steps
    until = min(1.0, (recipe.stop_epoch or recipe.n_epochs) / recipe.n_epochs)
    # without gradients a row takes about half the time
    validation_steps = 0.5 * held_out.n_rows / rounds.batch_size
    return Pace(n_steps, until, deadline, len(rounds), validation_steps)


def _trainer(recipe: Recipe, limits: Limits, callbacks: list[pl.Callback], n_held_out: int) -> pl.Trainer:
    device = torch.device(limits.device)
    half = _has_bfloat16(device) and (device.type == "cuda" or recipe.bfloat16)
    return pl.Trainer(
        accelerator=_ACCELERATORS[device.type],
        devices=[device.index] if device.index is not None else 1,
        precision="bf16-mixed" if half else "32-true",
        max_epochs=-1,
        gradient_clip_val=recipe.clip,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=n_held_out,
        use_distributed_sampler=False,
        inference_mode=True,
    )


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # older releases of torch do not tell
    told = getattr(torch.cpu, "get_capabilities", None)
    return device.type == "cpu" and told is not None and bool(told().get("avx512_bf16"))


@contextmanager
def _surroundings(limits: Limits) -> Iterator[None]:
    """Threads, seed and Lightning's chatter for the time of a training; all put back afterwards."""
    device = torch.device(limits.device)
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        forked = torch.random.fork_rng([device.index or 0] if device.type == "cuda" else [])
        with threads(limits.n_threads), warnings.catch_warnings(), forked:
            # Lightning 2.6 asks torch 2.13 in a deprecated way; nothing of ours
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")
            torch.manual_seed(limits.seed)
            yield
    finally:
        logger.setLevel(level)
