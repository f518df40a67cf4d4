"""Nets over windows of earlier rows: they learn order, ignore what is unknown, and read rows by themselves."""

from __future__ import annotations

import doctest
import time

import numpy as np
import pytest
import torch
from torch.nn import functional

from automl.errors import Unsuitable
from automl.families.seriesnet import FAMILY
from automl.family import Limits, Rows
from automl.features import Features, Layout
from automl.nets import series
from automl.nets.inputs import Inputs
from automl.nets.series import ConvSeries, RecurrentSeries
from automl.plan import Hardware
from automl.profile import Profile, Shape
from automl.task import History, Task

HISTORY = History(window=6, columns=("heat", "load"))
TASK = Task(kind="binary", target="y", metric="roc_auc", classes=("no", "yes"), history=HISTORY)
NAMES = tuple(name for column in HISTORY.columns for name in HISTORY.lags(column))
LAYOUT = Layout(columns=(*NAMES, "other"), num_names=(*NAMES, "other"), num_sources=tuple(range(len(NAMES) + 1)))
NETS = pytest.mark.parametrize("net", [RecurrentSeries, ConvSeries])


def rows(n: int, seed: int = 0) -> Rows:
    """Whether heat peaked late in the window, which no single moment tells."""
    rng = np.random.default_rng(seed)
    window = 0.3 * rng.normal(size=(n, 2, HISTORY.window))
    peak = rng.integers(0, HISTORY.window, n)
    window[np.arange(n), 0, peak] += 3
    window[rng.random(window.shape) < 0.05] = np.nan
    x_num = np.concatenate([window.reshape(n, -1), rng.normal(size=(n, 1))], axis=1).astype(np.float32)
    return Rows(Features(x_num, np.zeros((n, 0), np.int32), LAYOUT), (peak >= HISTORY.window // 2).astype(np.int64))


def test_examples_in_docstrings_hold() -> None:
    outcome = doctest.testmod(series, extraglobs={"torch": torch})
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_a_series_is_put_together_of_the_columns_of_the_window() -> None:
    x = rows(4).x
    inputs = Inputs(frozenset({"series"}), history=HISTORY).fit(x)
    found = inputs.transform(x)
    assert found[0].shape == (4, HISTORY.window, 2)
    np.testing.assert_array_equal(found[0][:, :, 0], x.x_num[:, : HISTORY.window])
    assert inputs.sizes.blocks[0].kind == "series"
    assert Inputs(frozenset({"series"})).fit(x).sizes.blocks == ()


@NETS
def test_overfits_a_few_windows_and_every_weight_learns(net: type[RecurrentSeries | ConvSeries]) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(16, 6, 2), torch.arange(16) % 2
    module = torch.nn.Sequential(net((6, 2), width=16), torch.nn.Linear(64, 2))
    module[0].fit_initial(x)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(120):
        optimiser.zero_grad()
        loss = functional.cross_entropy(module(x), y)
        loss.backward()
        optimiser.step()
    assert loss < 0.05
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in module.parameters())


@NETS
def test_what_is_unknown_is_finite_and_rows_stand_for_themselves(net: type[RecurrentSeries | ConvSeries]) -> None:
    torch.manual_seed(0)
    module = net((6, 2), width=8).eval()
    x = torch.randn(5, 6, 2)
    x[1] = torch.nan
    x[2, :3, 0] = torch.nan
    module.fit_initial(x)
    out = module(x)
    assert out.isfinite().all()
    torch.testing.assert_close(module(x[2:3])[0], out[2])


@pytest.mark.parametrize(
    "params",
    FAMILY.default(
        Profile(
            source="s",
            n_rows=600,
            n_rows_profiled=600,
            memory_bytes=0,
            modality="tabular",
            columns=(),
            shape=Shape(n_rows=600, d_num=13, d_cat=0, n_levels=0, n_outputs=2),
        )
    ),
    ids=lambda p: p["series"],
)
def test_the_family_learns_order_and_loads_what_it_saved(params: dict[str, object]) -> None:
    train, valid, test = rows(600), rows(200, seed=1), rows(300, seed=2)
    model = FAMILY.build({**params, "n_epochs": 20}, TASK, LAYOUT)
    model.fit(train, valid, Limits(deadline=time.monotonic() + 60))
    prediction = model.predict(test.x)
    assert ((prediction[:, 1] > 0.5) == test.y).mean() > 0.9
    again = FAMILY.build({**params, "n_epochs": 20}, TASK, LAYOUT)
    again.load(model.save())
    np.testing.assert_array_equal(again.predict(test.x), prediction)


def test_rows_without_a_past_are_refused() -> None:
    shape = Shape(n_rows=600, d_num=13, d_cat=0, n_levels=0, n_outputs=2)
    told = Profile(
        source="s", n_rows=600, n_rows_profiled=600, memory_bytes=0, modality="tabular", columns=(), shape=shape
    )
    plain = Task(kind="binary", target="y", metric="roc_auc", classes=("no", "yes"))
    assert "--window" in (FAMILY.eligible(told, plain) or "")
    assert FAMILY.eligible(told, TASK) is None
    assert FAMILY.cost(told, FAMILY.default(told)[0], Hardware(n_cores=1, memory_bytes=2**33)).seconds > 0
    lone = Layout(columns=("heat",), num_names=("heat",), num_sources=(0,))
    few = Rows(Features(np.zeros((60, 1), np.float32), np.zeros((60, 0), np.int32), lone), np.arange(60) % 2)
    with pytest.raises(Unsuitable, match="series"):
        FAMILY.build(FAMILY.default(told)[0], TASK, lone).fit(few, few, Limits(deadline=time.monotonic() + 20))
