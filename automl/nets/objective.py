"""What a net minimises, and how its output becomes a prediction."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from automl.task import Task

_ABSOLUTE = frozenset({"mae", "median_absolute_error", "mape"})


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """Loss of a net and meaning of its output.

    Regression targets are standardised; predictions are kept within the range of training targets (RealMLP, arXiv
    2407.04491). Errors are absolute where the metric is, squared otherwise.

    Attributes:
        n_classes: 0 for regression.
        absolute: Absolute instead of squared errors.
        center, spread: Of the target.
        low, high: Range of the target.
        smoothing: Label smoothing: worse for probabilities, hence 0 unless asked for.
    """

    n_classes: int
    absolute: bool = False
    center: float = 0.0
    spread: float = 1.0
    low: float = 0.0
    high: float = 0.0
    smoothing: float = 0.0

    @property
    def d_out(self) -> int:
        """Outputs of the net."""
        return self.n_classes or 1

    def encode(self, y: NDArray[Any]) -> Tensor:
        """(n_rows,) class codes as int64, or standardised values as float32."""
        if self.n_classes:
            return torch.from_numpy(y.astype(np.int64))
        return torch.from_numpy(((y - self.center) / self.spread).astype(np.float32))

    def loss(self, out: Tensor, y: Tensor, weights: Tensor | None) -> Tensor:
        """Mean loss; the members of an ensemble are trained each for itself.

        Args:
            out: (n_rows, d_out) or (n_rows, k, d_out).
            y: (n_rows,) encoded.
            weights: (n_rows,), or None for equal ones.
        """
        losses = self._losses(out.float().reshape(len(y), -1, self.d_out), y).mean(dim=1)
        return losses.mean() if weights is None else (losses * weights).mean()

    def _losses(self, out: Tensor, y: Tensor) -> Tensor:
        k = out.shape[1]
        if self.n_classes:
            target = y.repeat_interleave(k)
            flat = out.reshape(-1, self.n_classes)
            return functional.cross_entropy(flat, target, reduction="none", label_smoothing=self.smoothing).reshape(
                -1, k
            )
        error = out[:, :, 0] - y[:, None]
        return error.abs() if self.absolute else error.square()

    def decode(self, out: Tensor) -> Tensor:
        """Predictions, float64 on the CPU: (n_rows, n_classes) probabilities or (n_rows,) values; of members, means."""
        out = out.cpu().double().reshape(len(out), -1, self.d_out)
        if self.n_classes:
            return out.softmax(dim=2).mean(dim=1)
        values = out[:, :, 0].mean(dim=1) * self.spread + self.center
        return values.clamp(self.low, self.high)


def objective(task: Task, y: NDArray[Any], smoothing: float = 0.0) -> Objective:
    """The objective that fits a task and its training targets, (n_rows,)."""
    if task.is_classification:
        return Objective(n_classes=len(task.classes), smoothing=smoothing)
    return Objective(
        n_classes=0,
        absolute=task.metric in _ABSOLUTE,
        center=float(y.mean()),
        spread=float(y.std()) or 1.0,
        low=float(y.min()),
        high=float(y.max()),
    )
