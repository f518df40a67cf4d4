from __future__ import annotations

import subprocess
import sys
import time
import warnings
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from automl.errors import Unsuitable
from automl.families.convnet import FAMILY as CONVNET
from automl.families.soundgru import FAMILY as SOUNDGRU
from automl.families.textbag import FAMILY as TEXTBAG
from automl.families.textcnn import FAMILY as TEXTCNN
from automl.families.textgru import FAMILY as TEXTGRU
from automl.families.transformer import FAMILY as TRANSFORMER
from automl.family import Family, Limits, Model, Rows
from automl.features import Features
from automl.nets.inputs import Inputs, as_tensor, padded
from automl.plan import Accelerator, Hardware
from automl.profile import Extent, Profile
from automl.space import Params, contains
from automl.states import pack, unpack
from automl.testing.examples import Example, example, media_example
from automl.testing.media import Medium

ONE_EACH = [
    pytest.param(CONVNET, "image", id="convnet-image"),
    pytest.param(CONVNET, "audio", id="convnet-audio"),
    pytest.param(SOUNDGRU, "audio", id="soundgru"),
    pytest.param(TEXTBAG, "text", id="textbag"),
    pytest.param(TEXTCNN, "text", id="textcnn"),
    pytest.param(TEXTGRU, "text", id="textgru"),
    pytest.param(TRANSFORMER, "text", id="transformer"),
]
EACH = pytest.mark.parametrize(("family", "medium"), ONE_EACH)
QUICK: Params = {"n_epochs": 3, "batch_size": 32, "width": 8, "d_word": 16, "n_pairs": 64}
MACHINE = Hardware(n_cores=1, memory_bytes=2**33)


def fitted(family: Family, case: Example, **params: Any) -> Model:
    model = family.build(QUICK | params, case.task, case.layout)
    model.fit(case.train, case.valid, Limits(deadline=time.monotonic() + 60))
    return model


def large(medium: Medium, n_rows: int = 6_000, extent: Extent | None = None, n_outputs: int = 2) -> Profile:
    """The profile of more rows than there are."""
    profile = media_example(medium, "binary", n_rows=60).profile
    shape = msgspec.structs.replace(profile.size, n_rows=n_rows, n_outputs=n_outputs)
    column = profile.columns[0]
    column = msgspec.structs.replace(column, extent=extent or column.extent)
    return msgspec.structs.replace(profile, n_rows=n_rows, shape=shape, columns=(column,))


@EACH
def test_loads_what_it_saved_and_predicts_a_row_the_same_bits_anywhere(family: Family, medium: Medium):
    case = media_example(medium, "multiclass", n_rows=180)
    flip: Params = {"flip": True} if medium == "image" else {}
    model = fitted(family, case, **flip)
    x = case.test.x
    out = model.predict(x)
    assert out.shape == (40, 3)
    np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-12)
    loaded = family.build({}, case.task, case.layout)
    loaded.load(unpack(pack(model.save())))
    np.testing.assert_array_equal(loaded.predict(x), out)
    order = np.random.default_rng(0).permutation(x.n_rows)
    np.testing.assert_array_equal(model.predict(x.take(order)), out[order])
    np.testing.assert_array_equal(model.predict(x.take(slice(33, 34))), out[33:34])
    assert model.predict(x.take(slice(0))).shape == (0, 3)


@EACH
def test_blocks_that_may_not_be_written_to_are_read_where_they_are(family: Family, medium: Medium, recwarn):
    case = media_example(medium, "binary", n_rows=120)
    for rows in (case.train, case.valid):
        for block in rows.x.blocks:
            if isinstance(block, np.ndarray):
                block.flags.writeable = False
    out = fitted(family, case).predict(case.valid.x)
    assert np.isfinite(out).all()
    assert [str(w.message) for w in recwarn.list] == []


@EACH
def test_other_columns_count_and_what_sums_up_a_block_does_not(family: Family, medium: Medium):
    case = media_example(medium, "regression", n_rows=160)
    model = fitted(family, case)
    x = case.test.x
    out = model.predict(x)
    summary = len(case.layout.num_names) - 1
    for column, counts in ((0, True), (summary, False)):
        numbers = x.x_num.copy()
        numbers[:, column] = -3 * np.nan_to_num(numbers[:, column])
        changed = model.predict(replace(x, x_num=numbers))
        assert np.array_equal(changed, out) != counts
    blocks = tuple(block[::-1] if isinstance(block, np.ndarray) else block for block in x.blocks)
    assert not np.array_equal(model.predict(replace(x, blocks=blocks)), out)


@EACH
def test_without_other_columns_it_learns_from_the_blocks_alone(family: Family, medium: Medium):
    case = media_example(medium, "binary", n_rows=120)
    keep = [i for i, source in enumerate(case.layout.num_sources) if source == len(case.layout.columns) - 1]
    bare = {
        name: Rows(
            Features(
                rows.x.x_num[:, keep],
                rows.x.x_cat[:, :0],
                msgspec.structs.replace(
                    case.layout,
                    num_names=case.layout.num_names[-1:],
                    num_sources=case.layout.num_sources[-1:],
                    cat_names=(),
                    cat_sources=(),
                    n_levels=(),
                    cat_ordered=(),
                ),
                rows.x.blocks,
            ),
            rows.y,
        )
        for name, rows in (("train", case.train), ("valid", case.valid), ("test", case.test))
    }
    model = fitted(family, replace(case, **bare))
    assert np.isfinite(model.predict(bare["test"].x)).all()


@EACH
def test_where_no_column_could_be_read_it_is_unsuitable(family: Family, medium: Medium):
    case = example("binary", n_rows=90)
    model = family.build(QUICK, case.task, case.layout)
    with pytest.raises(Unsuitable, match="to read"):
        model.fit(case.train, case.valid, Limits(deadline=time.monotonic() + 60))


@EACH
def test_a_deadline_in_the_past_still_leaves_a_model(family: Family, medium: Medium):
    case = media_example(medium, "binary", n_rows=90)
    model = family.build(QUICK, case.task, case.layout)
    assert model.fit(case.train, case.valid, Limits(deadline=time.monotonic() - 1)).truncated
    assert np.isfinite(model.predict(case.test.x)).all()


@EACH
def test_is_for_tables_with_its_medium_and_rows_enough(family: Family, medium: Medium):
    task = media_example(medium, "binary", n_rows=60).task
    assert family.eligible(large(medium), task) is None
    assert "rows" in (family.eligible(large(medium, n_rows=30), task) or "")
    assert "no column" in (family.eligible(example("binary").profile, task) or "")
    other = {"image": "text", "audio": "text", "text": "image"}[medium]
    assert "no column" in (family.eligible(large(other), task) or "")


def test_a_transformer_from_scratch_waits_for_five_thousand_texts():
    task = media_example("text", "binary", n_rows=60).task
    assert "5,000" in (TRANSFORMER.eligible(large("text", n_rows=4_999), task) or "")


@EACH
def test_defaults_lie_in_the_space_and_the_second_is_no_dearer(family: Family, medium: Medium):
    for n_rows in (60, 900, 6_000, 500_000):
        profile = large(medium, n_rows)
        portfolio = family.default(profile)
        assert all(contains(family.space(profile), params) for params in portfolio)
        seconds = [family.cost(profile, params, MACHINE).seconds for params in portfolio]
        if "depth" not in portfolio[1] or portfolio[1]["depth"] == portfolio[0]["depth"]:
            assert seconds[1] <= seconds[0]


@EACH
def test_cost_grows_with_rows_and_sizes(family: Family, medium: Medium):
    def cost(n_rows: int = 6_000, scale: float = 1.0, **params: Any) -> float:
        extent = Extent(
            words=10 * scale, height=int(24 * scale), width=int(24 * scale), channels=1, seconds=scale, rate=8000
        )
        profile = large(medium, n_rows, extent)
        portfolio = family.default(large(medium))
        return family.cost(profile, portfolio[0] | params, MACHINE).seconds

    assert cost() < cost(n_rows=60_000)
    assert cost() < cost(scale=2.0)
    assert cost() < cost(width=256, d_word=256)
    fast = Hardware(n_cores=1, memory_bytes=2**33, accelerators=(Accelerator("cuda", 1),))
    profile = large(medium, 50_000)
    params = family.default(profile)[0]
    assert family.cost(profile, params, fast).seconds < family.cost(profile, params, MACHINE).seconds


@pytest.mark.parametrize(
    ("family", "medium", "seconds"),
    [
        pytest.param(CONVNET, "image", 120, id="convnet-image"),
        pytest.param(CONVNET, "audio", 120, id="convnet-audio"),
        pytest.param(SOUNDGRU, "audio", 120, id="soundgru"),
        pytest.param(TEXTBAG, "text", 10, id="textbag"),
        pytest.param(TEXTCNN, "text", 30, id="textcnn"),
    ],
)
def test_a_fold_of_common_size_is_expected_to_fit_into_a_search(family: Family, medium: Medium, seconds: float):
    extents = {
        "image": Extent(height=28, width=28, channels=1),
        "audio": Extent(seconds=1.0, rate=8000),
        "text": Extent(words=20.0),
    }
    n_rows = {"image": 6_000, "audio": 900, "text": 8_000}[medium]
    profile = large(medium, n_rows, extents[medium], n_outputs=10)
    assert family.cost(profile, family.default(profile)[0], MACHINE).seconds < seconds


def test_colour_photographs_are_mirrored_and_grey_ones_in_the_second_default_only():
    grey = CONVNET.default(large("image", extent=Extent(height=28, width=28, channels=1)))
    colour = CONVNET.default(large("image", extent=Extent(height=28, width=28, channels=3)))
    assert [params["flip"] for params in grey] == [False, True, False]
    assert [params["flip"] for params in colour] == [True, False, True]
    assert not any(params["flip"] for params in CONVNET.default(large("audio")))


def test_deciding_imports_no_torch():
    names = ", ".join(f"automl.families.{each.values[0].name}" for each in ONE_EACH)
    code = f"import sys, {names}; assert not {{'torch', 'polars', 'scipy'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_inputs_are_the_blocks_as_they_stand_and_the_other_columns_prepared():
    case = media_example("text", "binary", n_rows=60)
    inputs = Inputs(frozenset({"words"})).fit(case.train.x)
    arrays = inputs.transform(case.train.x)
    assert np.shares_memory(arrays[0], case.train.x.blocks[0])
    assert [block.kind for block in inputs.sizes.blocks] == ["words"]
    assert arrays[1].shape[1] == inputs.sizes.d_num == len(case.layout.num_names) - 1
    table = Inputs(frozenset()).fit(case.train.x)
    assert table.sizes.blocks == ()
    assert table.sizes.d_num == len(case.layout.num_names)


def test_tensors_share_memory_without_a_word():
    array = np.arange(6, dtype=np.uint8)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = as_tensor(array)
    assert tensor.data_ptr() == array.__array_interface__["data"][0]
    assert padded(array, 8).tolist() == [0, 1, 2, 3, 4, 5, 0, 0]
    assert padded(array, 6) is array
