from __future__ import annotations

import doctest
import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.nets.layers import (
    CategoryEmbedding,
    NTKLinear,
    ParametricActivation,
    PeriodicEmbedding,
)
from automl.nets.objective import Objective
from automl.nets.preprocess import InputSizes
from automl.nets.realmlp import RealMLP, RealMLPConfig
from automl.nets.tabm import BatchEnsembleLinear, PiecewiseLinearEmbedding, TabM, TabMConfig

SIZES = InputSizes(d_num=3, d_flag=2, n_categories=(12, 15))
CLASSES = Objective(n_classes=3)
VALUES = Objective(n_classes=0, low=-10, high=10)
NETS = pytest.mark.parametrize(
    "make",
    [
        lambda d_out: RealMLP(SIZES, d_out, RealMLPConfig(width=32, dropout=0.0)),
        lambda d_out: RealMLP(SIZES, d_out, RealMLPConfig(width=32, embed_numbers=False, activation="mish")),
        lambda d_out: TabM(SIZES, d_out, TabMConfig(k=4, width=32, n_bins=8)),
    ],
    ids=["realmlp", "realmlp-s", "tabm"],
)


def inputs(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    flags = torch.randint(0, 2, (n, 2)).float()
    return torch.randn(n, 3), flags, torch.stack([torch.randint(0, 12, (n,)), torch.randint(0, 15, (n,))], dim=1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", ["layers", "realmlp", "tabm", "vision", "sound", "sequences", "language", "fusion"])
def test_examples_in_docstrings_hold(name: str):
    module = importlib.import_module(f"automl.nets.{name}")
    outcome = doctest.testmod(module, extraglobs={"torch": torch})
    assert outcome.attempted > 0
    assert outcome.failed == 0


@NETS
@pytest.mark.parametrize("objective", [CLASSES, VALUES], ids=["classes", "values"])
def test_overfits_a_tiny_table(make, objective: Objective):
    n = 16
    x = inputs(n)
    y = torch.arange(n) % 3 if objective.n_classes else torch.randn(n)
    net = make(objective.d_out)
    net.fit_initial(*x)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(250):
        optimizer.zero_grad()
        loss = objective.loss(net(*x), y, None)
        loss.backward()
        optimizer.step()
    assert loss < 0.02


@NETS
def test_every_parameter_gets_a_gradient_and_belongs_to_one_group(make):
    net = make(3)
    x = inputs(64)
    net.fit_initial(*x)
    CLASSES.loss(net(*x), torch.arange(64) % 3, None).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    grouped = [id(p) for group in net.parameter_groups() for p in group.parameters]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())


@NETS
def test_rows_do_not_see_each_other(make):
    net = make(3).eval()
    x = inputs(20)
    net.fit_initial(*x)
    out = net(*x)
    torch.testing.assert_close(net(*(t[7:8] for t in x)), out[7:8])


@NETS
def test_an_unknown_category_and_a_missing_number_are_finite(make):
    net = make(1)
    net.fit_initial(*inputs(30))
    out = net(torch.full((2, 3), 1e3), torch.zeros(2, 2), torch.zeros(2, 2, dtype=torch.int64))
    assert out.isfinite().all()


def test_initial_outputs_have_unit_deviation_and_kinks_amid_the_data():
    layer = NTKLinear(5, 40)
    x = 100 * torch.randn(500, 5) + 30
    out = layer.fit_initial(x)
    torch.testing.assert_close(layer(x), out, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(out.std(dim=0, correction=0), torch.ones(40), atol=1e-3, rtol=1e-3)
    assert ((out > 0).any(dim=0) & (out < 0).any(dim=0)).all()


def test_a_parametric_activation_runs_from_the_identity_to_its_function():
    layer = ParametricActivation(2, "selu")
    x = torch.randn(4, 2)
    torch.testing.assert_close(layer(x), torch.nn.functional.selu(x))
    torch.nn.init.zeros_(layer.mix)
    torch.testing.assert_close(layer(x), x)
    with pytest.raises(ValueError, match="relu"):
        ParametricActivation(2, "relu")


def test_periodic_embeddings_keep_the_number_and_columns_apart():
    layer = PeriodicEmbedding(3)
    x = torch.randn(5, 3)
    out = layer(x)
    torch.testing.assert_close(out[:, :3], x)
    other = x.clone()
    other[:, 2] += 1
    changed = (layer(other) != out).any(dim=0)
    assert changed.nonzero().flatten().tolist() == [2, *range(9, 12)]


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 60), st.integers(1, 8), st.floats(-5, 5))
def test_piecewise_linear_codes_rise_with_the_number_and_add_up(n: int, n_bins: int, low: float):
    layer = PiecewiseLinearEmbedding(1, n_bins, 4)
    layer.fit_initial(torch.linspace(low, low + 3, n)[:, None])
    x = torch.linspace(low - 1, low + 4, 101)[:, None]
    total = layer.encode(x).sum(dim=2)[:, 0]
    assert (total.diff() >= -1e-4).all()
    inside = (x[:, 0] >= low) & (x[:, 0] <= low + 3)
    assert (total[inside] >= -1e-3).all()
    assert (total[inside] <= n_bins + 1e-3).all()


def test_a_constant_column_has_no_bins():
    layer = PiecewiseLinearEmbedding(1, 4, 2)
    layer.fit_initial(torch.full((9, 1), 2.0))
    assert layer.encode(torch.tensor([[2.0], [1e30]])).eq(0).all()


def test_the_unknown_category_is_zero_and_learns_nothing():
    layer = CategoryEmbedding([3, 4], 2)
    out = layer(torch.tensor([[0, 3], [2, 0]]))
    assert out[0, :2].eq(0).all()
    assert out[1, 2:].eq(0).all()
    assert out[0, 2:].ne(0).all()
    out.sum().backward()
    assert layer.weight.grad[[0, 3]].eq(0).all()


def test_members_of_a_batch_ensemble_are_linear_layers_of_their_own():
    layer = BatchEnsembleLinear(3, 2, k=4)
    torch.nn.init.normal_(layer.r)
    torch.nn.init.normal_(layer.s)
    x = torch.randn(6, 4, 3)
    out = layer(x)
    for i in range(4):
        weight = layer.s[i, :, None] * layer.weight * layer.r[i]
        torch.testing.assert_close(out[:, i], x[:, i] @ weight.T + layer.bias[i])
    with pytest.raises(ValueError, match="shape"):
        layer(x[:, :2])


def test_members_start_apart():
    net = TabM(SIZES, 3, TabMConfig(k=4, width=16)).eval()
    x = inputs(5)
    net.fit_initial(*x)
    out = net(*x)
    assert (out[:, 0] - out[:, 1]).abs().min() > 0
