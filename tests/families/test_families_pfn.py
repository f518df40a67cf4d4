from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from toy_weights import first_weights, trained

from automl.errors import ModelFileError, Unsuitable
from automl.families.pfn import FAMILY
from automl.family import Limits, Rows, State
from automl.features import Features, Layout
from automl.metrics import METRICS
from automl.nets.threads import threads
from automl.nets.weight_files import VARIABLE
from automl.plan import Hardware, Wishes
from automl.policy.decide import decide
from automl.profile import Shape
from automl.registry import families
from automl.states import pack, unpack
from automl.task import Task
from automl.testing.examples import Example, example
from automl.testing.families import CHECKS, Check, check_learns

KINDS = pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def toy(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The family has weights that nothing was learned into."""
    monkeypatch.setenv(VARIABLE, str(weights))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The family has weights of a short training."""
    folder = tmp_path_factory.mktemp("learned")
    with threads(1):
        module = trained(folder, steps=600, horizon=600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(module.this.folder / "incontext.safetensors"))
        yield


def limits(seconds: float = 60.0, seed: int = 0) -> Limits:
    return Limits(deadline=time.monotonic() + seconds, seed=seed)


def fitted(case: Example, rows: Rows | None = None, **params: int):
    model = FAMILY.build({"n_views": 2, **params}, case.task, case.layout)
    model.fit(rows or case.train, None, limits())
    return model


def sized(case: Example, **sizes: int):
    shape = msgspec.structs.replace(case.profile.size, **sizes)
    return msgspec.structs.replace(case.profile, n_rows=shape.n_rows, shape=shape)


def test_without_weights_it_takes_no_table_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("automl.nets.weight_files._SHIPPED", tmp_path / "absent")
    case = example("binary")
    assert FAMILY.eligible(case.profile, case.task) == "no pretrained weights are shipped with this version"
    with pytest.raises(Unsuitable, match="no pretrained weights"):
        fitted(case)


@pytest.mark.usefixtures("toy")
def test_it_takes_tables_of_the_size_it_was_trained_for():
    case = example("binary")
    many = Task(kind="multiclass", target="y", metric="log_loss", classes=tuple(map(str, range(17))))
    assert FAMILY.eligible(case.profile, case.task) is None
    assert "rows" in (FAMILY.eligible(sized(case, n_rows=6_001), case.task) or "")
    assert "columns" in (FAMILY.eligible(sized(case, d_num=21), case.task) or "")
    assert "17 classes" in (FAMILY.eligible(case.profile, many) or "")
    assert "features" in (FAMILY.eligible(sized(case, d_num=0, d_cat=0), case.task) or "")


@pytest.mark.usefixtures("toy")
def test_it_races_only_where_it_is_named():
    case = example("binary")
    machine = Hardware(n_cores=2, memory_bytes=16 << 30)
    plan = decide(case.profile, case.task, machine, Wishes(seconds=300), families())
    assert FAMILY.name not in {candidate.family for candidate in plan.candidates}
    assert {out.family: out.rule for out in plan.ruled_out}[FAMILY.name] == "P036"
    nets = decide(case.profile, case.task, machine, Wishes(seconds=300, include=("neural",)), families())
    assert FAMILY.name not in {candidate.family for candidate in nets.candidates}
    named = decide(case.profile, case.task, machine, Wishes(seconds=300, include=(FAMILY.name,)), families())
    assert FAMILY.name in {candidate.family for candidate in named.candidates}


@KINDS
@pytest.mark.usefixtures("toy")
def test_predicts_the_same_bits_after_files_without_the_weights_it_came_from(kind, monkeypatch):
    case = example(kind)
    model = fitted(case)
    before = model.predict(case.test.x)
    assert before.dtype == np.float64
    assert np.isfinite(before).all()
    files = pack(model.save())
    monkeypatch.setenv(VARIABLE, "/nowhere")
    loaded = FAMILY.build({}, case.task, case.layout)
    loaded.load(unpack(files))
    np.testing.assert_array_equal(loaded.predict(case.test.x), before)
    np.testing.assert_array_equal(model.predict(case.test.x), before)


class Change(NamedTuple):
    """Of predictions, in the mean, under another order; of values in deviations of the target."""

    columns: float
    rows: float


def changed_by_turning(kind: str, n_views: int) -> Change:
    case = example(kind)
    order, codes = [4, 1, 0, 3, 2], [2, 0, 1]
    layout = msgspec.structs.replace(
        case.layout,
        num_names=tuple(case.layout.num_names[i] for i in order),
        cat_names=tuple(case.layout.cat_names[i] for i in codes),
        n_levels=tuple(case.layout.n_levels[i] for i in codes),
        cat_ordered=tuple(case.layout.cat_ordered[i] for i in codes),
    )

    def turned(x: Features) -> Features:
        return Features(x.x_num[:, order], x.x_cat[:, codes], layout)

    plain = fitted(case, n_views=n_views).predict(case.test.x)
    model = FAMILY.build({"n_views": n_views}, case.task, layout)
    model.fit(Rows(turned(case.train.x), case.train.y), None, limits())
    scale = case.train.y.std() if kind == "regression" else 1.0
    columns = np.abs(model.predict(turned(case.test.x)) - plain).mean() / scale
    back = np.arange(len(case.train.y))[::-1].copy()
    other = fitted(case, n_views=n_views, rows=Rows(case.train.x.take(back), case.train.y[back]))
    return Change(float(columns), float(np.abs(other.predict(case.test.x) - plain).mean() / scale))


@KINDS
@pytest.mark.usefixtures("toy")
def test_the_order_of_rows_does_not_matter_and_that_of_columns_little(kind):
    change = changed_by_turning(kind, 8)
    assert change.rows < 1e-5
    assert change.columns < 0.05


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("damage", ["table_", "rows_", "weights.gather.0.weight", "codes_"])
def test_a_state_whose_parts_do_not_fit_is_refused(damage: str):
    case = example("binary")
    state = fitted(case).save()
    for arrays in (
        {k: v for k, v in state.arrays.items() if k != damage},
        {**state.arrays, damage: _cut(state, damage)},
    ):
        with pytest.raises(ModelFileError):
            FAMILY.build({}, case.task, case.layout).load(State(config=state.config, arrays=arrays))


def _cut(state: State, name: str) -> np.ndarray:
    array = state.arrays[name]
    return array + 10_000 if name == "rows_" else array[..., :-1].copy()


@pytest.mark.usefixtures("toy")
def test_many_classes_keep_their_columns():
    case = example("multiclass", n_rows=400, n_classes=16)
    p = fitted(case).predict(case.test.x)
    assert p.shape == (case.test.x.n_rows, 16)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    too_many = example("multiclass", n_rows=400, n_classes=17)
    with pytest.raises(Unsuitable, match="17 classes"):
        fitted(too_many)


@pytest.mark.usefixtures("toy")
def test_values_stay_in_the_range_of_training_and_follow_the_metric():
    layout = Layout(columns=("x",), num_names=("x",), num_sources=(0,))
    rng = np.random.default_rng(0)
    x = Features(rng.normal(size=(300, 1)).astype(np.float32), np.zeros((300, 0), np.int32), layout)
    y = np.exp(2 * rng.normal(size=300))
    told = {}
    for metric in ("rmse", "mae"):
        model = FAMILY.build({"n_views": 2}, Task(kind="regression", target="y", metric=metric), layout)
        model.fit(Rows(x, y), None, limits())
        told[metric] = model.predict(x)
        assert told[metric].min() >= y.min()
        assert told[metric].max() <= y.max()
    assert told["mae"].mean() < told["rmse"].mean(), "medians of a long tail lie below its means"


@pytest.mark.usefixtures("toy")
def test_more_rows_than_a_context_are_sampled_and_the_rest_is_not_kept():
    case = example("binary", n_rows=4_000)
    model = fitted(case, n_views=1)
    assert model.save().arrays["table_"].shape == (1_024, len(model.save().arrays["used_"]))
    assert np.isfinite(model.predict(case.test.x.take(slice(0, 10)))).all()


@pytest.mark.usefixtures("toy")
def test_a_deadline_in_the_past_leaves_one_view():
    case = example("binary")
    model = FAMILY.build({"n_views": 8}, case.task, case.layout)
    assert model.fit(case.train, None, limits(-1.0)).truncated
    assert model.save().config["n_views"] == 1
    assert np.isfinite(model.predict(case.test.x)).all()


@pytest.mark.usefixtures("toy")
def test_rows_of_no_weight_are_not_read():
    case = example("binary")
    weights = np.where(np.arange(len(case.train.y)) < 100, 1.0, 0.0)
    heard = fitted(case, rows=Rows(case.train.x, case.train.y, weights))
    flipped = np.where(weights > 0, case.train.y, 1 - case.train.y)
    deaf = fitted(case, rows=Rows(case.train.x, flipped, weights))
    np.testing.assert_allclose(heard.predict(case.test.x), deaf.predict(case.test.x), atol=0.05)


@pytest.mark.usefixtures("toy")
def test_costs_grow_with_rows_columns_and_views():
    case, machine = example("binary"), Hardware(n_cores=1, memory_bytes=8 << 30)

    def seconds(n_views: int = 2, **sizes: int) -> float:
        return FAMILY.cost(sized(case, **sizes), {"n_views": n_views}, machine).seconds

    assert seconds() < seconds(n_views=4)
    assert seconds() < seconds(n_rows=900)
    assert seconds() < seconds(d_num=18)
    shape = Shape(n_rows=500, d_num=10, d_cat=0, n_levels=0, n_outputs=2)
    assert FAMILY.cost(msgspec.structs.replace(case.profile, shape=shape), {"n_views": 1}, machine).memory_bytes > 4e8


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("check", [check for check in CHECKS if check is not check_learns])
def test_keeps_the_contract_of_families(check: Check):
    check(FAMILY)


@KINDS
@pytest.mark.slow
@pytest.mark.usefixtures("learned")
def test_the_more_views_are_averaged_the_less_the_order_of_columns_matters(kind):
    one, eight = (changed_by_turning(kind, n_views) for n_views in (1, 8))
    assert max(one.rows, eight.rows) < 1e-4
    assert eight.columns < 0.8 * one.columns
    assert eight.columns < 0.15


@KINDS
@pytest.mark.slow
@pytest.mark.usefixtures("learned")
def test_learned_weights_learn_in_context(kind):
    case = example(kind)
    p = fitted(case, n_views=4).predict(case.test.x)
    y, metric = case.test.y, METRICS[case.task.metric]
    if kind == "binary":
        assert metric(y, p) > 0.8
    else:
        shares = np.bincount(case.train.y) / len(case.train.y) if kind == "multiclass" else case.train.y.mean()
        blind = metric(y, np.broadcast_to(shares, p.shape))
        assert metric(y, p) < 0.95 * blind
