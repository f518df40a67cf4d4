"""What the net is trained to make small, beside what guessing would give."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from automl.nets.cells import describe_cells, read_columns
from automl.nets.incontext import InContextNet
from automl.nets.incontext_sizes import D_COLUMN_ID
from pretraining.draw import Draw
from pretraining.prior import Tasks

_LEAST = 1e-9


def task_losses(answer: Callable[..., Tensor], net: InContextNet, tasks: Tasks, seed: int) -> Tensor:
    """(n_tasks,) mean loss of the rows without a label, in nats.

    That is the surprise at their labels, where the context has these; for values the cross-entropy of the density at
    the support with the value, shared by the two points beside it.

    Args:
        answer: The net, or the net compiled.
        seed: Of the vectors that columns are told apart by.
    """
    shape = tasks.shape
    n_context = shape.n_context
    columns = read_columns(tasks.x[:, :n_context], tasks.is_category)
    cells = describe_cells(tasks.x, columns)
    ids = Draw(seed, tasks.x.device).normal(len(tasks.y), shape.d, D_COLUMN_ID)
    y, asked = tasks.y[:, :n_context], tasks.y[:, n_context:]
    said = answer(shape.kind, cells[:, :n_context], y, cells[:, n_context:], ids).float()
    if shape.kind == "values":
        return -(net.spread(asked) * said.log_softmax(dim=2)).sum(dim=2).mean(dim=1)
    return _surprise(said.gather(2, asked[..., None])[..., 0], y, asked, net.config.n_codes)


def guessing_losses(net: InContextNet, tasks: Tasks) -> Tensor:
    """(n_tasks,) the same of saying for every row how labels are distributed in the context."""
    y, asked = tasks.y[:, : tasks.shape.n_context], tasks.y[:, tasks.shape.n_context :]
    if tasks.shape.kind == "values":
        density = net.spread(y).mean(dim=1, keepdim=True).clamp(min=_LEAST)
        return -(net.spread(asked) * density.log()).sum(dim=2).mean(dim=1)
    shares = _counts(y, net.config.n_codes).gather(1, asked) / y.shape[1]
    return _surprise(shares, y, asked, net.config.n_codes)


def _surprise(said: Tensor, y: Tensor, asked: Tensor, n_codes: int) -> Tensor:
    """Mean over the rows whose label the context has."""
    known = _counts(y, n_codes).gather(1, asked) > 0
    return -(said.clamp(min=_LEAST).log() * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)


def _counts(y: Tensor, n_codes: int) -> Tensor:
    return torch.zeros(len(y), n_codes, device=y.device).scatter_add_(1, y, torch.ones_like(y, dtype=torch.float32))
