"""What more time would bring: the blend of random parts of the trials, as a learning curve over their number."""

from __future__ import annotations

import numpy as np

from automl.ensemble import blend_weights, mix
from automl.forecast import Forecast, next_doubling, over
from automl.search.best import Blend
from automl.search.budget import Clock
from automl.search.ledger import Ledger, best_of_each

_FEWEST_TRIALS = 4
_DRAWS = 4
_ROWS = 1_000


def forecast(ledger: Ledger, blend: Blend, clock: Clock, n_models: int, twice_rows: float | None) -> Forecast | None:
    """Carry the curve over trials on to the time limit; None while there are too few trials to draw one.

    The first trial of each family is always there, for the search begins with them; the curve is drawn over random
    parts of the others: what a search half or a quarter as long would have had beside them (after Dodge et al. 2019,
    arXiv 1909.03004). Trials that were stopped count among the others, and add nothing.

    Args:
        n_models: Most trials the blend may draw on.
        twice_rows: Gain expected of twice the rows, passed through.
    """
    complete = ledger.complete()
    firsts = {trial.family: trial for trial in sorted(complete, key=lambda trial: -trial.number)}
    tried = [t for t in ledger.trials.values() if t.state in ("done", "pruned") and t.origin != "baseline"]
    others = [trial.number for trial in tried if firsts.get(trial.family) != trial]
    if not complete or len(others) < _FEWEST_TRIALS:
        return None
    always = {trial.number for trial in firsts.values()}
    rng = np.random.default_rng(0)
    rows = np.flatnonzero(ledger.validated)
    rows = rng.choice(rows, min(len(rows), _ROWS), replace=False)
    y, metric = ledger.y[rows], ledger.metric

    def reached(share: float) -> float:
        """Gain of the blend of the first trials and a share of the others, mean over draws."""
        gains = []
        for _ in range(_DRAWS if share < 1 else 1):
            drawn = always.union(rng.choice(others, round(share * len(others)), replace=False).tolist())
            pool = best_of_each([trial for trial in complete if trial.number in drawn], n_models)
            predictions = [ledger.prediction(trial.number, rows) for trial in pool]
            weights = blend_weights(predictions, y, metric)
            gains.append(metric.gain(metric(y, mix(predictions, list(weights)))))
        return float(np.mean(gains))

    twice = next_doubling(reached(0.25), reached(0.5), reached(1.0))
    searched = max(clock.elapsed, 1e-3)
    to_limit = over(twice, (searched + clock.search_left) / searched)
    value = float(np.clip(metric.gain(metric.gain(blend.value) + to_limit), *metric.bounds))
    return Forecast(seconds=searched, value=value, to_limit=to_limit, twice_time=twice, twice_rows=twice_rows)
