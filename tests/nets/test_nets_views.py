from __future__ import annotations

import numpy as np
import pytest

from automl.nets.views import normal_scores, sample_rows


def test_all_rows_are_taken_once_where_there_is_room():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 50)
    np.testing.assert_array_equal(sample_rows(y, None, 50, rng), np.arange(50))
    np.testing.assert_array_equal(sample_rows(y, np.full(50, 1e-6), 50, rng), np.arange(50))


def test_classes_keep_their_shares_in_a_sample():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [700, 250, 50])
    taken = sample_rows(y, None, 100, rng)
    assert np.bincount(y[taken]).tolist() == pytest.approx([70, 25, 5], abs=1)
    assert len(np.unique(taken)) == 100


def test_rows_are_taken_as_often_as_their_weights_say():
    rng = np.random.default_rng(0)
    weights = np.array([0.0, 1.0, 3.0, 0.0])
    taken = np.bincount(sample_rows(np.zeros(4), weights, 4, rng), minlength=4)
    assert taken.tolist() == [0, 1, 3, 0]


def test_normal_scores_are_normal_and_lead_back():
    z = np.exp(3 * np.random.default_rng(0).standard_normal(2_000))
    scores, knots, targets = normal_scores(z)
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(np.interp(scores, knots, targets), z)
    assert len(normal_scores(np.array([2.0, 2.0, 5.0]))[1]) == 2
