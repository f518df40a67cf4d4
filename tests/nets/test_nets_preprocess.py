from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from automl.features import Features, Layout
from automl.nets.preprocess import Preprocessor, robust_scale, smooth_clip


def features(x_num: list | np.ndarray, x_cat: list | np.ndarray, n_levels: tuple[int, ...] = ()) -> Features:
    num, cat = np.asarray(x_num, dtype=np.float32), np.asarray(x_cat, dtype=np.int32).reshape(len(x_num), -1)
    return Features(num, cat, Layout(columns=(), n_levels=n_levels))


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float32, (7, 3), elements=st.floats(width=32, allow_infinity=True, allow_nan=True)),
    arrays(np.int32, (7, 2), elements=st.integers(-2, 4)),
    st.integers(1, 6),
)
def test_any_input_gives_finite_bounded_rows_that_do_not_see_each_other(x_num, x_cat, max_one_hot):
    x = features(x_num, x_cat, (5, 5))
    fitted = Preprocessor(max_one_hot).fit(x)
    block = fitted.transform(x)
    assert np.abs(block.x_num).max(initial=0) <= 3
    assert np.abs(block.x_flag).max(initial=0) <= 3
    sizes = fitted.sizes
    assert (block.x_num.shape[1], block.x_flag.shape[1]) == (sizes.d_num, sizes.d_flag)
    assert block.x_cat.shape[1] == len(sizes.n_categories)
    assert all(block.x_cat[:, j].max() < n for j, n in enumerate(sizes.n_categories))
    alone = fitted.transform(x.take(slice(3, 4)))
    for whole, one in zip(block, alone, strict=True):
        np.testing.assert_array_equal(whole[3:4], one)
    restored = Preprocessor(max_one_hot).restore(fitted.arrays()).transform(x)
    for a, b in zip(block, restored, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_scale_is_robust_to_outliers_and_falls_back_on_the_range():
    x = np.array([[0, 0, 5], [1, 0, 5], [2, 0, 5], [3, 0, 5], [1e9, 4, 5]], dtype=np.float32)
    center, factor = robust_scale(x)
    np.testing.assert_allclose(center, [2, 0, 5])
    np.testing.assert_allclose(factor, [0.5, 0.5, 0])


def test_the_clip_is_smooth_and_odd():
    np.testing.assert_allclose(smooth_clip(np.array([0.0, 3.0, -3.0])), [0, 3 / np.sqrt(2), -3 / np.sqrt(2)])
    assert smooth_clip(np.array([1e150]))[0] <= 3


def test_missing_numbers_are_the_median_with_a_flag_only_where_training_has_them():
    x = features([[1, 1], [2, np.nan], [3, 3]], np.zeros((3, 0)))
    fitted = Preprocessor().fit(x)
    assert fitted.sizes.d_flag == 1
    block = fitted.transform(features([[np.nan, np.nan], [2, 2]], np.zeros((2, 0))))
    np.testing.assert_array_equal(block.x_num, [[0, 0], [0, 0]])
    assert block.x_flag[0, 0] > block.x_flag[1, 0]


def test_small_categories_become_flags_and_large_ones_indices():
    codes = np.array([[0, 0, 0], [1, 1, 1], [0, 2, 2], [1, -1, 3], [1, 2, 3]])
    x = features(np.zeros((5, 0)), codes, (2, 3, 6))
    fitted = Preprocessor(max_one_hot=3).fit(x)
    # 1 for two levels; 3 levels and missing are too many for 3 flags
    assert fitted.sizes.d_flag == 1
    assert fitted.sizes.n_categories == (5, 6)
    block = fitted.transform(x)
    np.testing.assert_array_equal(block.x_cat[:, 0], [2, 3, 4, 1, 4])
    np.testing.assert_array_equal(block.x_cat[:, 1], [2, 3, 4, 5, 5])


def test_what_training_does_not_have_is_unknown():
    x = features(np.zeros((3, 0)), [[0], [1], [5]], (6,))
    fitted = Preprocessor(max_one_hot=1).fit(x)
    block = fitted.transform(features(np.zeros((5, 0)), [[-2], [-1], [3], [99], [5]], (6,)))
    np.testing.assert_array_equal(block.x_cat[:, 0], [0, 0, 0, 0, 4])
    flags = Preprocessor().fit(x).transform(features(np.zeros((3, 0)), [[-2], [-1], [3]], (6,))).x_flag
    np.testing.assert_array_equal(flags[0], flags[1])
    np.testing.assert_array_equal(flags[0], flags[2])
