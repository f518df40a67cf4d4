from __future__ import annotations

import pytest
import torch

from pretraining.draw import Draw, at, ranked, standardised
from pretraining.graphs import causal_nodes
from pretraining.objective import guessing_losses, task_losses
from pretraining.prior import Prior, Tasks, TaskShape, learnability
from pretraining.rules import RULES, rule_tasks
from pretraining.sizes import SIZES
from pretraining.trainer import schedule

CPU = torch.device("cpu")
KINDS = pytest.mark.parametrize("kind", ["classes", "values"])


def drawn(kind: str, seed: int = 0, n_codes: int = 16, **shape: int) -> Tasks:
    made = {"n_tasks": 24, "n_rows": 96, "n_context": 64, "d": 6} | shape
    return Prior(n_codes).draw(TaskShape(kind, **made), seed, CPU)  # type: ignore[arg-type]


@KINDS
@pytest.mark.parametrize("shape", [{}, {"d": 2}, {"d": 40, "n_tasks": 8}, {"n_rows": 32, "n_context": 16}])
def test_tables_are_of_the_shape_that_was_asked_for(kind: str, shape: dict[str, int]):
    tasks = drawn(kind, **shape)
    told = tasks.shape
    assert tasks.x.shape == (told.n_tasks, told.n_rows, told.d)
    assert tasks.is_category.shape == (told.n_tasks, told.d)
    assert tasks.y.shape == (told.n_tasks, told.n_rows)
    assert not tasks.x.isinf().any()
    assert not tasks.y.isnan().any()
    if kind == "classes":
        assert tasks.y.min() >= 0
        assert tasks.y.max() < 16
    else:
        context = tasks.y[:, : told.n_context]
        torch.testing.assert_close(context.mean(dim=1), torch.zeros(told.n_tasks), rtol=0, atol=1e-3)
        torch.testing.assert_close(context.std(dim=1), torch.ones(told.n_tasks), rtol=0, atol=1e-2)


@KINDS
def test_a_seed_is_a_batch(kind: str):
    first, again, other = drawn(kind, 1), drawn(kind, 1), drawn(kind, 2)
    torch.testing.assert_close(first.x, again.x, equal_nan=True)
    torch.testing.assert_close(first.y, again.y)
    assert not torch.equal(first.y, other.y)


def test_tables_are_as_messy_as_real_ones():
    batches = [drawn("classes", seed) for seed in range(8)]
    gaps = torch.cat([tasks.x.isnan().float().mean(dim=(1, 2)) for tasks in batches])
    assert 0.1 < (gaps > 0).float().mean() < 0.7
    categories = torch.cat([tasks.is_category.float().mean(dim=1) for tasks in batches])
    assert 0.1 < categories.mean() < 0.7
    assert (categories == 0).any()
    n_classes = [len(y.unique()) for tasks in batches for y in tasks.y]
    assert min(n_classes) == 2
    assert max(n_classes) > 8
    codes = [x[:, is_category] for tasks in batches for x, is_category in zip(tasks.x, tasks.is_category, strict=True)]
    known = torch.cat([part[part.isfinite()] for part in codes])
    assert (known == known.round()).all()
    assert known.max() > 15, "no column of many levels"
    assert 0.05 < torch.cat([tasks.is_rule for tasks in batches]).float().mean() < 0.2


def test_effects_follow_from_causes():
    nodes = causal_nodes(Draw(0, CPU), 64, 12, 3, 200)
    torch.testing.assert_close(nodes.std(dim=2), torch.ones(64, 12), rtol=0, atol=1e-3)
    together = torch.stack([torch.corrcoef(table).abs() for table in nodes])
    roots, effects = together[:, :4, :4], together[:, :4, 4:]
    assert effects.mean() > 1.5 * (roots.sum() - 64 * 4) / (64 * 12), "effects are no closer to roots than roots are"


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_settles_the_target_by_three_columns_at_most(rule: str):
    tasks = rule_tasks(Draw(3, CPU), 16, 4_000, 3, (rule,))
    cells = torch.where(tasks.is_category[:, None], tasks.x, (tasks.x * 4).round())
    for x, code in zip(cells.long(), tasks.code, strict=True):
        _, place = torch.unique(x, dim=0, return_inverse=True)
        counts = torch.zeros(int(place.max()) + 1, int(code.max()) + 1).index_put_(
            (place, code), torch.ones(len(code)), accumulate=True
        )
        assert counts.max(dim=1).values.sum() / len(code) > 0.75, "cells that are alike have targets that differ"


def test_xor_says_nothing_by_one_column_and_all_by_two():
    tasks = rule_tasks(Draw(0, CPU), 8, 2_000, 4, ("xor",))
    signs = tasks.x.sign()
    for x, code in zip(signs, tasks.code, strict=True):
        target = 2 * code.float() - 1
        assert (x * target[:, None]).mean(dim=0).abs().max() < 0.1
        pairs = torch.stack([(x[:, i] * x[:, j] * target).mean() for i in range(4) for j in range(i)])
        assert pairs.abs().max() > 0.99


def test_noise_is_less_learnable_than_a_signal():
    draw = Draw(0, CPU)
    clean = draw.normal(10, 4, 200)
    signal, noise = clean[:, 0, :, None] ** 2, draw.normal(10, 200, 1)
    told = learnability(draw, clean, torch.cat([signal[:5], noise[5:]]), 150)
    assert told[:5].min() > 0.5
    assert told[5:].max() < 0.1


def test_draws_help_themselves():
    assert at(torch.tensor([[5, 6, 7]]), torch.tensor([[2, 0]])).tolist() == [[7, 5]]
    assert ranked(torch.tensor([3.0, 1.0, 1.0, 9.0])).tolist() == [0.625, 0.25, 0.25, 0.875]
    assert standardised(torch.tensor([[4.0, 4.0]])).tolist() == [[0, 0]]


@KINDS
def test_guessing_is_the_loss_of_knowing_the_labels_only(kind: str):
    from automl.nets.incontext import InContextNet

    torch.manual_seed(0)
    net, tasks = InContextNet(SIZES["toy"].net), drawn(kind)
    y = tasks.y[:, :64]

    def marginal(kind, context, labels, query, ids):
        told = torch.nn.functional.one_hot(y, 16).float() if kind == "classes" else net.spread(y)
        mean = told.mean(dim=1, keepdim=True).expand(-1, 32, -1)
        return mean if kind == "classes" else mean.clamp(min=1e-9).log()

    torch.testing.assert_close(task_losses(marginal, net, tasks, 0), guessing_losses(net, tasks), rtol=1e-3, atol=1e-4)


def test_batches_have_about_as_many_cells():
    for size in SIZES.values():
        shapes = [size.task_shape(0, step) for step in range(200)]
        cells = [shape.n_tasks * shape.n_rows * (shape.d + size.net.n_summaries) for shape in shapes]
        assert max(cells) <= 1.1 * size.cells
        assert {shape.kind for shape in shapes} == {"classes", "values"}
        assert all(8 <= shape.n_context < shape.n_rows for shape in shapes)
        assert shapes == [size.task_shape(0, step) for step in range(200)]


def test_the_rate_goes_up_and_then_down():
    rates = [schedule(progress / 100) for progress in range(101)]
    assert rates[2] == max(rates) == 1.0
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[100] == pytest.approx(0.02)
    assert 0 < rates[0] < 0.1
