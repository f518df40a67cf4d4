"""The books: every trial's predictions of the rows that its folds have validated, whatever the splits are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from search_books import FOLDS, HOLDOUT, Y, books, enter

from automl.plan import Validation
from automl.search.ledger import best_of_each

TWICE = replace(FOLDS, n_repeats=2)


@pytest.mark.parametrize("validation", [HOLDOUT, FOLDS, TWICE])
def test_a_prediction_is_that_of_its_row(tmp_path: Path, validation: Validation) -> None:
    ledger = books(tmp_path, validation)
    trial = enter(ledger, noise=1e-6)
    rows = ledger.rows(trial.number)
    assert set(rows) == {int(row) for split in ledger.splits for row in split.valid}
    some = np.random.default_rng(0).permutation(rows)[:20]
    np.testing.assert_allclose(ledger.prediction(trial.number, some), Y[some], atol=1e-4)


def test_those_of_the_last_blend_keep_half_the_places(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    best, better, good = (enter(ledger, noise=noise, family="forest") for noise in (0.1, 0.2, 0.3))
    linear, tree, knn = (enter(ledger, noise=2 * k, family=f) for k, f in ((1, "linear"), (2, "tree"), (3, "knn")))
    ordered = ledger.complete()
    assert best_of_each(ordered, 4) == [best, linear, tree, knn]
    assert best_of_each(ordered, 4, [good, better, knn]) == [better, good, best, linear]
    assert best_of_each(ordered, 1, [good]) == [best]
