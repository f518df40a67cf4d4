"""The log of a training: a line of JSON every so many steps."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automl.nets.incontext_sizes import InContextConfig
from pretraining.prior import Tasks
from pretraining.state import Progress
from pretraining.work import peak_flops, training_flops


class Log:
    """Losses by kind of task, and how fast and how busy the device was, since the line before.

    A line holds: steps, tasks, seconds and rounds so far; learning rate and norm of the gradient of its step; tasks,
    cells and operations a second; the share of the operations a second that a large matrix product reaches; the share
    of a step that drawing its tasks took; and by kind of task the mean loss in nats, beside that of guessing.

    Args:
        path: Of the file that lines are added to.
        every: Steps between lines.
        device: What is trained on; its speed is measured now.
    """

    def __init__(self, path: Path, net: InContextConfig, every: int, device: torch.device) -> None:
        self._path, self._net, self._every = path, net, every
        self.peak = peak_flops(device)
        self._clear()

    def is_due(self, step: int) -> bool:
        """Whether a line is to be written after this step."""
        return (step + 1) % self._every == 0

    def note(self, tasks: Tasks, losses: Tensor, guesses: Tensor) -> None:
        """Count a step; (n_tasks,) losses and those of guessing stay on the device."""
        shape = tasks.shape
        self._n_steps += 1
        self._flops += training_flops(self._net, shape)
        self._n_tasks += len(losses)
        self._n_cells += tasks.x.numel()
        for name, chosen in (("graph", ~tasks.is_rule), ("rule", tasks.is_rule)):
            sums = torch.stack([(losses * chosen).sum(), (guesses * chosen).sum(), chosen.sum()])
            self._losses[f"{name} {shape.kind}"].append(sums)

    def tell(self, progress: Progress, rate: float, norm: float, drawn: float) -> None:
        """Write a line; the device must have done its work.

        Args:
            drawn: Seconds that drawing the tasks of this step took.
        """
        seconds = time.perf_counter() - self._began
        line: dict[str, Any] = {
            "steps": progress.steps,
            "tasks": progress.tasks,
            "seconds": round(progress.seconds, 1),
            "round": progress.rounds + 1,
            "lr": rate,
            "gradient": norm,
            "tasks_per_second": self._n_tasks / seconds,
            "cells_per_second": self._n_cells / seconds,
            "flops_per_second": self._flops / seconds,
            "share_of_peak": self._flops / seconds / self.peak,
            "share_of_drawing": drawn / (seconds / self._n_steps),
            "losses": {name: _means(sums) for name, sums in sorted(self._losses.items())},
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._clear()

    def _clear(self) -> None:
        self._n_steps = self._n_tasks = self._n_cells = 0
        self._flops = 0.0
        self._losses: dict[str, list[Tensor]] = defaultdict(list)
        self._began = time.perf_counter()


def _means(sums: list[Tensor]) -> dict[str, float | None]:
    loss, guess, n = torch.stack(sums).sum(dim=0).tolist()
    return {"loss": loss / n if n else None, "guess": guess / n if n else None}
