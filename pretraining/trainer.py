"""Training the in-context net with Lightning: tasks drawn on the device, Muon and AdamW, an average of the weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from automl.nets.incontext import new_net
from pretraining.export import export
from pretraining.log import Log
from pretraining.muon import Muon
from pretraining.objective import guessing_losses, task_losses
from pretraining.prior import Prior, Tasks
from pretraining.sizes import SIZES
from pretraining.state import Progress, load_state, save_state
from pretraining.work import wait

LOG = "log.jsonl"
_SAVED_EVERY = 120.0
_WARM_UP, _LAST_LR = 0.02, 0.02
_AVERAGED, _CLIP = 0.999, 1.0
_BATCHES_OF_SEED = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One call that trains.

    Attributes:
        folder: Of state, weights and log.
        device: To train on.
        seconds: That the call may train.
        horizon: Seconds for which the learning rate is laid out, over all rounds of the stage.
        compiled: Whether the net is compiled.
        clock: Seconds that go on.
    """

    folder: Path
    device: torch.device
    seconds: float
    horizon: float
    compiled: bool = False
    clock: Callable[[], float] = time.monotonic


class Pretraining(pl.LightningModule):
    """The net with its optimisers, its average and the prior it learns from.

    Args:
        this: The call.
        progress: Where to begin.
        tensors: To begin with, as `tensors` gave them; none for the beginning of all.
        prior: Of the tasks; that of the size unless told.
    """

    def __init__(
        self, this: Round, progress: Progress, tensors: dict[str, Tensor] | None = None, prior: Prior | None = None
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.this, self.progress = this, progress
        self.size = SIZES[progress.size]
        self.prior = prior or Prior(self.size.net.n_codes)
        with torch.random.fork_rng([]):
            torch.manual_seed(progress.seed)
            self.net = new_net(self.size.net)
        self.answer = torch.compile(self.net, dynamic=True) if this.compiled else self.net
        self.average: dict[str, Tensor] = {}
        self.journal = Log(this.folder / LOG, self.size.net, self.size.log_steps, this.device)
        self._begun = tensors or {}
        self._last = self._saved = self._deadline = math.nan

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon on the matrices inside the net, AdamW on embeddings, heads, norms and biases."""
        matrices = {name: p for name, p in self.net.named_parameters() if _is_matrix(name, p)}
        others = [p for name, p in self.net.named_parameters() if name not in matrices]
        return [
            Muon(matrices.values(), lr=self.size.lr, weight_decay=self.size.decay),
            torch.optim.AdamW(others, lr=self.size.lr, betas=(0.9, 0.98), weight_decay=self.size.decay, fused=True),
        ]

    def train_dataloader(self) -> Iterator[int]:
        """Numbers of steps: tasks are drawn where they are used."""
        return count(self.progress.steps)

    def on_train_start(self) -> None:
        """Take up what was trained so far, and start the clock."""
        self.average = {name: p.detach().clone() for name, p in self.net.named_parameters()}
        if self._begun:
            self._take_up(self._begun)
            self._begun = {}
        self._last = self._saved = self.this.clock()
        self._deadline = self._last + self.this.seconds

    def on_train_end(self) -> None:
        """Write state and weights."""
        self.progress = replace(self.progress, rounds=self.progress.rounds + 1)
        self._save()

    def training_step(self, batch: int, _batch_idx: int) -> None:
        """Draw a batch, take a step, average, and note how it went."""
        is_told = self.journal.is_due(batch)
        began = self._synchronised() if is_told else 0.0
        shape = self.size.task_shape(self.progress.seed, batch)
        tasks = self.prior.draw(shape, self.progress.seed * _BATCHES_OF_SEED + batch, self.device)
        drawn = self._synchronised() - began if is_told else 0.0
        losses = task_losses(self.answer, self.net, tasks, self.progress.seed + batch)
        rate = self._set_rate()
        for optimizer in self._optimizers():
            optimizer.zero_grad()
        self.manual_backward(losses.mean())
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        for optimizer in self._optimizers():
            optimizer.step()
        self._average()
        self._advance(tasks)
        self.journal.note(tasks, losses.detach(), guessing_losses(self.net, tasks))
        if is_told:
            self._synchronised()
            self.journal.tell(self.progress, rate, float(norm), drawn)
            if self._last - self._saved > _SAVED_EVERY:
                self._save()
        self.trainer.should_stop = self._last >= self._deadline

    def tensors(self) -> dict[str, Tensor]:
        """All that a later round needs: weights, average and moments."""
        found: dict[str, Tensor] = {f"net.{name}": p for name, p in self.net.named_parameters()}
        found |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        names: dict[Tensor, str] = {p: name for name, p in self.net.named_parameters()}
        for optimizer in self._optimizers():
            for parameter, state in optimizer.state.items():
                found |= {f"{key}.{names[parameter]}": value for key, value in state.items()}
        return found

    def _take_up(self, tensors: dict[str, Tensor]) -> None:
        for name, parameter in self.net.named_parameters():
            parameter.data.copy_(tensors[f"net.{name}"])
            self.average[name].copy_(tensors[f"average.{name}"])
        names: dict[Tensor, str] = {p: name for name, p in self.net.named_parameters()}
        for optimizer in self._optimizers():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    keys = ("momentum",) if isinstance(optimizer, Muon) else ("step", "exp_avg", "exp_avg_sq")
                    optimizer.state[parameter] = {
                        key: tensors[f"{key}.{names[parameter]}"].to(parameter.device, copy=True) for key in keys
                    }

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return list(self.trainer.optimizers)

    def _set_rate(self) -> float:
        rate = self.size.lr * schedule(self.progress.seconds / self.this.horizon)
        for optimizer in self._optimizers():
            for group in optimizer.param_groups:
                group["lr"] = rate
        return rate

    @torch.no_grad()
    def _average(self) -> None:
        steps = self.progress.steps
        keep = min(_AVERAGED, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.net.parameters()], 1 - keep)

    def _advance(self, tasks: Tasks) -> None:
        now = self.this.clock()
        self.progress = replace(
            self.progress,
            steps=self.progress.steps + 1,
            tasks=self.progress.tasks + len(tasks.y),
            cells=self.progress.cells + tasks.x.numel(),
            seconds=self.progress.seconds + now - self._last,
        )
        self._last = now

    def _save(self) -> None:
        save_state(self.this.folder, self.progress, self.tensors())
        export(self.this.folder, self.progress, self.average)
        self._saved = self._last

    def _synchronised(self) -> float:
        wait(self.device)
        return time.perf_counter()


def schedule(progress: float) -> float:
    """Factor of the learning rate: up over the first fiftieth of the horizon, then a cosine down to a fiftieth."""
    if progress < _WARM_UP:
        return max(progress, 0.02 * _WARM_UP) / _WARM_UP
    along = min(1.0, (progress - _WARM_UP) / (1 - _WARM_UP))
    return _LAST_LR + (1 - _LAST_LR) * 0.5 * (1 + math.cos(math.pi * along))


def _is_matrix(name: str, parameter: Tensor) -> bool:
    inside = name.startswith(("cell_blocks", "row_blocks", "gather", "vote"))
    return inside and name.endswith("weight") and parameter.ndim == 2


def begin(folder: Path, size: str, seed: int, *, resume: bool) -> tuple[Progress, dict[str, Tensor]]:
    """The progress to go on from, with its tensors; or the beginning, with none.

    A state of another size with the same net goes on as a new stage, whose learning rate starts anew.

    Raises:
        ValueError: The state is of another net.
    """
    if not resume:
        return Progress(size=size, seed=seed), {}
    progress, tensors = load_state(folder, torch.device("cpu"))
    if SIZES[progress.size].net != SIZES[size].net:
        raise ValueError(f"{folder} holds a net of size {progress.size!r}, which cannot go on as {size!r}")
    if progress.size != size:
        progress = replace(progress, size=size, seconds=0.0)
    return progress, tensors


def train(this: Round, progress: Progress, tensors: dict[str, Tensor], prior: Prior | None = None) -> Pretraining:
    """Train for one round; state and weights are in its folder then."""
    on_cuda = this.device.type == "cuda"
    module = Pretraining(this, progress, tensors, prior)
    trainer = pl.Trainer(
        accelerator="gpu" if on_cuda else "cpu",
        devices=1,
        precision="bf16-mixed" if on_cuda else "32-true",
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module)
    return module
