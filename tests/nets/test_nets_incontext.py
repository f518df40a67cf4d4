from __future__ import annotations

import doctest
import importlib

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from automl.nets.cells import describe_cells, read_columns
from automl.nets.incontext import InContextNet, new_net
from automl.nets.incontext_sizes import (
    D_CELL_INPUT,
    D_COLUMN_ID,
    InContextConfig,
    answering_products,
    reading_products,
)

CONFIG = InContextConfig(
    d_cell=16, d_row=32, n_summaries=2, n_points=4, n_cell_blocks=2, n_row_blocks=2, n_heads=4, n_kv_heads=2, n_codes=8
)
KINDS = pytest.mark.parametrize("kind", ["classes", "values"])
N_CONTEXT, N_QUERY, D = 30, 12, 4
NAN = float("nan")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def net() -> InContextNet:
    made = new_net(CONFIG).eval()
    torch.nn.init.normal_(made.correction.weight, std=0.1)  # which begins at zero
    return made


def problem(kind: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cells of labelled rows, their labels, cells of others, ids of columns."""
    cells = torch.randn(1, N_CONTEXT + N_QUERY, D, D_CELL_INPUT)
    y = torch.randint(0, 3, (1, N_CONTEXT)) if kind == "classes" else torch.randn(1, N_CONTEXT)
    return cells[:, :N_CONTEXT], y, cells[:, N_CONTEXT:], torch.randn(1, D, D_COLUMN_ID)


def described(x: torch.Tensor, is_category: torch.Tensor) -> torch.Tensor:
    return describe_cells(x, read_columns(x[:, :N_CONTEXT], is_category))


@pytest.mark.parametrize("name", ["attention", "incontext"])
def test_examples_in_docstrings_hold(name: str):
    outcome = doctest.testmod(importlib.import_module(f"automl.nets.{name}"), extraglobs={"torch": torch})
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_probabilities_add_up_to_one_and_are_of_labels_there_are():
    context, y, query, ids = problem("classes")
    said = net()("classes", context, y, query, ids)
    torch.testing.assert_close(said.sum(dim=2), torch.ones(1, N_QUERY))
    assert (said[:, :, :3] > 0).all()
    assert (said[:, :, 3:] == 0).all()


@KINDS
@torch.inference_mode()
def test_the_order_of_rows_and_of_columns_does_not_matter(kind):
    made, (context, y, query, ids) = net(), problem(kind)
    said = made(kind, context, y, query, ids)
    rows, columns, asked = torch.randperm(N_CONTEXT), torch.randperm(D), torch.randperm(N_QUERY)
    torch.testing.assert_close(made(kind, context[:, rows], y[:, rows], query, ids), said, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        made(kind, context[:, :, columns], y, query[:, :, columns], ids[:, columns]), said, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(made(kind, context, y, query[:, asked], ids), said[:, asked], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(made(kind, context, y.flip(1), query, ids), said, atol=1e-3), "labels do not count"


@KINDS
@torch.inference_mode()
def test_what_was_read_once_answers_for_any_rows(kind):
    made, (context, y, query, ids) = net(), problem(kind)
    memory = made.read(kind, context, y, ids)
    parts = [made.answer(query[:, part], memory, ids) for part in (slice(0, 5), slice(5, None))]
    torch.testing.assert_close(torch.cat(parts, dim=1), made(kind, context, y, query, ids), rtol=1e-4, atol=1e-5)


def test_a_spread_value_is_the_mean_of_its_points():
    made = net()
    values = torch.tensor([[-3.0, -0.01, 0.0, 0.7, 5.0]])
    spread = made.spread(values)
    torch.testing.assert_close(spread @ made.support, values)
    torch.testing.assert_close(made.spread(torch.tensor([1e9])) @ made.support, made.support[-1:])


def test_neither_unit_nor_origin_of_a_number_matters():
    x = torch.randn(1, N_CONTEXT + N_QUERY, D)
    numbers = torch.zeros(1, D, dtype=torch.bool)
    torch.testing.assert_close(described(1000 * x + 7, numbers), described(x, numbers), rtol=1e-3, atol=1e-3)


def test_missing_and_unknown_cells_are_told_apart():
    x = torch.arange(float(N_CONTEXT + 3))[None, :, None].repeat(1, 1, 2) % 5
    x[0, N_CONTEXT:, :] = torch.tensor([[NAN, NAN], [99.0, 99.0], [2.0, 2.0]])
    cells = described(x, torch.tensor([[False, True]]))
    assert cells.isfinite().all()
    share, missing, category = cells[0, N_CONTEXT:, :, 2], cells[0, N_CONTEXT:, :, 3], cells[0, N_CONTEXT:, :, 4]
    assert missing.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert category.tolist() == [[0, 0], [0, 1], [0, 1]]
    torch.testing.assert_close(share, torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.2, 0.2]]))
    rank = cells[0, :N_CONTEXT, 0, 1]
    assert rank.unique().tolist() == pytest.approx([-0.8, -0.4, 0, 0.4, 0.8], abs=1e-6)


@pytest.mark.parametrize("is_category", [False, True])
@pytest.mark.parametrize("column", [[NAN] * 4, [3.0] * 4, [1.0, NAN, NAN, NAN]])
def test_odd_columns_give_finite_cells(column, is_category):
    x = torch.tensor(column)[None, :, None].repeat(1, 2, 1)
    assert describe_cells(x, read_columns(x[:, :4], torch.tensor([[is_category]]))).isfinite().all()


def test_huge_numbers_give_finite_cells():
    x = torch.tensor([3e38, -3e38, 1e-38, 0.0, NAN])[None, :, None]
    assert describe_cells(x, read_columns(x, torch.tensor([[False]]))).isfinite().all()


def test_codes_of_a_category_have_waves_of_their_own():
    x = torch.arange(300.0)[None, :, None]
    waves = described(x, torch.tensor([[True]]))[0, :, 0, -16:]
    nearest = torch.cdist(waves, waves).fill_diagonal_(9.0).min()
    assert nearest > 0.5


@pytest.mark.slow
def test_compiled_it_is_a_graph_a_kind_whatever_the_shape():
    made, graphs = net(), []

    def backend(graph, _inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(made, dynamic=True, backend=backend, fullgraph=True)
    for n, d in ((12, 3), (20, 5), (31, 4), (40, 7)):
        for kind in ("classes", "values"):
            cells, ids = torch.randn(4, n, d, D_CELL_INPUT), torch.randn(4, d, D_COLUMN_ID)
            y = torch.randint(0, 3, (4, n - 5)) if kind == "classes" else torch.randn(4, n - 5)
            asked = kind, cells[:, :-5], y, cells[:, -5:], ids
            torch.testing.assert_close(compiled(*asked), made(*asked))
    assert len(graphs) <= 4


@pytest.mark.parametrize(("n", "d"), [(64, 5), (512, 3)])
def test_products_are_counted_as_they_are_done(n: int, d: int):
    made, ids = InContextNet(InContextConfig()), torch.randn(1, d, D_COLUMN_ID)
    cells, y = torch.randn(1, n, d, D_CELL_INPUT), torch.zeros(1, n, dtype=torch.int64)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        made.answer(cells, made.read("classes", cells, y, ids), ids)
    told = reading_products(made.config, n, d) + answering_products(made.config, 2 * n, n, d)
    assert counter.get_total_flops() == pytest.approx(2 * told, rel=0.1)
