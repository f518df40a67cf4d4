"""Probabilities stay proper whatever comes in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from automl.models.probabilities import FLOOR, proper, shares, spread


@settings(deadline=None)
@given(arrays(np.float64, (5, 3), elements=st.floats(0, 1)))
def test_rows_add_up_to_one_and_none_is_zero(p: np.ndarray) -> None:
    found = proper(p)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found > FLOOR / 4).all()


def test_absent_classes_keep_their_columns() -> None:
    found = spread(np.array([[0.25, 0.75]]), np.array([0, 2]), 4)
    np.testing.assert_allclose(found, [[0.25, 0, 0.75, 0]], atol=1e-6)


def test_shares_do_not_depend_on_the_unit_of_weights() -> None:
    y = np.array([0, 0, 1])
    np.testing.assert_allclose(shares(y, np.full(3, 1e-9), 3), shares(y, None, 3))
    assert shares(y, None, 3)[2] > 0
