"""Features made of two others each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.models.arithmetic import MOST_PAIRS, MOST_TRIED, ArithmeticPairs

_X = np.array([[6, 3, 1], [1, 0, 1], [0, 0, 1], [np.nan, 2, 1], [3e38, 3e38, 1], [7, 1e-40, 1]], dtype=np.float32)


def _pairs(*made: tuple[int, int, int]) -> ArithmeticPairs:
    columns = np.array(made, dtype=np.int32).T
    return ArithmeticPairs(dict(zip(("pair_first", "pair_second", "pair_operation"), columns, strict=True)))


def _correlation(target: NDArray[Any]) -> Any:
    def gains(x: NDArray[Any]) -> NDArray[Any]:
        told = np.array([abs(np.corrcoef(column, target)[0, 1]) if column.std() else 0.0 for column in x.T])
        return np.where(told > 0.1, told, 0.0)

    return gains


def test_five_features_can_be_made_of_two() -> None:
    made = _pairs((0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 1, 3), (0, 1, 4)).apply(_X)
    assert made[0].tolist() == [9, 3, 18, 2, 0.5]


def test_what_is_no_number_that_fits_is_missing() -> None:
    made = _pairs((0, 1, 0), (0, 1, 2), (0, 1, 3)).apply(_X)
    assert np.isnan(made).tolist() == [
        [False, False, False],
        [False, False, True],  # 1 / 0
        [False, False, True],  # 0 / 0
        [True, True, True],  # missing
        [True, True, False],  # beyond float32
        [False, False, True],
    ]


def test_a_row_alone_has_the_features_it_has_among_others() -> None:
    pairs = _pairs((0, 1, 4), (2, 0, 3), (1, 2, 1))
    alone = np.concatenate([pairs.apply(_X[i : i + 1]) for i in range(len(_X))])
    np.testing.assert_array_equal(alone, pairs.apply(_X))


def test_the_pair_that_tells_most_comes_first() -> None:
    x = np.random.default_rng(0).uniform(1, 2, size=(500, 4)).astype(np.float32)
    pairs = ArithmeticPairs.fit(x, _correlation(x[:, 1] / x[:, 3]))
    first = [int(values[0]) for values in pairs.arrays.values()]
    assert first in ([1, 3, 3], [3, 1, 4])
    np.testing.assert_array_equal(pairs.apply(x)[:, 0], x[:, 1] / x[:, 3])


def test_there_are_no_more_pairs_than_promised() -> None:
    x = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    seen = []

    def gains(features: NDArray[Any]) -> NDArray[Any]:
        seen.append(features.shape[1])
        return np.ones(features.shape[1])

    assert ArithmeticPairs.fit(x, gains).n == MOST_PAIRS
    assert seen == [12, 12 + MOST_TRIED]


def test_features_that_tell_nothing_make_no_pair() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    pairs = ArithmeticPairs.fit(x, lambda features: np.zeros(features.shape[1]))
    assert pairs.n == 0
    assert pairs.apply(x).shape == (200, 0)


@pytest.mark.parametrize("bent", [{"pair_first": [3, 0]}, {"pair_second": [-1, 0]}, {"pair_operation": [5, 0]}])
def test_pairs_of_features_that_are_not_there_are_refused(bent: dict[str, list[int]]) -> None:
    arrays = _pairs((0, 1, 0), (0, 2, 4)).arrays
    assert ArithmeticPairs.load(arrays, 3).n == 2
    with pytest.raises(ModelFileError, match="not there"):
        ArithmeticPairs.load(arrays | {name: np.array(values, dtype=np.int32) for name, values in bent.items()}, 3)


@pytest.mark.parametrize("name", ["pair_first", "pair_second", "pair_operation"])
def test_pairs_that_lack_or_bend_an_array_are_refused(name: str) -> None:
    arrays = _pairs((0, 1, 0), (0, 2, 4)).arrays
    with pytest.raises(ModelFileError, match=name):
        ArithmeticPairs.load({key: values for key, values in arrays.items() if key != name}, 3)
    for values in (arrays[name][:-1], arrays[name].astype(np.float64)):
        with pytest.raises(ModelFileError, match="not there"):
            ArithmeticPairs.load(arrays | {name: values}, 3)
