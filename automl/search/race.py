"""Which trials go on: paired tests on rows, and a look at whether the blend would want the loser all the same."""

from __future__ import annotations

import numpy as np

from automl.ensemble import blend_weights
from automl.search.ledger import Ledger, best_of_each
from automl.trial import Trial

_Z_PORTFOLIO = 3.0
_Z_SEARCH = 2.0
_MIN_ROWS = 30


def reason_to_stop(ledger: Ledger, trial: Trial, n_models: int) -> str:
    """Why a trial that has more folds before it should stop; empty if it should go on.

    It stops where it is worse than the best complete trial on the rows both have seen, by a paired test on row losses
    (z over 3 for a family's good defaults, over 2 for tuning), and a greedy blend on those rows gives it no weight.
    Tests on rows have thousands of pairs where tests on folds have five (methods: early stopping of cross-validation,
    arXiv 2405.03389).

    Args:
        ledger: The books.
        trial: One with at least one fold done.
        n_models: Most complete trials to hold it against in the blend.
    """
    rivals = best_of_each(ledger.complete(), n_models)
    rows = ledger.rows(trial.number)
    if not rivals or len(rows) < _MIN_ROWS:
        return ""
    best = rivals[0]
    difference = ledger.losses(trial.number, rows) - ledger.losses(best.number, rows)
    error = float(difference.std(ddof=1)) / np.sqrt(len(rows))
    z = float(difference.mean()) / error if error > 0 else 0.0
    limit = _Z_SEARCH if trial.origin == "search" else _Z_PORTFOLIO
    if z <= limit:
        return ""
    predictions = [ledger.prediction(t.number, rows) for t in (*rivals, trial)]
    if blend_weights(predictions, ledger.y[rows], ledger.metric, spread=0.0)[-1] > 0:
        return ""
    return f"worse than trial {best.number} by {z:.1f} standard errors on {len(rows):,} rows, of no use to the blend"
