from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_fakes import BINARY, MACHINE, column, profile

from automl.errors import DataError, UsageError
from automl.plan import Wishes
from automl.policy.effects import Case
from automl.policy.validation import choose_validation, holdout_fraction
from automl.splits import make_splits
from automl.task import Task

CHEAP = (0.01, 0.02, 0.03)


def choose(n, wishes=None, costs=CHEAP, *, task=BINARY, made=None, n_workers=2):
    return choose_validation(Case(made or profile(n), task, MACHINE, wishes or Wishes(seconds=60)), costs, n_workers)


@pytest.mark.parametrize(
    ("n", "wishes", "folds", "repeats"),
    [
        (120, Wishes(), 5, 3),
        (450, Wishes(), 5, 3),
        (800, Wishes(), 8, 1),
        (800, Wishes(preset="best"), 5, 3),
        (5_000, Wishes(), 5, 1),
        (5_000, Wishes(preset="best"), 8, 1),
        (5_000, Wishes(preset="fast"), 4, 1),
        (120, Wishes(preset="fast"), 5, 1),
        (4, Wishes(), 4, 3),
        (2, Wishes(), 2, 3),
    ],
)
def test_folds_by_size_and_preset_where_time_is_plenty(n, wishes, folds, repeats):
    chosen = choose(n, wishes)
    assert (chosen.kind, chosen.n_folds, chosen.n_repeats, chosen.stratify) == ("kfold", folds, repeats, True)


def test_fits_get_fewer_as_models_get_dearer_and_end_in_a_holdout():
    fits = [choose(5_000, costs=(seconds,) * 4).n_fits for seconds in (0.1, 0.75, 3.0, 20.0)]
    assert fits == [5, 2, 2, 1]
    one, two = (choose(5_000, costs=(seconds,) * 4) for seconds in (20.0, 3.0))
    assert one.kind == two.kind == "holdout"
    assert one.sentence.startswith("one holdout of 20 % (1,000 rows): 4 folds of one model of 4 main families")
    assert "4 min of the 100 s" in one.sentence
    assert two.sentence.startswith("2 holdouts of 20 % (1,000 rows each): ")
    assert choose(5_000, costs=(3.0,) * 4, n_workers=16).n_fits == 5


def test_one_holdout_of_many_rows_is_precise_where_two_are_dear():
    costs = (8.0, 6.0, 3.0, 2.0)
    assert [choose(n, costs=costs).n_fits for n in (2_000, 8_000, 20_000)] == [2, 2, 1]


def test_many_rows_are_held_out_once_unless_folds_are_nearly_free():
    assert choose(200_000, costs=(8.0, 1.0)).kind == "holdout"
    assert choose(200_000, costs=(4.0, 1.0)).n_folds == 1
    assert choose(200_000, Wishes(preset="fast")).kind == "holdout"
    assert choose(60_000, Wishes(seconds=3600), costs=(3.0, 1.0)).n_folds == 4


def test_few_rows_pay_more_for_folds_than_many():
    costs = (10.0, 6.0, 3.0, 2.0)
    assert choose(450, costs=costs).kind == "kfold"
    assert choose(1_000, costs=costs).kind == "holdout"


def test_a_holdout_is_precise_and_never_most_of_the_data():
    rows = [n * holdout_fraction(n) for n in (10, 1_000, 50_000, 100_000, 10**6)]
    assert rows == [2, 200, 10_000, 10_000, 50_000]


def test_groups_and_time():
    by_group = Task(kind="binary", target="y", metric="m", classes=("a", "b"), group="g")
    made = profile(1_000, columns=(*profile(1_000).columns, column("g", "id", role="group", n_unique=3)))
    chosen = choose(1_000, task=by_group, made=made)
    assert (chosen.n_folds, chosen.group, chosen.stratify) == (3, "g", False)
    costs = (10.0, 6.0, 3.0, 2.0)
    assert choose(1_000, task=by_group, made=made, costs=costs).n_folds == 3
    assert choose(1_000, made=made, costs=costs).kind == "holdout"
    one = profile(1_000, columns=(*profile(1_000).columns, column("g", "id", role="group", n_unique=1)))
    with pytest.raises(UsageError, match="1 group; splitting by it needs 2"):
        choose(1_000, task=by_group, made=one)
    by_time = Task(kind="regression", target="y", metric="m", time="t")
    assert choose(1_000, task=by_time).time == "t"
    assert choose(1_000, task=by_time).kind == "kfold"
    assert choose(500_000, task=by_time).kind == "holdout"


def test_rare_classes_are_said():
    target = column("y", "category", role="target", n_unique=3, top=(("a", 600), ("b", 398), ("c", 2)))
    made = profile(1_000, columns=(column("x"), target))
    assert "1 class has fewer rows than folds" in choose(1_000, made=made).sentence
    assert "fewer rows" not in choose(1_000).sentence


def test_one_row_is_not_enough():
    with pytest.raises(DataError, match="1 row with a target"):
        choose(1)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 400),
    seconds=st.floats(1e-4, 100),
    budget=st.floats(1, 600),
    by=st.sampled_from([None, "group", "time"]),
    n_groups=st.integers(2, 50),
)
def test_whatever_is_chosen_can_be_split(n, seconds, budget, by, n_groups):
    groups = np.arange(n) % min(n_groups, n)
    made = profile(n, columns=(*profile(n).columns, column("g", role="group", n_unique=len(set(groups)))))
    task = Task(
        kind="binary",
        target="y",
        metric="m",
        classes=("a", "b"),
        group="g" if by == "group" else None,
        time="t" if by == "time" else None,
    )
    chosen = choose(n, Wishes(seconds=budget), (seconds,) * 3, task=task, made=made)
    splits = make_splits(
        chosen,
        np.arange(n) % 2,
        groups=groups if by == "group" else None,
        times=np.arange(n, dtype=float) if by == "time" else None,
    )
    assert len(splits) == chosen.n_fits
    assert 0 < chosen.train_share < 1
    for split in splits:
        assert len(split.train)
        assert len(split.valid)
