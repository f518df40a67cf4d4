"""Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019, JMLR 20(177)): what shuffling a column costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.explainers.pool import RowPool

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

    Args:
        pool: Predicts what `score` takes.
        rows: Pool rows, (n_rows,), with the truth `y`.
        score: Higher is better.
        order: Players, most promising first; those after the deadline (`time.monotonic()`) are left out.
        repeats: Shuffles a player; at least 2, for the standard error.
    """
    before = score(y, pool.predict(pool.whole(rows)))
    repeated = np.tile(rows, repeats)
    done, means, errors = [], [], []
    for player in order:
        if time.monotonic() > deadline:
            break
        random = np.random.default_rng((seed, player))
        shuffled = np.concatenate([random.permutation(rows) for _ in range(repeats)])
        after = pool.predict_with(repeated, player, shuffled)
        lost = before - np.asarray([score(y, part) for part in np.split(after, repeats)])
        done.append(player)
        means.append(float(lost.mean()))
        errors.append(float(lost.std(ddof=1) / np.sqrt(repeats)))
    return Losses(np.asarray(done, dtype=np.int64), np.asarray(means), np.asarray(errors))
