"""Part of the explanation that speaks of columns: what shuffling each costs, and how predictions move with it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from automl.attribution import Attribution, Dependence, GlobalImportance, PartKind
from automl.explainers import permutation
from automl.explainers.dependence import N_GRID, Axis, partial_dependence
from automl.explainers.permutation import Losses
from automl.explainers.pool import Cost, RowPool, foremost_columns
from automl.explainers.subject import ExplainRequest, Subject

_N_DEPENDENCE = 6
_AVERAGED = (100, 50, 20)  # rows, most first
_N_WIDE = 200
_NO_ORDER: dict[PartKind, str] = {"text": "free text", "image": "images", "audio": "sounds"}
# (rows, shuffles) of permutation importance, dearest first; the last is for when time is short.
_SHUFFLE_PLANS = ((2000, 5), (1000, 5), (500, 5), (500, 3), (200, 3), (100, 3), (50, 2), (25, 2))


def explain_columns(subject: Subject, request: ExplainRequest, deadline: float) -> Attribution:
    """Permutation importance of every column there is time for, then partial dependence on the most important."""
    now = time.monotonic()
    cost = subject.cost
    importance, skipped = _importance(subject, request, cost, now + 0.6 * (deadline - now))
    by_name = {player.name: number for number, player in enumerate(subject.pool.players)}
    if importance:
        foremost = [by_name[name] for name in importance[0].columns]
    else:
        rows = np.concatenate([subject.background_rows, subject.pool_rows])
        foremost = list(foremost_columns(subject.pool, rows, 2 * _N_DEPENDENCE, request.seed, deadline, cost))
    dependence, cut = _dependence(subject, foremost, cost, deadline)
    return Attribution(importance=importance, dependence=dependence, skipped=(*skipped, *cut))


def _known(subject: Subject, request: ExplainRequest) -> NDArray[np.int64]:
    """Sampled rows with a truth."""
    if request.y is None:
        return np.zeros(0, dtype=np.int64)
    y = np.asarray(request.y)[subject.index]
    return np.flatnonzero(y >= 0 if subject.shipped.task.is_classification else np.isfinite(y.astype(np.float64)))


def _importance(
    subject: Subject, request: ExplainRequest, cost: Cost, deadline: float
) -> tuple[tuple[GlobalImportance, ...], tuple[str, ...]]:
    known = _known(subject, request)
    if request.y is None or len(known) < 2:
        return (), ("permutation importance left out: it needs rows with a known target",)
    pool = RowPool(subject.pool.features, subject.pool.players, subject.shipped.predict)
    n_rows, repeats = _plan(pool.n_players, len(known), cost, 0.8 * (deadline - time.monotonic()))
    skipped = []
    if n_rows < len(known):
        skipped.append(f"permutation importance: on {n_rows:,} of {len(known):,} rows, for the time there was")
    known = known[:n_rows]
    rows = subject.pool_rows[known]
    y = np.asarray(request.y)[subject.index[known]]
    if not np.isfinite(request.score(y, pool.predict(pool.whole(rows)))):
        return (), (f"permutation importance left out: {request.metric} is undefined on the {len(rows)} rows at hand",)
    found = permutation.losses(
        pool,
        rows,
        y,
        request.score,
        order=_order(subject, request.seed, deadline, cost),
        repeats=repeats,
        seed=request.seed,
        deadline=deadline,
    )
    if len(found.players) < pool.n_players:
        skipped.append(
            f"permutation importance: {len(found.players):,} of {pool.n_players:,} columns in the time there was"
            + (", those that move predictions most first" if pool.n_players > _N_WIDE else "")
        )
    return _ranked(subject, found, request.metric, len(rows)), tuple(skipped)


def _plan(n_columns: int, n_known: int, cost: Cost, seconds: float) -> tuple[int, int]:
    for n_rows, repeats in _SHUFFLE_PLANS:
        fewer = min(n_rows, n_known)
        if n_columns * cost.seconds(fewer * repeats) <= seconds:
            break
    return fewer, repeats


def _order(subject: Subject, seed: int, deadline: float, cost: Cost) -> Sequence[int]:
    n_columns = subject.pool.n_players
    if n_columns <= _N_WIDE:
        return range(n_columns)
    now = time.monotonic()
    rows = np.concatenate([subject.background_rows, subject.pool_rows])
    first = foremost_columns(subject.pool, rows, _N_WIDE, seed, now + 0.3 * (deadline - now), cost)
    others = sorted(set(range(n_columns)) - set(first))
    return [*first, *others]


def _ranked(subject: Subject, found: Losses, metric: str, n_rows: int) -> tuple[GlobalImportance, ...]:
    keep = np.flatnonzero(np.isfinite(found.means))
    order = keep[np.argsort(-found.means[keep], kind="stable")]
    if not len(order):
        return ()
    return (
        GlobalImportance(
            method="permutation",
            columns=tuple(subject.pool.players[found.players[k]].name for k in order),
            values=tuple(found.means[order].tolist()),
            errors=tuple(found.errors[order].tolist()),
            unit=metric,
            n_rows=n_rows,
        ),
    )


def _dependence(
    subject: Subject, foremost: Sequence[int], cost: Cost, deadline: float
) -> tuple[tuple[Dependence, ...], list[str]]:
    done: list[Dependence] = []
    skipped: list[str] = []
    no_order: dict[PartKind, list[str]] = {}
    wanted, seconds = min(_N_DEPENDENCE, len(foremost)), deadline - time.monotonic()
    fitting = (n for n in _AVERAGED if wanted * cost.seconds(N_GRID * n) <= seconds)
    background = subject.background_rows[: next(fitting, _AVERAGED[-1])]
    for player in foremost:
        name = subject.pool.players[player].name
        if len(done) == _N_DEPENDENCE:
            break
        axis = subject.axis(subject.used[player], len(subject.index))
        if axis is None:
            no_order.setdefault(subject.kinds.get(name, "text"), []).append(repr(name))
            continue
        if time.monotonic() + cost.seconds(N_GRID * len(background)) > deadline:
            skipped.append(f"partial dependence on {len(done)} of {wanted} columns in the time there was")
            break
        if not np.isnan(axis.values).all():
            done.append(_curve(subject, player, axis, background))
    if done and len(background) < min(_AVERAGED[0], subject.n_background):
        skipped.append(
            f"partial dependence over {len(background)} rows instead of {_AVERAGED[0]}, for the time there was"
        )
    skipped += [f"no partial dependence on {', '.join(names)}: {_NO_ORDER[kind]}" for kind, names in no_order.items()]
    return tuple(done), skipped


def _curve(subject: Subject, player: int, axis: Axis, background: NDArray[np.int64]) -> Dependence:
    points, rows = axis.grid()
    average = partial_dependence(subject.pool, player, subject.pool_rows[rows], background)
    return Dependence(
        column=subject.pool.players[player].name,
        output=subject.outputs.names[subject.focus],
        labels=axis.labels,
        grid=tuple(points.tolist()),
        average=tuple(average[:, subject.focus].tolist()),
        rows=(),
        attributions=(),
        unit=subject.outputs.unit,
        scale=axis.scale,
    )
