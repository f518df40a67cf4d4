"""Rows put together from other rows, column by column: what every model-agnostic explanation asks a model about.

Encoding is column-wise, so a row that takes some of the user's columns from one row and the rest from another is a
gather over encoded rows, and nothing is ever encoded twice. A feature made of two of the user's columns follows the one
it is assigned to in `Layout`.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.features import Features, Layout

Picks = NDArray[np.int64]
Predict = Callable[[Features], NDArray[np.float64]]

_CELLS_A_CALL = 2**23
_FAR = 1e30
SAFE = 0.8  # of the time that is left, for costs measured on few rows
_N_PROBES, _LEAST_PROBES = 32, 4
_N_EFFECTS = 100  # groups whose effects tell enough to be worth having
_N_CORRELATED = 300
_N_FIRST_GROUPS = 16
_SPLIT = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a prediction: of a call, and of each row in it."""

    call: float
    row: float

    @classmethod
    def measured(cls, few: tuple[int, float], many: tuple[int, float]) -> Cost:
        """From two calls, each of so many rows in so many seconds."""
        (n_few, first), (n_many, last) = few, many
        if n_many == n_few:
            return cls(0.0, last / n_many)
        row = max(last - first, 1e-9) / (n_many - n_few)
        return cls(max(first - n_few * row, 0.0), row)

    def seconds(self, n_rows: float, n_calls: float = 1) -> float:
        """Of so many rows in so many calls."""
        return self.call * n_calls + self.row * n_rows


@dataclass(frozen=True, slots=True)
class Player:
    """One or more of the user's columns that are masked and shuffled together."""

    name: str
    columns: tuple[int, ...]


def used_columns(layout: Layout) -> tuple[int, ...]:
    """The user's columns that at least one feature or block comes from, in the order of the file."""
    blocks = {layout.columns.index(block.column) for block in layout.blocks}
    return tuple(sorted({*layout.num_sources, *layout.cat_sources, *blocks}))


def players_of(layout: Layout, foremost: Sequence[int] | None = None) -> tuple[Player, ...]:
    """Every used column on its own; or the foremost ones, and the rest as one player."""
    used = used_columns(layout)
    alone = used if foremost is None else tuple(sorted(foremost))
    players = tuple(Player(layout.columns[column], (column,)) for column in alone)
    rest = tuple(sorted(set(used) - set(alone)))
    return (*players, Player(rest_name(len(rest)), rest)) if rest else players


def rest_name(n_columns: int) -> str:
    """What the columns that are not told apart are called."""
    return f"all other columns ({n_columns:,})"


class RowPool:
    """Encoded rows, the players their columns form, and the model.

    A row to be predicted is written as picks: for each player, the pool row its columns are taken from.

    Attributes:
        num_owner, cat_owner, block_owner: Player of each numeric feature, each categorical one and each block.
    """

    def __init__(self, features: Features, players: Sequence[Player], predict: Predict) -> None:
        self.features = features
        self.players = tuple(players)
        self._predict = predict
        owner = np.zeros(len(features.layout.columns), dtype=np.int64)
        for number, player in enumerate(self.players):
            owner[list(player.columns)] = number
        self.num_owner = owner[list(features.layout.num_sources)]
        self.cat_owner = owner[list(features.layout.cat_sources)]
        self.block_owner = [int(owner[features.layout.columns.index(block.column)]) for block in features.layout.blocks]

    @property
    def n_players(self) -> int:
        """Players."""
        return len(self.players)

    def with_players(self, players: Sequence[Player]) -> RowPool:
        """The same rows, with columns grouped otherwise."""
        return RowPool(self.features, players, self._predict)

    def answered_by(self, predict: Predict) -> RowPool:
        """The same rows, asked of another model."""
        return RowPool(self.features, self.players, predict)

    def taken(self, rows: NDArray[Any] | slice) -> RowPool:
        """Some of the rows, in this order."""
        return RowPool(self.features.take(rows), self.players, self._predict)

    def whole(self, rows: NDArray[Any]) -> Picks:
        """(n_rows, n_players) picks of unmixed pool rows."""
        return np.repeat(rows.astype(np.int64)[:, None], self.n_players, axis=1)

    def mixed(self, picks: Picks) -> Features:
        """The rows that `picks` (n_rows, n_players) describe."""
        x, d_num, d_cat = self.features, len(self.num_owner), len(self.cat_owner)
        x_num = x.x_num[picks[:, self.num_owner], np.arange(d_num)] if d_num else x.x_num[picks[:, 0]]
        x_cat = x.x_cat[picks[:, self.cat_owner], np.arange(d_cat)] if d_cat else x.x_cat[picks[:, 0]]
        blocks = tuple(b[picks[:, owner]] for b, owner in zip(x.blocks, self.block_owner, strict=True))
        return Features(x_num, x_cat, x.layout, blocks)

    def predict_with(self, rows: NDArray[Any], player: int, donors: NDArray[Any]) -> NDArray[np.float64]:
        """What the model says of pool rows that take one player from other pool rows, (n_rows,) each."""
        num, cat = np.flatnonzero(self.num_owner == player), np.flatnonzero(self.cat_owner == player)
        own = [owner == player for owner in self.block_owner]
        parts, step = [], self._step()
        for i in range(0, len(rows), step):
            there, taken = rows[i : i + step], donors[i : i + step]
            x = self.features.take(there)
            x.x_num[:, num] = self.features.x_num[taken[:, None], num]
            x.x_cat[:, cat] = self.features.x_cat[taken[:, None], cat]
            blocks = [b[taken] if is_own else b[there] for b, is_own in zip(self.features.blocks, own, strict=True)]
            parts.append(self._predict(replace(x, blocks=tuple(blocks))))
        return np.concatenate(parts)

    def _step(self) -> int:
        """Rows a call that fit in memory."""
        x = self.features
        dense = [about for block, about in zip(x.blocks, x.layout.blocks, strict=True) if isinstance(block, np.ndarray)]
        cells = sum(math.prod(about.shape) for about in dense)
        return max(64, _CELLS_A_CALL // max(1, len(self.num_owner) + len(self.cat_owner) + cells))

    def predict(self, picks: Picks) -> NDArray[np.float64]:
        """What the model says of mixed rows, (n_rows,) or (n_rows, n_outputs), asked in chunks that fit in memory."""
        step = self._step()
        parts = [self._predict(self.mixed(picks[i : i + step])) for i in range(0, len(picks), step)]
        return np.concatenate(parts)

    def block(self, player: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Numeric and categorical features of a player in every pool row, (n_pool, .) each."""
        return self.features.x_num[:, self.num_owner == player], self.features.x_cat[:, self.cat_owner == player]

    def first_equal(self) -> Picks:
        """(n_pool, n_players) the first pool row that has the same features for this player.

        With these as picks, two rows that agree in a column have equal picks there.
        """
        first = np.empty((self.features.n_rows, self.n_players), dtype=np.int64)
        for player in range(self.n_players):
            own = zip(self.features.blocks, self.block_owner, strict=True)
            dense = [block for block, owner in own if owner == player and isinstance(block, np.ndarray)]
            arrays = (*self.block(player), *dense)
            seen: dict[bytes, int] = {}
            for row in range(len(first)):
                features = b"".join(array[row].tobytes() for array in arrays)
                key = hashlib.blake2b(features).digest() if dense else features
                first[row, player] = seen.setdefault(key, row)
        return first


def foremost_columns(
    pool: RowPool, rows: NDArray[Any], n_columns: int, seed: int, deadline: float, cost: Cost
) -> tuple[int, ...]:
    """Players of `pool` that move predictions most, found by splitting groups, the most moving group first.

    A group's effect is the mean absolute change of the prediction when its columns are taken from other rows. Groups
    are of columns that go along with the prediction about equally, so most are settled whole: finding 30 columns of
    3,000 so takes a few hundred effects, where one by one takes 3,000.

    Args:
        pool: One player a column.
        rows: Pool rows to change and to take values from.
        n_columns: How many to find.
        deadline: `time.monotonic()` at which to stop; what is missing then is filled up with the columns of moving
            groups that go along with the prediction most.
        cost: Of predictions; where they are dear, fewer rows are changed.

    Returns:
        Player numbers, most moving first; fewer if no more move anything.
    """
    random = np.random.default_rng(seed)
    affordable = max(0.0, deadline - time.monotonic()) / max(cost.row, 1e-9)
    n_probes = int(np.clip(affordable / _N_EFFECTS, _LEAST_PROBES, _N_PROBES))
    probes = rows[random.integers(len(rows), size=n_probes)]
    donors = rows[random.integers(len(rows), size=n_probes)]
    plain = pool.whole(probes)
    before = pool.predict(plain)

    def effects(groups: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        picks = np.tile(plain, (len(groups), 1, 1))
        for number, group in enumerate(groups):
            picks[number][:, group] = donors[:, None]
        after = pool.predict(picks.reshape(-1, pool.n_players)).reshape(len(groups), *before.shape)
        change: NDArray[np.float64] = np.abs(after - before).mean(axis=tuple(range(1, after.ndim)))
        return change

    heap: list[tuple[float, int, NDArray[Any]]] = []

    def add(group: NDArray[Any], parts: int) -> None:
        split = [part for part in np.array_split(group, parts) if len(part)]
        for effect, part in zip(effects(split), split, strict=True):
            if effect > 0:
                heapq.heappush(heap, (-float(effect), int(part[0]), part))

    found: list[int] = []
    n_correlated = int(np.clip(affordable / 4, 4 * _LEAST_PROBES, _N_CORRELATED))
    add(_by_correlation(pool, rows[:n_correlated]), _N_FIRST_GROUPS)
    while heap and len(found) < n_columns:
        if time.monotonic() > deadline and len(heap[0][2]) > 1:
            break
        _, first, group = heapq.heappop(heap)
        if len(group) == 1:
            found.append(first)
        else:
            add(group, _SPLIT)
    left = sorted(heap, key=lambda item: (len(item[2]) > 1, item[:2]))
    return (*found, *(int(player) for _, _, group in left for player in group))[:n_columns]


def _by_correlation(pool: RowPool, rows: NDArray[Any]) -> NDArray[np.int64]:
    """Players, those first whose features correlate most with a prediction (categories by their mean prediction)."""
    predicted = pool.predict(pool.whole(rows))
    away = predicted - predicted.mean(axis=0)
    size = np.linalg.norm(away, axis=0)
    away = away / np.where(size > 0, size, 1.0)
    x = pool.features.take(rows)
    x_num = np.clip(x.x_num.astype(np.float64), -_FAR, _FAR)
    there = ~np.isnan(x_num)
    means = np.where(there, x_num, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    x_num = np.where(there, x_num - means, 0.0)
    norm = np.linalg.norm(x_num, axis=0)
    strength = np.zeros(pool.n_players)
    np.maximum.at(strength, pool.num_owner, np.abs(away.T @ (x_num / np.where(norm > 0, norm, 1.0))).max(axis=0))
    for feature, player in enumerate(pool.cat_owner):
        _, codes = np.unique(x.x_cat[:, feature], return_inverse=True)
        counts = np.bincount(codes)
        sums = np.stack([np.bincount(codes, weights=column) for column in away.T])
        strength[player] = max(strength[player], float(np.sqrt((sums**2 / counts).sum(axis=1).max())))
    return np.argsort(-strength, kind="stable")
