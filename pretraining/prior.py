"""The synthetic prior: batches of tables of one shape, generated on the device that trains on them.

Nine in ten are causal graphs, of which the least learnable are left out; one in ten is a rule among noise columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from automl.nets.incontext import Kind
from pretraining.columns import observed
from pretraining.draw import Draw, at, ranked, standardised
from pretraining.graphs import causal_nodes
from pretraining.rules import RULES, RuleTasks, rule_tasks

RULE_SHARE, CLASS_SHARE = 0.1, 0.6
_SPARE = 1.25
_N_TARGET_NODES = 3
_N_FEATURES = 48


@dataclass(frozen=True, slots=True)
class TaskShape:
    """The shape of all tables of a batch."""

    kind: Kind
    n_tasks: int
    n_rows: int
    n_context: int
    d: int


class Tasks(NamedTuple):
    """Tables to learn from; the first `n_context` rows are labelled.

    Shape:
        x: (n_tasks, n_rows, d) numbers and codes, NaN where missing.
        is_category: (n_tasks, d).
        y: (n_tasks, n_rows) int64 label codes drawn at random, or values standardised by the context.
        is_rule: (n_tasks,).
    """

    shape: TaskShape
    x: Tensor
    is_category: Tensor
    y: Tensor
    is_rule: Tensor


@dataclass(frozen=True, slots=True)
class Prior:
    """What tables are drawn.

    Attributes:
        n_codes: Label codes to draw from, and so the most classes.
        rule_share: Share of rule tasks.
        rules: Names in `RULES`.
    """

    n_codes: int
    rule_share: float = RULE_SHARE
    rules: tuple[str, ...] = RULES

    def draw(self, shape: TaskShape, seed: int, device: torch.device) -> Tasks:
        """A batch; the same seed gives the same batch on the same kind of device."""
        draw = Draw(seed, device)
        expected = self.rule_share * shape.n_tasks
        n_rules = int(expected) + (draw.python.random() < expected % 1)
        parts = []
        if n_rules < shape.n_tasks:
            parts.append(self._causal(draw, shape, shape.n_tasks - n_rules))
        if n_rules:
            parts.append(self._by_rule(draw, shape, n_rules))
        x, is_category, y = (torch.cat(each) for each in zip(*parts, strict=True))
        is_rule = torch.arange(shape.n_tasks, device=device) >= shape.n_tasks - n_rules
        return Tasks(shape, x, is_category, y, is_rule)

    def _causal(self, draw: Draw, shape: TaskShape, n_tasks: int) -> tuple[Tensor, Tensor, Tensor]:
        n_drawn = max(n_tasks + 1, round(_SPARE * n_tasks))
        n_nodes = shape.d + _N_TARGET_NODES + draw.python.randrange(shape.d + 4)
        nodes = causal_nodes(draw, n_drawn, n_nodes, draw.python.randint(2, 5), shape.n_rows)
        targets, clean = _chosen(draw, nodes, shape.d)
        x, is_category = observed(draw, clean)
        y = _classes(draw, targets, self.n_codes) if shape.kind == "classes" else _values(draw, targets[:, 0])
        kept = learnability(draw, clean, self._vectors(draw, y, shape), shape.n_context).topk(n_tasks).indices
        return x[kept], is_category[kept], self._labels(draw, y[kept], shape)

    def _by_rule(self, draw: Draw, shape: TaskShape, n_tasks: int) -> tuple[Tensor, Tensor, Tensor]:
        tasks: RuleTasks = rule_tasks(draw, n_tasks, shape.n_rows, shape.d, self.rules)
        if shape.kind == "values":
            noise = draw.log_uniform(n_tasks, 1, low=0.01, high=0.3)
            y = standardised(tasks.score) + noise * draw.normal(n_tasks, shape.n_rows)
        else:
            y = _with_wrong_labels(draw, tasks.code, 0.05)
        return tasks.x, tasks.is_category, self._labels(draw, y, shape)

    def _vectors(self, draw: Draw, y: Tensor, shape: TaskShape) -> Tensor:
        """(n_tasks, n_rows, d_target) labels as what can be regressed on: a random vector a class, or the value."""
        if shape.kind == "values":
            return standardised(y)[..., None]
        table = draw.normal(len(y), self.n_codes, _N_TARGET_NODES)
        return table.gather(1, y[..., None].expand(-1, -1, _N_TARGET_NODES))

    def _labels(self, draw: Draw, y: Tensor, shape: TaskShape) -> Tensor:
        """Codes drawn anew for the classes of each table; values standardised by the labelled rows."""
        if shape.kind == "classes":
            return at(draw.order(len(y), self.n_codes), y)
        context = y[:, : shape.n_context]
        center, spread = context.mean(dim=1, keepdim=True), context.std(dim=1, keepdim=True)
        return (y - center) / spread.clamp(min=1e-6)


def _chosen(draw: Draw, nodes: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Nodes that make the target, out of the later half, which has causes; and d others."""
    n_tasks, n_nodes, _ = nodes.shape
    order = draw.order(n_tasks, n_nodes)
    order = at(order, (order >= n_nodes // 2).long().argsort(dim=1, descending=True, stable=True))
    others = at(order[:, _N_TARGET_NODES:], draw.order(n_tasks, n_nodes - _N_TARGET_NODES))[:, :d]
    each = torch.arange(n_tasks, device=draw.device)[:, None]
    return nodes[each, order[:, :_N_TARGET_NODES]], nodes[each, others]


def _classes(draw: Draw, targets: Tensor, n_codes: int) -> Tensor:
    """(n_tasks, n_rows) classes: pieces of one node, or the nearest of some centres among three.

    Half of the tables have two classes, a tenth more than ten.
    """
    n_tasks, _, n_rows = targets.shape
    few, many = 3 + draw.below(8, n_tasks, 1), 11 + draw.below(max(1, n_codes - 10), n_tasks, 1)
    fate = draw.uniform(n_tasks, 1)
    n_classes = torch.where(fate < 0.5, 2, torch.where(fate < 0.9, few, many)).clamp(max=min(n_codes, n_rows // 4))
    is_used = torch.arange(n_codes, device=draw.device) < n_classes
    sizes = draw.log_uniform(n_tasks, n_codes, low=0.1, high=1.0) ** (1.5 * draw.uniform(n_tasks, 1)) * is_used
    edges = (sizes / sizes.sum(dim=1, keepdim=True)).cumsum(dim=1)
    pieces = torch.searchsorted(edges[:, :-1].contiguous(), ranked(targets[:, 0]))
    centers = targets[:, :, :n_codes] if n_rows >= n_codes else targets.repeat(1, 1, n_codes)[:, :, :n_codes]
    gaps = torch.cdist(targets.transpose(1, 2), centers.transpose(1, 2))
    nearest = gaps.masked_fill(~is_used[:, None], torch.inf).argmin(dim=2)
    y = torch.where(draw.chance(0.7, n_tasks, 1), pieces.clamp(max=n_codes - 1), nearest)
    return _with_wrong_labels(draw, y, 0.1)


def _with_wrong_labels(draw: Draw, y: Tensor, most: float) -> Tensor:
    """Up to so large a share of labels taken from another row, in half of the tables."""
    share = draw.uniform(len(y), 1, high=most) * draw.chance(0.5, len(y), 1)
    return torch.where(draw.chance(share, *y.shape), y.gather(1, draw.order(*y.shape)), y)


def _values(draw: Draw, target: Tensor) -> Tensor:
    """(n_tasks, n_rows) values: a node as it is, exponential, or a signed power."""
    strength = draw.log_uniform(len(target), 1, low=0.2, high=1.0)
    fate = draw.uniform(len(target), 1)
    power = target.sign() * target.abs().pow(1 + strength)
    return torch.where(fate < 0.2, torch.exp(strength * target), torch.where(fate < 0.35, power, target))


def learnability(draw: Draw, clean: Tensor, target: Tensor, n_context: int) -> Tensor:
    """(n_tasks,) share of variance that a ridge regression on random waves and columns explains in the query rows.

    Args:
        clean: (n_tasks, d, n_rows) what columns were before they were observed.
        target: (n_tasks, n_rows, d_target).
    """
    n_tasks, d, _ = clean.shape
    phase = draw.uniform(n_tasks, _N_FEATURES, 1, high=2 * torch.pi)
    waves = torch.cos(draw.normal(n_tasks, _N_FEATURES, d) @ clean / d**0.5 + phase)
    design = torch.cat([clean, waves, torch.ones_like(clean[:, :1])], dim=1).mT
    center = target[:, :n_context].mean(dim=1, keepdim=True)
    seen, told = design[:, :n_context], target[:, :n_context] - center
    gram = seen.mT @ seen + torch.eye(design.shape[2], device=draw.device) * (0.01 * n_context)
    coefficients = torch.linalg.solve(gram, seen.mT @ told)
    rest = target[:, n_context:] - center
    error = rest - design[:, n_context:] @ coefficients
    explained = 1 - error.square().sum(dim=(1, 2)) / rest.square().sum(dim=(1, 2)).clamp(min=1e-6)
    share: Tensor = explained.nan_to_num(-1.0)
    return share
