from __future__ import annotations

import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest

from automl.errors import Unsuitable
from automl.families.mlp import FAMILY as MLP
from automl.families.tabm import FAMILY as TABM
from automl.family import Family, Limits, Rows, State
from automl.features import Features, Layout
from automl.plan import Accelerator, Hardware
from automl.profile import Profile, Shape
from automl.space import Params, contains
from automl.task import Task

FAMILIES = pytest.mark.parametrize("family", [MLP, TABM], ids=lambda f: f.name)
QUICK: Params = {"n_epochs": 6, "batch_size": 64, "width": 32}
BINARY = Task(kind="binary", target="y", metric="roc_auc", classes=("no", "yes"))
MULTICLASS = Task(kind="multiclass", target="y", metric="log_loss", classes=("a", "b", "c"))
REGRESSION = Task(kind="regression", target="y", metric="rmse")


def layout(d_num: int, n_levels: tuple[int, ...] = ()) -> Layout:
    d_cat = len(n_levels)
    names = tuple(f"x{i}" for i in range(d_num + d_cat))
    return Layout(
        columns=names,
        num_names=names[:d_num],
        num_sources=tuple(range(d_num)),
        cat_names=names[d_num:],
        cat_sources=tuple(range(d_num, d_num + d_cat)),
        n_levels=n_levels,
        cat_ordered=(False,) * d_cat,
    )


def features(n: int, d_num: int = 4, n_levels: tuple[int, ...] = (3, 20), seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    x_num = rng.standard_normal((n, d_num)).astype(np.float32)
    x_num[rng.random((n, d_num)) < 0.05] = np.nan
    x_cat = np.stack([rng.integers(-2, m, n) for m in n_levels] or [np.zeros(n)], axis=1)[:, : len(n_levels)]
    return Features(x_num, x_cat.astype(np.int32), layout(d_num, n_levels))


def target(task: Task, x: Features, seed: int = 0) -> np.ndarray:
    signal = np.nan_to_num(x.x_num[:, 0]) + (x.x_cat[:, 0] == 1)
    noisy = signal + 0.1 * np.random.default_rng(seed).standard_normal(x.n_rows)
    if task.kind == "regression":
        return 1e4 + 100 * noisy.astype(np.float64)
    return np.digitize(noisy, [0.5] if task.kind == "binary" else [-0.5, 0.5]).astype(np.int64)


def soon(seconds: float = 60.0, seed: int = 0) -> Limits:
    return Limits(deadline=time.monotonic() + seconds, seed=seed)


def rows(task: Task, n: int, seed: int = 0) -> Rows:
    x = features(n, seed=seed)
    return Rows(x, target(task, x, seed))


def profile(n_rows: int = 1000, d_num: int = 10, d_cat: int = 2, n_levels: int = 8, n_outputs: int = 2) -> Profile:
    shape = Shape(n_rows=n_rows, d_num=d_num, d_cat=d_cat, n_levels=n_levels, n_outputs=n_outputs)
    return Profile(
        source="t", n_rows=n_rows, n_rows_profiled=n_rows, memory_bytes=1, modality="tabular", columns=(), shape=shape
    )


@FAMILIES
@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION], ids=lambda t: t.kind)
def test_fits_predicts_saves_and_loads_the_same_bits(family: Family, task: Task, tmp_path, monkeypatch, capfd, recwarn):
    monkeypatch.chdir(tmp_path)
    train, valid = rows(task, 300), rows(task, 100, seed=1)
    model = family.build(QUICK, task, train.x.layout)
    log = model.fit(train, valid, soon())
    out = model.predict(valid.x)
    assert out.dtype == np.float64
    assert np.isfinite(out).all()
    if task.is_classification:
        assert out.shape == (100, len(task.classes))
        np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-12)
    else:
        assert out.shape == (100,)
        assert out.min() >= train.y.min()
        assert out.max() <= train.y.max()
    assert log.n_iterations is not None
    assert 1 <= log.n_iterations <= 6
    assert 1 <= len(log.curve) <= 6
    assert not log.truncated

    state = model.save()
    config = msgspec.json.decode(msgspec.json.encode(state.config))
    loaded = family.build({}, task, train.x.layout)
    loaded.load(State(config=config, arrays=state.arrays))
    np.testing.assert_array_equal(loaded.predict(valid.x), out)

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert [str(w.message) for w in recwarn.list] == []


@FAMILIES
def test_a_row_predicts_the_same_bits_alone_among_others_and_in_any_order(family: Family):
    train, valid = rows(MULTICLASS, 200), rows(MULTICLASS, 70, seed=1)
    model = family.build(QUICK, MULTICLASS, train.x.layout)
    model.fit(train, valid, soon())
    x = features(700, seed=2)
    out = model.predict(x)
    order = np.random.default_rng(0).permutation(700)
    np.testing.assert_array_equal(model.predict(x.take(order)), out[order])
    np.testing.assert_array_equal(model.predict(x.take(np.array([511]))), out[[511]])
    assert model.predict(x.take(slice(0))).shape == (0, 3)


@FAMILIES
def test_same_seed_same_bits_and_other_seed_other_bits(family: Family):
    train, valid = rows(BINARY, 150), rows(BINARY, 60, seed=1)

    def fitted(seed: int) -> np.ndarray:
        model = family.build(QUICK, BINARY, train.x.layout)
        model.fit(train, valid, soon(seed=seed))
        return model.predict(valid.x)

    np.testing.assert_array_equal(fitted(3), fitted(3))
    assert not np.array_equal(fitted(3), fitted(4))


@FAMILIES
def test_learns_an_interaction_without_main_effects(family: Family):
    rng = np.random.default_rng(0)
    x = Features(rng.standard_normal((900, 4)).astype(np.float32), np.zeros((900, 0), np.int32), layout(4))
    y = (x.x_num[:, 0] * x.x_num[:, 1] > 0).astype(np.int64)
    train, valid = (Rows(x.take(s), y[s]) for s in (slice(600), slice(600, 900)))
    model = family.build(QUICK | {"n_epochs": 30, "width": 64}, BINARY, x.layout)
    model.fit(train, valid, soon())
    assert (model.predict(valid.x).argmax(axis=1) == valid.y).mean() > 0.9


@FAMILIES
def test_a_class_missing_in_training_or_validation_keeps_its_column(family: Family):
    train, valid = rows(MULTICLASS, 200), rows(MULTICLASS, 60, seed=1)
    keep = train.y != 1
    model = family.build(QUICK, MULTICLASS, train.x.layout)
    model.fit(Rows(train.x.take(np.flatnonzero(keep)), train.y[keep]), valid, soon())
    assert model.predict(valid.x).shape == (60, 3)

    only = Rows(valid.x, np.zeros(60, dtype=np.int64))
    model = family.build(QUICK, BINARY, train.x.layout)
    log = model.fit(rows(BINARY, 200), only, soon())
    assert log.curve == ()
    assert np.isfinite(model.predict(valid.x)).all()


@FAMILIES
def test_refits_without_validation_for_the_epochs_asked(family: Family):
    train = rows(REGRESSION, 200)
    model = family.build(QUICK | {"n_iterations": 2}, REGRESSION, train.x.layout)
    log = model.fit(train, None, soon())
    assert log.n_iterations == 2
    assert log.curve == ()
    assert not log.truncated


@FAMILIES
def test_ends_before_the_deadline_with_a_shorter_schedule(family: Family):
    train, valid = rows(BINARY, 2000), rows(BINARY, 200, seed=1)
    model = family.build(QUICK | {"n_epochs": 50_000, "patience": None}, BINARY, train.x.layout)
    limits = soon(3.0)
    log = model.fit(train, valid, limits)
    assert time.monotonic() < limits.deadline + 10.0  # the whole schedule takes minutes
    assert log.truncated
    predicted = model.predict(valid.x)
    assert (predicted.argmax(axis=1) == valid.y).mean() > 0.8


@FAMILIES
def test_a_deadline_in_the_past_still_leaves_a_model(family: Family):
    train, valid = rows(BINARY, 100), rows(BINARY, 60, seed=1)
    model = family.build(QUICK, BINARY, train.x.layout)
    assert model.fit(train, valid, soon(-1.0)).truncated
    assert np.isfinite(model.predict(valid.x)).all()


@FAMILIES
def test_weights_count(family: Family):
    x = Features(np.zeros((400, 1), np.float32), np.tile([[0], [1]], (200, 1)).astype(np.int32), layout(1, (2,)))
    y = np.tile([0.0, 0.0, 1.0, 1.0], 100)
    weights = np.tile([1.0, 1.0, 9.0, 9.0], 100)
    model = family.build(QUICK | {"n_epochs": 20, "n_iterations": 20}, REGRESSION, x.layout)
    model.fit(Rows(x, y, weights), None, soon())
    assert model.predict(x.take(slice(2))).mean() == pytest.approx(0.9, abs=0.1)


@FAMILIES
def test_messy_columns_do_no_harm(family: Family):
    n = 120
    rng = np.random.default_rng(0)
    x_num = rng.standard_normal((n, 6)).astype(np.float32)
    x_num[:, 0] = np.nan
    x_num[:, 1] = 7.0
    x_num[:, 2] *= 1e37
    x_num[0, 3] = np.inf
    x_num[:, 4] = np.where(rng.random(n) < 0.01, 1.0, 0.0)
    x_cat = np.stack([np.full(n, -1), np.full(n, -2), np.arange(n), np.zeros(n)], axis=1).astype(np.int32)
    x = Features(x_num, x_cat, layout(6, (4, 4, n, 1)))
    y = (x_num[:, 5] > 0).astype(np.int64)
    model = family.build(QUICK, BINARY, x.layout)
    model.fit(Rows(x, y), Rows(x.take(slice(40)), y[:40]), soon())
    unseen = Features(np.full((3, 6), np.nan, np.float32), np.full((3, 4), -2, np.int32), x.layout)
    for each in (x, unseen):
        assert np.isfinite(model.predict(each)).all()


@FAMILIES
def test_one_row_more_than_a_batch_and_a_constant_target(family: Family):
    x = features(65)
    model = family.build(QUICK | {"n_iterations": 2}, REGRESSION, x.layout)
    model.fit(Rows(x, np.full(65, 3.5)), None, soon())
    np.testing.assert_array_equal(model.predict(x), 3.5)


@FAMILIES
def test_no_features_is_unsuitable(family: Family):
    x = Features(np.zeros((60, 0), np.float32), np.zeros((60, 0), np.int32), layout(0))
    model = family.build(QUICK, BINARY, x.layout)
    with pytest.raises(Unsuitable, match="no features"):
        model.fit(Rows(x, np.arange(60) % 2), None, soon())


@FAMILIES
def test_defaults_lie_in_the_space_and_sizes_decide_on_eligibility(family: Family):
    for n_rows, n_outputs in ((60, 1), (5_000, 2), (1_000_000, 30)):
        big = profile(n_rows=n_rows, n_outputs=n_outputs)
        assert family.eligible(big, BINARY) is None
        assert all(contains(family.space(big), params) for params in family.default(big))
    assert "rows" in (family.eligible(profile(n_rows=20), BINARY) or "")
    assert "columns" in (family.eligible(profile(d_num=50_000), BINARY) or "")
    assert "features" in (family.eligible(profile(d_num=0, d_cat=0, n_levels=0), BINARY) or "")


@FAMILIES
def test_cost_grows_with_rows_columns_and_width(family: Family):
    hardware = Hardware(n_cores=1, memory_bytes=2**33)

    def cost(n_rows: int = 5000, d_num: int = 10, **params: int) -> float:
        return family.cost(profile(n_rows=n_rows, d_num=d_num), QUICK | params, hardware).seconds

    assert cost() < cost(n_rows=50_000)
    assert cost() < cost(d_num=100)
    assert cost() < cost(width=256)
    fast = Hardware(n_cores=1, memory_bytes=2**33, accelerators=(Accelerator("cuda", 1),))
    wide = profile(n_rows=200_000, d_num=500)
    assert family.cost(wide, QUICK, fast).seconds < family.cost(wide, QUICK, hardware).seconds
    assert family.cost(wide, QUICK, hardware).memory_bytes > family.cost(profile(), QUICK, hardware).memory_bytes


def test_deciding_imports_no_torch_and_predicting_no_lightning(tmp_path):
    code = (
        "import sys\n"
        "import automl.families.mlp, automl.families.tabm\n"
        "assert 'torch' not in sys.modules\n"
        "import automl.nets.model\n"
        "assert 'torch' in sys.modules and 'pytorch_lightning' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
