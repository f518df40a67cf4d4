"""The design matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from automl.family import Rows
from automl.features import Features, Layout
from automl.models.design import Design


def features(x_num: Any, x_cat: Any = None, n_levels: tuple[int, ...] = ()) -> Features:
    x_num = np.asarray(x_num, dtype=np.float32)
    x_cat = np.zeros((len(x_num), 0), np.int32) if x_cat is None else np.asarray(x_cat, dtype=np.int32)
    d_num, d_cat = x_num.shape[1], x_cat.shape[1]
    layout = Layout(
        columns=tuple(f"c{i}" for i in range(d_num + d_cat)),
        num_names=tuple(f"c{i}" for i in range(d_num)),
        num_sources=tuple(range(d_num)),
        cat_names=tuple(f"c{i}" for i in range(d_num, d_num + d_cat)),
        cat_sources=tuple(range(d_num, d_num + d_cat)),
        n_levels=n_levels,
        cat_ordered=(False,) * d_cat,
    )
    return Features(x_num, x_cat, layout)


def mixed(n: int = 400, seed: int = 0, n_levels: int = 60) -> tuple[Features, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    x_num = np.c_[rng.normal(5, 2, n), rng.lognormal(0, 2, n), np.full(n, 7.0)]
    x_num[rng.random(n) < 0.2, 0] = np.nan
    x_cat = np.c_[rng.integers(-1, 3, n), rng.integers(0, n_levels, n)]
    return features(x_num, x_cat, (3, n_levels)), rng.normal(size=n)


@pytest.mark.parametrize("scaling", ["standard", "robust", "quantile"])
def test_every_column_is_finite_named_and_in_order(scaling: Any) -> None:
    x, y = mixed()
    design = Design(scaling)
    z = design.fit_transform(Rows(x, y), 1, 0)
    # two varying numbers, one gap marker, missing + three levels, one target mean; the constant is gone
    assert design.sources.tolist() == [0, 1, 0, 3, 3, 3, 3, 4]
    assert np.isfinite(z).all()
    assert np.array_equal(z[:, 2] == 1, np.isnan(x.x_num[:, 0]))
    assert np.array_equal(z[:, 3:7].argmax(axis=1) - 1, x.x_cat[:, 0])
    if scaling == "standard":
        assert np.allclose(z[:, 1].mean(), 0)
        assert np.allclose(z[:, 1].std(), 1)
    if scaling == "robust":
        assert abs(z[:, :2]).max() < 3
    if scaling == "quantile":
        assert abs(np.sort(z[:, 1])[[100, 300]] - [-0.674, 0.674]).max() < 0.05


def test_target_means_of_training_rows_do_not_leak_their_own_target() -> None:
    rng = np.random.default_rng(1)
    n = 2000
    codes = rng.permutation(np.repeat(np.arange(n // 2), 2))[:, None]  # two rows a level: a leaking mean has half of y
    y = rng.normal(size=n)
    x = features(np.zeros((n, 0)), codes, (n // 2,))
    design = Design()
    crossed = design.fit_transform(Rows(x, y), 1, 0)
    assert abs(np.corrcoef(crossed[:, 0], y)[0, 1]) < 0.1
    assert np.corrcoef(design.transform(x)[:, 0], y)[0, 1] > 0.6


def test_target_means_equal_the_formula_at_prediction() -> None:
    codes = np.repeat(np.arange(40), 5)[:, None]
    y = (codes[:, 0] % 2 == 0).astype(np.int64)
    x = features(np.zeros((200, 0)), codes, (40,))
    design = Design()
    design.fit_transform(Rows(x, y), 2, 0)
    z = design.transform(features(np.zeros((4, 0)), [[0], [1], [-1], [-2]], (40,)))[:, 0]
    assert z[2] == z[3] == 0  # missing and unseen have the prior
    assert np.allclose(z[0] / z[1], -1)
    prior, scale = 0.5, design.save()[1]["mean_scale"][0]
    assert np.allclose(z[0], ((5 + 10 * prior) / 15 - prior) * scale)


def test_many_classes_get_a_mean_each_up_to_ten() -> None:
    rng = np.random.default_rng(0)
    x = features(np.zeros((600, 0)), rng.integers(0, 50, (600, 1)), (50,))
    for n_classes, n_means in ((2, 1), (3, 3), (12, 10)):
        design = Design()
        z = design.fit_transform(Rows(x, rng.integers(0, n_classes, 600)), n_classes, 0)
        assert z.shape == (600, n_means)
        assert (design.sources == 0).all()


def test_weights_count_as_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    codes, y = rng.integers(0, 40, (300, 1)), rng.normal(size=300)
    times = rng.integers(1, 4, 300)
    weighted, repeated = Design(), Design()
    x = features(np.zeros((300, 0)), codes, (40,))
    weighted.fit_transform(Rows(x, y, times.astype(np.float64)), 1, 0)
    repeated.fit_transform(Rows(x.take(np.repeat(np.arange(300), times)), np.repeat(y, times)), 1, 0)
    assert np.allclose(weighted.save()[1]["mean_table"], repeated.save()[1]["mean_table"])


@given(n=st.integers(1, 12), seed=st.integers(0, 99), encode=st.booleans(), n_classes=st.sampled_from([1, 2, 4]))
@settings(max_examples=60, deadline=None)
def test_any_small_table_transforms_row_by_row_and_survives_saving(
    n: int, seed: int, encode: bool, n_classes: int
) -> None:
    rng = np.random.default_rng(seed)
    x_num = rng.normal(size=(n, 3)).astype(np.float32)
    x_num[rng.random((n, 3)) < 0.4] = np.nan
    x = features(x_num, rng.integers(-2, 5, (n, 2)), (5, 5))
    y = rng.normal(size=n) if n_classes == 1 else rng.integers(0, n_classes, n)
    design = Design("robust", max_onehot=3, target_encode=encode)
    assert design.fit_transform(Rows(x, y), n_classes, seed).shape == (n, len(design.sources))
    loaded = Design.load(*design.save())
    z = design.transform(x)
    assert np.isfinite(z).all()
    assert np.array_equal(loaded.transform(x), z)
    assert np.array_equal(loaded.transform(x.take(slice(0, 1))), z[:1])


def test_without_target_means_the_most_frequent_levels_have_indicators() -> None:
    x, y = mixed(n_levels=60)
    design = Design(max_onehot=5, target_encode=False)
    design.fit_transform(Rows(x, y), 1, 0)
    assert (design.sources == 4).sum() == 5


def test_a_wrong_scaling_and_a_wrong_width_are_refused() -> None:
    with pytest.raises(ValueError, match="scaling"):
        Design("minmax")  # type: ignore[arg-type]
    x, y = mixed()
    design = Design()
    design.fit_transform(Rows(x, y), 1, 0)
    with pytest.raises(ValueError, match="3 numeric"):
        design.transform(features(np.zeros((2, 1))))
