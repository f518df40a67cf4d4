"""What more time would bring: the blend of random parts of the trials, as a learning curve over their number."""

from __future__ import annotations

import numpy as np

from automl.ensemble import greedy_weights, mix
from automl.forecast import Forecast, next_doubling, over
from automl.search.best import Blend
from automl.search.budget import Clock
from automl.search.ledger import Ledger, best_of_each

_FEWEST_TRIALS = 4
_DRAWS = 4
_ROWS = 1_000
_STEPS = 12


def forecast(ledger: Ledger, blend: Blend, clock: Clock, n_models: int, twice_rows: float | None) -> Forecast | None:
    """Carry the curve over trials on to the time limit; None while there are too few trials to draw one.

    The trials of a search come in an order of its own, the best families first, so the curve is drawn over random
    parts of them: what a search half or a quarter as long would have had to choose from (after Dodge et al. 2019,
    arXiv 1909.03004).

    Args:
        n_models: Most trials the blend may draw on.
        twice_rows: Gain expected of twice the rows, passed through.
    """
    trials = ledger.complete()
    if len(trials) < _FEWEST_TRIALS:
        return None
    rng = np.random.default_rng(0)
    rows = np.flatnonzero(ledger.validated)
    rows = rng.choice(rows, min(len(rows), _ROWS), replace=False)
    y, metric = ledger.y[rows], ledger.metric

    def reached(n_trials: int) -> float:
        """Gain of the blend of so many trials, mean over draws."""
        gains = []
        for _ in range(_DRAWS if n_trials < len(trials) else 1):
            drawn = sorted(rng.choice(len(trials), n_trials, replace=False))
            pool = best_of_each([trials[i] for i in drawn], n_models)
            predictions = [ledger.prediction(trial.number, rows) for trial in pool]
            weights = greedy_weights(predictions, y, metric, n_steps=_STEPS)
            gains.append(metric.gain(metric(y, mix(predictions, list(weights)))))
        return float(np.mean(gains))

    n = len(trials)
    twice = next_doubling(*(reached(max(1, round(n * share))) for share in (0.25, 0.5, 1.0)))
    searched = max(clock.elapsed, 1e-3)
    to_limit = over(twice, (searched + clock.search_left) / searched)
    value = float(np.clip(metric.gain(metric.gain(blend.value) + to_limit), *metric.bounds))
    return Forecast(seconds=searched, value=value, to_limit=to_limit, twice_time=twice, twice_rows=twice_rows)
