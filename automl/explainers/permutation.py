"""Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019, JMLR 20(177)): what shuffling a column costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.explainers.pool import RowPool

_LEAST_REPEATS = 2
Score = Callable[[NDArray[Any], NDArray[np.float64]], float]


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss of the metric by column.

    Shape:
        players: (n_done,) player numbers.
        means, errors: (n_done,) mean loss over the shuffles, and its standard error.
    """

    players: NDArray[np.int64]
    means: NDArray[np.float64]
    errors: NDArray[np.float64]


def losses(
    pool: RowPool,
    rows: NDArray[Any],
    y: NDArray[Any],
    score: Score,
    *,
    order: Sequence[int],
    repeats: int,
    seed: int,
    deadline: float,
) -> Losses:
    """Shuffle one player after the other within the rows and see what the score loses.

    Each is shuffled twice before any is shuffled more often, so that one of which the time says less is still told.

    Args:
        pool: Predicts what `score` takes.
        rows: Pool rows, (n_rows,), with the truth `y`.
        score: Higher is better.
        order: Players, most promising first; those after the deadline (`time.monotonic()`) are left out.
        repeats: Shuffles a player, if there is the time; at least 2, for the standard error.
    """
    before = score(y, pool.predict(pool.whole(rows)))
    random = {player: np.random.default_rng((seed, player)) for player in order}
    lost: dict[int, list[float]] = {}
    for n in (_LEAST_REPEATS, repeats - _LEAST_REPEATS):
        for player in order if n else ():
            if time.monotonic() > deadline:
                break
            shuffled = np.concatenate([random[player].permutation(rows) for _ in range(n)])
            after = pool.predict_with(np.tile(rows, n), player, shuffled)
            lost.setdefault(player, []).extend(before - score(y, part) for part in np.split(after, n))
    return Losses(
        np.asarray(list(lost), dtype=np.int64),
        np.asarray([np.mean(each) for each in lost.values()]),
        np.asarray([np.std(each, ddof=1) / np.sqrt(len(each)) for each in lost.values()]),
    )
