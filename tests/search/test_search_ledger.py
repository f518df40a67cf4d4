"""The books: every trial's predictions of the rows that its folds have validated, whatever the splits are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from search_books import FOLDS, HOLDOUT, Y, books, enter

from automl.plan import Validation

TWICE = replace(FOLDS, n_repeats=2)


@pytest.mark.parametrize("validation", [HOLDOUT, FOLDS, TWICE])
def test_a_prediction_is_that_of_its_row(tmp_path: Path, validation: Validation) -> None:
    ledger = books(tmp_path, validation)
    trial = enter(ledger, noise=1e-6)
    rows = ledger.rows(trial.number)
    assert set(rows) == {int(row) for split in ledger.splits for row in split.valid}
    some = np.random.default_rng(0).permutation(rows)[:20]
    np.testing.assert_allclose(ledger.prediction(trial.number, some), Y[some], atol=1e-4)
