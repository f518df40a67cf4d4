"""Splits are disjoint and exhaustive, keep class shares, groups and the order of time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from automl.plan import Validation
from automl.splits import make_splits


def kfold(n_folds: int, **more: object) -> Validation:
    return Validation(kind="kfold", n_folds=n_folds, **more)  # type: ignore[arg-type]


@given(n=st.integers(4, 200), n_folds=st.integers(2, 4), repeats=st.integers(1, 3), stratify=st.booleans())
def test_every_row_is_validated_once_a_repeat(n: int, n_folds: int, repeats: int, stratify: bool) -> None:
    y = np.random.default_rng(n).normal(size=n)
    splits = make_splits(kfold(n_folds, n_repeats=repeats, stratify=stratify), y, seed=n)
    assert len(splits) == n_folds * repeats
    seen = np.zeros(n, dtype=int)
    for split in splits:
        assert not set(split.train) & set(split.valid)
        assert len(split.train) + len(split.valid) == n
        seen[split.valid] += 1
    assert (seen == repeats).all()


@given(n_rare=st.integers(2, 9), n_folds=st.integers(2, 5))
def test_stratified_folds_keep_class_shares_to_a_row(n_rare: int, n_folds: int) -> None:
    y = np.r_[np.zeros(50, dtype=int), np.ones(n_rare, dtype=int)]
    counts = [int(y[s.valid].sum()) for s in make_splits(kfold(n_folds, stratify=True), y)]
    assert max(counts) - min(counts) <= 1


@given(st.lists(st.integers(0, 12), min_size=20, max_size=80))
def test_groups_stay_together(codes: list[int]) -> None:
    groups = np.array(codes)
    for split in make_splits(kfold(3), np.zeros(len(codes)), groups=groups):
        assert not set(groups[split.train]) & set(groups[split.valid])


def test_a_holdout_of_groups_is_not_the_largest_of_them() -> None:
    groups = np.r_[np.zeros(600, dtype=int), 1 + np.arange(400) // 10]
    (split,) = make_splits(Validation(kind="holdout", n_folds=1, fraction=0.2), np.zeros(1000), groups=groups)
    assert len(split.valid) == 100
    assert not set(groups[split.train]) & set(groups[split.valid])


@given(st.lists(st.one_of(st.integers(0, 50).map(float), st.just(float("nan"))), min_size=30, max_size=90))
def test_validation_comes_after_training(moments: list[float]) -> None:
    times = np.array(moments)
    if len(set(times[np.isfinite(times)])) < 4:
        return
    for split in make_splits(kfold(3), np.zeros(len(times)), times=times):
        assert np.isfinite(times[split.valid]).all()
        assert np.nanmax(times[split.train], initial=-1.0) <= times[split.valid].min()


def test_two_holdouts_have_no_row_in_common() -> None:
    first, second = make_splits(Validation(kind="holdout", n_folds=2, fraction=0.2), np.arange(1000.0))
    assert len(first.valid) == len(second.valid) == 200
    assert not set(first.valid) & set(second.valid)
    assert len(first.train) == len(second.train) == 800


def test_a_holdout_is_one_split_of_its_fraction() -> None:
    y = np.arange(1000) % 2
    (split,) = make_splits(Validation(kind="holdout", n_folds=1, fraction=0.1, stratify=True), y)
    assert len(split.valid) == 100
    assert y[split.valid].sum() == 50


def test_regression_folds_cover_the_range_of_the_target() -> None:
    y = np.random.default_rng(0).exponential(size=500)
    for split in make_splits(kfold(5, stratify=True), y):
        assert abs(np.median(y[split.valid]) - np.median(y)) < 0.1


def test_the_same_seed_gives_the_same_splits() -> None:
    y = np.zeros(50)
    one, same, other = (make_splits(kfold(3), y, seed=s)[0].valid.tolist() for s in (1, 1, 2))
    assert one == same != other
