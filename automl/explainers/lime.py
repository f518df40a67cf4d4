"""LIME (Ribeiro, Singh & Guestrin 2016, arXiv 1602.04938) of single rows, over columns of the user's file.

Every column is told to LIME as a code: quartile of its values, category, or missing. A perturbed code becomes the value
of some real row with that code, so nothing is imputed, constants are harmless, and no value is seen that the data don't
hold. LIME's own sampling of numbers fails on missing values and constants (lime issue 352).
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.explainers.pool import Picks, RowPool

_FAR = 1e30
_N_BINS = 4
_N_LEVELS = 20
_KERNEL_WIDTH = 0.25


@dataclass(frozen=True, slots=True)
class LocalModel:
    """LIME's linear model around one row.

    Attributes:
        values: (n_players,) change of the prediction where the row keeps its own value, against other values; or
            (n_parts,) where a part is there, against its absence.
        intercept: The local prediction where no column keeps the row's value, or no part is there.
        fidelity: Weighted R2 of the local model on the perturbed rows.
    """

    values: NDArray[np.float64]
    intercept: float
    fidelity: float


def open_lime() -> Any:
    """`lime.lime_tabular`, imported quietly: it draws in matplotlib, which speaks of its font cache."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("lime.lime_tabular")


def open_presence() -> Any:
    """`lime.lime_base`, which is all that parts need, and light."""
    return importlib.import_module("lime.lime_base")


def column_codes(pool: RowPool) -> NDArray[np.int64]:
    """What LIME perturbs, (n_pool, n_players): quartiles of numbers, categories (rare ones together), 0 for missing.

    Where a player has several numeric features, the quartiles are those of their first principal component. Images and
    sounds without features have no order: every other row gets another code, so that half of the perturbed rows keep
    their own.
    """
    n_rows = pool.features.n_rows
    codes = np.empty((n_rows, pool.n_players), dtype=np.int64)
    for player in range(pool.n_players):
        x_num, x_cat = pool.block(player)
        if x_num.shape[1]:
            codes[:, player] = _bins(_first_component(x_num))
        else:
            codes[:, player] = _levels(x_cat) if x_cat.shape[1] else np.arange(n_rows) % 2
    return codes


def _first_component(x_num: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n_rows,) of at most 50 features, spread evenly, which do for quartiles; NaN where every feature is missing."""
    x = np.clip(x_num.astype(np.float64), -_FAR, _FAR)
    if x.shape[1] == 1:
        return x[:, 0]
    x = x[:, np.unique(np.linspace(0, x.shape[1] - 1, 50).astype(np.int64))]
    missing = np.isnan(x)
    means = np.where(missing, 0.0, x).sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
    centred = np.where(missing, 0.0, x - means)
    scale = np.sqrt((centred**2).mean(axis=0))
    scaled = centred / np.where(scale > 0, scale, 1.0)
    _, _, directions = np.linalg.svd(scaled, full_matrices=False)
    component = scaled @ directions[0]
    return np.where(missing.all(axis=1), np.nan, component)


def _bins(values: NDArray[np.float64]) -> NDArray[np.int64]:
    there = values[~np.isnan(values)]
    if not len(there):
        return np.zeros(len(values), dtype=np.int64)
    distinct = np.unique(there)
    inner = np.quantile(there, np.arange(1, _N_BINS) / _N_BINS) if len(distinct) > _N_BINS else distinct[:-1]
    codes = np.searchsorted(np.unique(inner), values, side="left") + 1
    return np.where(np.isnan(values), 0, codes)


def _levels(x_cat: NDArray[np.int32]) -> NDArray[np.int64]:
    _, codes = np.unique(x_cat, axis=0, return_inverse=True)
    codes = codes.reshape(-1)
    counts = np.bincount(codes)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank[codes], _N_LEVELS)


def explain_row(
    pool: RowPool, codes: NDArray[np.int64], row: int, output: int, *, n_samples: int, seed: int
) -> LocalModel:
    """LIME of one pool row for one output.

    Args:
        codes: From `column_codes`.
        n_samples: Perturbed rows.
    """
    tabular = open_lime()
    members = [_members(codes[:, player]) for player in range(pool.n_players)]
    random = np.random.default_rng(seed)

    def predict(perturbed: NDArray[Any]) -> NDArray[np.float64]:
        return pool.predict(_picks(perturbed.astype(np.int64), codes[row], row, members, random))[:, output]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = tabular.LimeTabularExplainer(
            codes.astype(np.float64),
            mode="regression",
            categorical_features=list(range(pool.n_players)),
            discretize_continuous=False,
            feature_selection="none",
            random_state=seed,
        )
        found = explainer.explain_instance(
            codes[row].astype(np.float64), predict, num_features=pool.n_players, num_samples=n_samples
        )
    values = np.zeros(pool.n_players)
    for player, value in found.local_exp[1]:
        values[int(player)] = float(value)
    fidelity = float(found.score)
    return LocalModel(values, float(found.intercept[1]), fidelity if np.isfinite(fidelity) else 1.0)


def _members(codes: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    return {int(code): np.flatnonzero(codes == code) for code in np.unique(codes)}


def _picks(
    perturbed: NDArray[np.int64],
    own: NDArray[np.int64],
    row: int,
    members: list[dict[int, NDArray[np.int64]]],
    random: np.random.Generator,
) -> Picks:
    """Pool rows for perturbed codes: the row itself where its code is kept, else some row with the code."""
    picks = np.full(perturbed.shape, row, dtype=np.int64)
    for player, by_code in enumerate(members):
        for code, rows in by_code.items():
            if code != own[player]:
                hit = np.flatnonzero(perturbed[:, player] == code)
                picks[hit, player] = rows[random.integers(len(rows), size=len(hit))]
    return picks


def explain_presence(
    ask: Callable[[NDArray[np.bool_]], NDArray[np.float64]], n_parts: int, output: int, *, n_samples: int, seed: int
) -> LocalModel:
    """LIME of the parts of one row, for one output, as Ribeiro et al. do of texts.

    In each perturbed row some parts are away, every number of them equally often; rows count by exp(-d^2 / 2 w^2) with
    the cosine distance d of their presence from the whole row and w = 0.25, and a ridge regression is fitted to them.
    LIME's own recipe for images takes each part away with probability 1/2; with some dozens of parts that never comes
    near the whole row.

    Args:
        ask: (n, n_parts) which parts are there -> (n, n_outputs).
        n_samples: Perturbed rows, the whole one among them.
    """
    base = open_presence()
    random = np.random.default_rng(seed)
    n_away = random.integers(1, n_parts + 1, size=n_samples)
    n_away[0] = 0
    place = np.argsort(random.random((n_samples, n_parts)), axis=1).argsort(axis=1)
    presence = place >= n_away[:, None]
    distances = 1.0 - np.sqrt(presence.mean(axis=1))
    explainer = base.LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / _KERNEL_WIDTH**2)), random_state=seed)
    intercept, terms, fidelity, _ = explainer.explain_instance_with_data(
        presence.astype(np.float64), ask(presence), distances, output, n_parts, feature_selection="none"
    )
    values = np.zeros(n_parts)
    for part, value in terms:
        values[int(part)] = float(value)
    return LocalModel(values, float(intercept), float(fidelity) if np.isfinite(fidelity) else 1.0)
