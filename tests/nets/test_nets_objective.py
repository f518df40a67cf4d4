from __future__ import annotations

import numpy as np
import pytest
import torch

from automl.nets.objective import Objective, objective
from automl.task import Task


def regression(metric: str) -> Task:
    return Task(kind="regression", target="y", metric=metric)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_targets_come_back_from_their_scale(metric: str):
    y = np.array([0.0, 10.0, 1e6, 3.5])
    it = objective(regression(metric), y)
    np.testing.assert_allclose(it.decode(it.encode(y)[:, None]).numpy(), y, rtol=1e-4, atol=0.3)
    assert it.absolute == (metric == "mae")


def test_predictions_stay_within_the_training_range():
    it = objective(regression("rmse"), np.array([1.0, 2.0]))
    assert it.decode(torch.tensor([[-1e9], [1e9]])).tolist() == [1.0, 2.0]


def test_members_are_averaged_as_probabilities_but_trained_alone():
    it = Objective(n_classes=2)
    out = torch.tensor([[[20.0, 0.0], [0.0, 20.0]]])
    torch.testing.assert_close(it.decode(out), torch.tensor([[0.5, 0.5]], dtype=torch.float64))
    assert it.loss(out, torch.tensor([0]), None).item() == pytest.approx(10.0, abs=1e-3)


def test_rows_of_no_weight_do_not_count():
    it = Objective(n_classes=0)
    out, y = torch.tensor([[1.0], [5.0]]), torch.tensor([0.0, 0.0])
    assert it.loss(out, y, torch.tensor([2.0, 0.0])).item() == pytest.approx(1.0)


def test_smoothing_pulls_confident_probabilities_back():
    out, y = torch.tensor([[9.0, -9.0]]), torch.tensor([0])
    assert Objective(n_classes=2, smoothing=0.1).loss(out, y, None) > Objective(n_classes=2).loss(out, y, None)
