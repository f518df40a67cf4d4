"""Rule tasks: a few columns settle the target by a crisp rule, all others are noise.

Here no column tells anything by itself, or a table has to be learned by heart: what greedy trees miss.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pretraining.draw import Draw, at

RULES = ("xor", "parity", "lookup", "product", "tree")
_N_RELEVANT = 3
_N_LEVELS, _MOST_CLASSES, _DEPTH = 3, 4, 3


class RuleTasks(NamedTuple):
    """Tables by a rule.

    Shape:
        x: (n_tasks, n_rows, d), the relevant columns anywhere.
        is_category: (n_tasks, d).
        score: (n_tasks, n_rows) the target as a value.
        code: (n_tasks, n_rows) the target as a class from 0 on.
        rule: (n_tasks,) index into `RULES`.
    """

    x: Tensor
    is_category: Tensor
    score: Tensor
    code: Tensor
    rule: Tensor


def rule_tasks(draw: Draw, n_tasks: int, n_rows: int, d: int, rules: tuple[str, ...] = RULES) -> RuleTasks:
    """Tables of at least two columns; parity is of as many as there are, three at most."""
    wide = max(d, _N_RELEVANT)
    plain = draw.normal(n_tasks, n_rows, wide)
    levels = draw.below(_N_LEVELS, n_tasks, n_rows, wide)
    rule = torch.tensor([RULES.index(r) for r in rules], device=draw.device)[draw.below(len(rules), n_tasks)]
    is_lookup = (rule == RULES.index("lookup"))[:, None]
    is_binary = draw.chance(0.4, n_tasks)[:, None] & ~is_lookup
    x = torch.where(is_lookup[..., None], levels.float(), torch.where(is_binary[..., None], plain.sign(), plain))
    signs = plain.sign()
    n_asked = min(d, _N_RELEVANT)
    xor, parity = signs[:, :, :2].prod(dim=2), signs[:, :, :n_asked].prod(dim=2)
    looked_up = levels[:, :, 0] * _N_LEVELS + levels[:, :, 1]
    leaf = _leaf(draw, x[:, :, :n_asked])
    scores = [
        xor,
        parity,
        at(draw.normal(n_tasks, _N_LEVELS**2), looked_up),
        x[:, :, :2].prod(dim=2),
        at(draw.normal(n_tasks, 2**_DEPTH), leaf),
    ]
    n_classes = 2 + draw.below(_MOST_CLASSES - 1, n_tasks, 1)
    codes = [
        (xor > 0).long(),
        (parity > 0).long(),
        at(draw.below(12, n_tasks, _N_LEVELS**2) % n_classes, looked_up),
        (plain[:, :, :2].prod(dim=2) > 0).long(),
        at(draw.below(12, n_tasks, 2**_DEPTH) % n_classes, leaf),
    ]
    chosen = rule[:, None, None].expand(-1, n_rows, 1)
    score, code = (torch.stack(kinds, dim=2).gather(2, chosen)[..., 0] for kinds in (scores, codes))
    order = draw.order(n_tasks, d)
    return RuleTasks(
        x[:, :, :d].gather(2, order[:, None].expand(-1, n_rows, -1)),
        (is_lookup | (is_binary & draw.chance(0.5, n_tasks, 1))).expand(-1, d),
        score,
        code,
        rule,
    )


def _leaf(draw: Draw, x: Tensor) -> Tensor:
    """(n_tasks, n_rows) leaf of a tree that asks one question a level of the columns of x."""
    asked = draw.below(x.shape[2], len(x), 1, _DEPTH).expand(-1, x.shape[1], -1)
    answers = x.gather(2, asked) > 0.6 * draw.normal(len(x), 1, _DEPTH)
    return (answers * 2 ** torch.arange(_DEPTH, device=draw.device)).sum(dim=2)
