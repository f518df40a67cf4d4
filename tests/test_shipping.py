"""Which of a trial's fitted folds go into the model file."""

from __future__ import annotations

import pytest

from automl.shipping import shipped_folds


@pytest.mark.parametrize(
    ("weight", "folds"),
    [(1.0, (0, 1, 2, 3, 4, 5, 6, 7)), (0.34, (0, 1, 2, 3, 4, 5, 6, 7)), (0.12, (0, 2, 5)), (0.01, (0,))],
)
def test_a_light_trial_ships_some_of_its_folds_evenly_spaced(weight: float, folds: tuple[int, ...]) -> None:
    assert shipped_folds(range(8), weight) == folds


def test_a_trial_ships_its_only_fold() -> None:
    assert shipped_folds([0], 0.02) == (0,)
