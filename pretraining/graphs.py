"""Random structural causal graphs: nodes are random functions of earlier nodes, of kinds that are mixed in one graph.

Source: the idea of TabPFN's prior (arXiv 2207.01848, section 4), with more kinds of functions (arXiv 2502.05564).
Tasks of a batch have graphs of their own; only the number of nodes and of layers is theirs together, so that a layer of
all graphs is a few operations on the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pretraining.draw import Draw, at, standardised

_MOST_PARENTS = 4
_N_HIDDEN, _N_WAVES, _DEPTH, _N_STEPS = 6, 8, 4, 6


def causal_nodes(draw: Draw, n_tasks: int, n_nodes: int, n_layers: int, n_rows: int) -> Tensor:
    """(n_tasks, n_nodes, n_rows) standardised values, causes before effects; the first layer has no causes."""
    sizes = [len(part) for part in torch.arange(n_nodes).tensor_split(n_layers)]
    nodes = _roots(draw, n_tasks, sizes[0], n_rows)
    for size in sizes[1:]:
        nodes = torch.cat([nodes, _effects(draw, nodes, size)], dim=1)
    return nodes


def _roots(draw: Draw, n_tasks: int, n_nodes: int, n_rows: int) -> Tensor:
    """Normal, even, heavy-tailed, clustered or discrete."""
    shape = (n_tasks, n_nodes, n_rows)
    normal, even = draw.normal(*shape), draw.uniform(*shape)
    centers = 2 * draw.normal(n_tasks, n_nodes, 5)
    clusters = at(centers, (5 * draw.uniform(*shape) ** 1.5).long().clamp(max=4))
    kinds = torch.stack(
        [normal, even, normal * torch.exp(0.7 * draw.normal(*shape)), clusters + 0.3 * normal, clusters], dim=3
    )
    return standardised(_of_kind(draw, kinds))


def _effects(draw: Draw, nodes: Tensor, n_new: int) -> Tensor:
    """A layer of nodes: functions of nodes so far, with noise."""
    n_tasks, n_old, n_rows = nodes.shape
    which = draw.below(n_old, n_tasks, n_new, _MOST_PARENTS)
    found = nodes.gather(1, which.flatten(1)[:, :, None].expand(-1, -1, n_rows))
    causes = found.reshape(n_tasks, n_new, _MOST_PARENTS, n_rows)
    # the first cause always counts, each further one less often
    counts = draw.chance(torch.tensor([1.0, 0.7, 0.4, 0.25], device=draw.device), n_tasks, n_new, _MOST_PARENTS)
    causes = causes * (counts * draw.log_uniform(n_tasks, n_new, _MOST_PARENTS, low=0.3, high=2.0))[..., None]
    kinds = [f(draw, causes) for f in (_linear, _mlp, _tree, _steps, _waves, _product)]
    clean = standardised(_of_kind(draw, torch.stack(kinds, dim=3)))
    amount = draw.log_uniform(n_tasks, n_new, 1, low=0.005, high=0.7)
    return standardised(clean + amount * draw.normal(n_tasks, n_new, n_rows))


def _of_kind(draw: Draw, kinds: Tensor) -> Tensor:
    """One of the last axis for each node: (n_tasks, n_nodes, n_rows, n_kinds) -> (n_tasks, n_nodes, n_rows)."""
    chosen = draw.below(kinds.shape[3], *kinds.shape[:2], 1, 1)
    return kinds.gather(3, chosen.expand(-1, -1, kinds.shape[2], -1))[..., 0]


def _mixed(draw: Draw, causes: Tensor, n_mixtures: int) -> Tensor:
    """(n_tasks, n_nodes, n_mixtures, n_rows) random linear mixtures of causes (n_tasks, n_nodes, n_causes, n_rows)."""
    return draw.normal(*causes.shape[:2], n_mixtures, causes.shape[2]) @ causes


def _linear(draw: Draw, causes: Tensor) -> Tensor:
    return _mixed(draw, causes, 1)[:, :, 0]


def _mlp(draw: Draw, causes: Tensor) -> Tensor:
    """A hidden layer of one of four activations."""
    shape = (*causes.shape[:2], _N_HIDDEN, 1)
    hidden = _mixed(draw, causes, _N_HIDDEN) + draw.normal(*shape)
    activations = torch.stack([hidden.tanh(), hidden.relu(), hidden.abs(), torch.exp(-hidden.square())], dim=4)
    chosen = draw.below(4, *causes.shape[:2], 1, 1, 1).expand(-1, -1, *hidden.shape[2:], -1)
    return (draw.normal(*shape) * activations.gather(4, chosen)[..., 0]).sum(dim=2)


def _tree(draw: Draw, causes: Tensor) -> Tensor:
    """A tree that asks one question a level."""
    shape = causes.shape[:2]
    asked = draw.below(causes.shape[2], *shape, _DEPTH, 1).expand(-1, -1, -1, causes.shape[3])
    answers = causes.gather(2, asked) > 0.8 * draw.normal(*shape, _DEPTH, 1)
    leaf = (answers * 2 ** torch.arange(_DEPTH, device=draw.device)[:, None]).sum(dim=2)
    return at(draw.normal(*shape, 2**_DEPTH), leaf)


def _steps(draw: Draw, causes: Tensor) -> Tensor:
    """A staircase of random heights over a mixture."""
    mixture = standardised(_mixed(draw, causes, 1)[:, :, 0])
    edges = draw.normal(*mixture.shape[:2], _N_STEPS - 1, 1)
    return at(draw.normal(*mixture.shape[:2], _N_STEPS), (mixture[:, :, None] > edges).sum(dim=2))


def _waves(draw: Draw, causes: Tensor) -> Tensor:
    """A draw of a Gaussian process by random Fourier features (Rahimi & Recht 2007); periodic where few count."""
    shape = (*causes.shape[:2], _N_WAVES, 1)
    pace = draw.log_uniform(*causes.shape[:2], 1, 1, low=0.3, high=2.5)
    phase = draw.uniform(*shape, high=2 * torch.pi)
    return (draw.normal(*shape) * torch.cos(pace * _mixed(draw, causes, _N_WAVES) + phase)).sum(dim=2)


def _product(draw: Draw, causes: Tensor) -> Tensor:
    """Of two mixtures."""
    return _mixed(draw, causes, 2).prod(dim=2)
