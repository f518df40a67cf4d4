"""SHAP values (Lundberg & Lee 2017, arXiv 1705.07874) by column of the user's file.

Exact on trees (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9) and on linear models, where what they add up to is
the model that ships; by permutations of the columns (Strumbelj & Kononenko 2014,
doi:10.1007/s10115-013-0679-x) elsewhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import Unsuitable
from automl.explainers import Member, Shipped
from automl.explainers._additive import as_shipped
from automl.explainers.pool import RowPool
from automl.features import Features
from automl.models.text_scores import WithTextScores

Values = NDArray[np.float64]

_MIN_ROWS = 10
_MAX_CELLS = 50_000_000
_MAX_REPEATS = 10


@dataclass(frozen=True, slots=True)
class ShapValues:
    """SHAP values of the first rows asked for; `base` and `values` add up to `total`.

    Shape:
        values: (n_rows, n_columns or n_players, n_outputs).
        base, total: (n_rows, n_outputs).
    """

    values: Values
    base: Values
    total: Values
    unit: str
    explainer: str


class Refused(Exception):  # noqa: N818 - a refusal, not an error
    """An exact explainer does not apply; the message says why in one sentence."""


def open_shap() -> Any:
    """The package, imported quietly and without numba's compiler.

    Compiling its masking loops takes 4 s a process; plain numpy runs them in 2 ms a row.
    """
    if "shap" in sys.modules or importlib.util.find_spec("numba") is None:
        return importlib.import_module("shap")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    config = importlib.import_module("numba").config
    before = config.DISABLE_JIT
    config.DISABLE_JIT = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("shap")
    finally:
        config.DISABLE_JIT = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence notes on output formats, and leave numpy's global random state, which shap seeds, as it was."""
    state = np.random.get_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)


def permutation_shap(
    pool: RowPool, rows: NDArray[Any], background: NDArray[Any], *, repeats: int, seed: int, deadline: float
) -> ShapValues:
    """SHAP values of players, by shap's antithetic permutations; exact up to second-order interactions.

    A row is explained as the vector of its pool rows, so masking is a gather. Every row sees the same permutations, so
    its values don't depend on how many rows there is time for.

    Args:
        pool: Predicts (n_rows, n_outputs).
        rows: Pool rows to explain; as many of them, from the first, as end before the deadline.
        background: Pool rows that stand in for masked players.
        repeats: Permutations, each forward and backward; 2 n_players + 1 evaluations of the background each.
        deadline: `time.monotonic()`.
    """
    shap = open_shap()
    first = pool.first_equal()
    n_outputs = pool.predict(pool.whole(rows[:1])).shape[1]

    def predict(picks: NDArray[Any]) -> Values:
        predicted = pool.predict(picks.astype(np.int64))
        return predicted[:, 0] if n_outputs == 1 else predicted

    values, base = [], []
    with _quiet():
        masker = shap.maskers.Independent(first[background], max_samples=len(background))
        explain = shap.PermutationExplainer(predict, masker, seed=seed)
        began = time.monotonic()
        for n_done, row in enumerate(rows):
            now = time.monotonic()
            if n_done and now + (now - began) / n_done > deadline:
                break
            np.random.seed(seed)
            found = explain(first[row][None], max_evals=repeats * (2 * pool.n_players + 1), silent=True)
            values.append(np.reshape(found.values, (pool.n_players, n_outputs)))
            base.append(np.reshape(found.base_values, n_outputs))
    stacked, bases = np.asarray(values), np.asarray(base)
    said = f"permutation SHAP, {repeats} antithetic permutation{'s' if repeats > 1 else ''} a row"
    return ShapValues(stacked, bases, bases + stacked.sum(axis=1), "", f"{said}, {len(background)} background rows")


def presence_shap(ask: Callable[[NDArray[np.bool_]], Values], n_parts: int, *, repeats: int, seed: int) -> ShapValues:
    """SHAP values of the parts of one row, by the same permutations; what is masked is away.

    Args:
        ask: (n, n_parts) which parts are there -> (n, n_outputs).
        n_parts: At least 1.
        repeats: Permutations, each forward and backward; 2 n_parts + 1 rows asked for each.

    Returns:
        Of one row; `base` is what the model says where no part is there.
    """
    shap = open_shap()

    def predict(presence: NDArray[Any]) -> Values:
        predicted = ask(presence.astype(np.bool_))
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted

    with _quiet():
        masker = shap.maskers.Independent(np.zeros((1, n_parts)), max_samples=1)
        explain = shap.PermutationExplainer(predict, masker, seed=seed)
        np.random.seed(seed)
        found = explain(np.ones((1, n_parts)), max_evals=repeats * (2 * n_parts + 1), silent=True)
    values = np.reshape(found.values, (1, n_parts, -1))
    base = np.reshape(found.base_values, (1, -1))
    said = f"permutation SHAP, {repeats} antithetic permutation{'s' if repeats > 1 else ''} a row"
    return ShapValues(values, base, base + values.sum(axis=1), "", said)


def presence_rows(n_parts: int, *, repeats: int, seed: int) -> NDArray[np.bool_]:
    """(n_asked, n_parts) all that `presence_shap` asks, which hangs on no answer: so many rows can be asked at once."""
    asked: list[NDArray[np.bool_]] = []

    def note(presence: NDArray[np.bool_]) -> Values:
        asked.append(presence)
        return np.zeros((len(presence), 1))

    presence_shap(note, n_parts, repeats=repeats, seed=seed)
    return np.concatenate(asked)


def affordable_repeats(seconds: float, seconds_each: float) -> int:
    """Permutations a row that fit."""
    return int(np.clip(seconds / max(seconds_each, 1e-9), 1, _MAX_REPEATS))


def exact_shap(
    shipped: Shipped, x: Features, background: Features, positive: int | None, deadline: float
) -> ShapValues:
    """SHAP values of the user's columns, summed over the exact ones of every member's features.

    They are kept only where they add up to what ships: the raw scores of the members, averaged by weight, must be the
    shipped log-odds (centred over classes) or values up to one slope and offsets, which then also scale them. So a
    calibration by temperature is explained as it ships, and a blend in another space is refused.

    Args:
        positive: Index of the class explained of two; None for several classes and for regression.
        deadline: `time.monotonic()`; rows are cut to leave a part of the time.

    Raises:
        Refused: Members without exact explainer, too slow, or not adding up to what ships.
    """
    kinds = _kinds(shipped)
    with _quiet():
        try:
            explain = [
                _explainer(member, kind, background) for member, kind in zip(shipped.members, kinds, strict=True)
            ]
        except Unsuitable as refusal:
            raise Refused(str(refusal)) from refusal
        n_rows = _affordable_rows(explain, x, deadline)
        x = x.take(slice(0, n_rows))
        weights = [member.weight for member in shipped.members]
        values, base = _sum([each(x) for each in explain], np.asarray(weights) / sum(weights))
    said = " and ".join(sorted(set(kinds)))
    over = "the training rows in each tree's nodes" if said == "tree" else f"{background.n_rows} background rows"
    explainer = f"exact {said} SHAP of {len(kinds)} model{'s' if len(kinds) > 1 else ''}, over {over}"
    told = as_shipped(values, base, shipped, x, positive)
    if told is None:
        raise Refused("scores of the models don't add up to the blended and calibrated prediction")
    values, bases, unit = told
    return ShapValues(values, bases, bases + values.sum(axis=1), unit, explainer)


def _kinds(shipped: Shipped) -> list[str]:
    kinds = []
    for member in shipped.members:
        model = _opened(member)[0]
        if "tree" in member.family.traits and hasattr(model, "tree_ensemble"):
            kinds.append("tree")
        elif "linear" in member.family.traits and hasattr(model, "linear_terms"):
            kinds.append("linear")
        else:
            raise Refused("not every model in the blend is of trees or linear")
    if shipped.task.is_classification:
        if len({member.family.name for member in shipped.members}) > 1:
            raise Refused("the blend mixes probabilities of several families")
        if shipped.members[0].family.link == "logit" and len({member.weight for member in shipped.members}) > 1:
            raise Refused("the blend mixes probabilities of several models")
    return kinds


def _explainer(member: Member, kind: str, background: Features) -> Callable[[Features], tuple[Values, Values]]:
    """Explain one member: x -> (values (n_rows, n_columns, n_scores), base (n_scores,)).

    Raises:
        Unsuitable: Its trees or terms do not add up to what it predicts.
    """
    model, features = _opened(member)
    explain = _by_feature(model, kind, features(background))

    def by_column(x: Features) -> tuple[Values, Values]:
        read = features(x)
        values, base = explain(read)
        return _by_column(values, read), base

    return by_column


def _opened(member: Member) -> tuple[Any, Callable[[Features], Features]]:
    """The model of numbers and codes in a member, and how it reads rows."""
    model = member.model
    return (model.model, model.features) if isinstance(model, WithTextScores) else (model, lambda x: x)


def _by_feature(model: Any, kind: str, background: Features) -> Callable[[Features], tuple[Values, Values]]:
    """Explain a model: x -> (values (n_rows, d_features, n_scores), base (n_scores,)).

    Raises:
        Unsuitable: Its trees or terms do not add up to what it predicts.
    """
    d_features = background.x_num.shape[1] + background.x_cat.shape[1]
    if kind == "tree":
        trees = model.tree_ensemble()
        if hasattr(trees, "predict"):
            # LightGBM computes the same values itself, and shap takes seconds to read its trees.
            return lambda x: _of_booster(trees, model.tree_input(x), model.tree_sources(), d_features)
        tree = open_shap().TreeExplainer({"trees": trees})

        def explain_trees(x: Features) -> tuple[Values, Values]:
            found = _three(tree.shap_values(model.tree_input(x), check_additivity=False))
            values = _folded(found.transpose(1, 0, 2), model.tree_sources(), d_features)
            return values, np.atleast_1d(np.asarray(tree.expected_value, dtype=np.float64))

        return explain_trees

    weights, intercepts, origin = model.linear_terms()
    design = model.linear_design(background)
    shap = open_shap()
    masker = shap.maskers.Independent(design, max_samples=len(design))
    n_scores = weights.shape[1]
    scores = [shap.LinearExplainer((weights[:, k], intercepts[k]), masker) for k in range(n_scores)]

    def explain_terms(x: Features) -> tuple[Values, Values]:
        terms = model.linear_design(x)
        found = np.stack([np.asarray(score.shap_values(terms)) for score in scores], axis=2)
        values = _folded(found.transpose(1, 0, 2), origin, d_features)
        return values, np.asarray([float(np.ravel(score.expected_value)[0]) for score in scores])

    return explain_terms


def _of_booster(booster: Any, matrix: Values, sources: NDArray[np.intp], d_features: int) -> tuple[Values, Values]:
    found = np.asarray(booster.predict(matrix, pred_contrib=True)).reshape(len(matrix), -1, matrix.shape[1] + 1)
    return _folded(found[:, :, :-1].transpose(2, 0, 1), sources, d_features), found[0, :, -1]


def _folded(values: Values, sources: NDArray[np.intp], n: int) -> Values:
    """(p, n_rows, n_scores) values of the inputs of a model as (n_rows, n, n_scores) values of what they came from."""
    summed = np.zeros((n, *values.shape[1:]))
    np.add.at(summed, sources, values)
    return summed.transpose(1, 0, 2)


def _three(found: Any) -> Values:
    """The layouts of shap (a list a score, or with the scores last, or without) as (n_rows, d, n_scores)."""
    values = np.stack(found, axis=-1) if isinstance(found, list) else np.asarray(found, dtype=np.float64)
    return values[:, :, None] if values.ndim == 2 else values


def _affordable_rows(explain: list[Callable[[Features], Any]], x: Features, deadline: float) -> int:
    """Rows that end before the deadline, from the cost of one row and of a few.

    Raises:
        Refused: Too few of them.
    """
    d = max(1, x.x_num.shape[1] + x.x_cat.shape[1])
    a_row, n_scores = 0.0, 1
    for n_tried in (1, 9):
        few, most = x.take(slice(0, n_tried)), (deadline - time.monotonic()) / _MIN_ROWS
        begun, a_row = time.monotonic(), 0.0
        for each in explain:
            n_scores = each(few)[0].shape[2]
            a_row = (time.monotonic() - begun) / few.n_rows
            if a_row > most:
                raise Refused(f"exact SHAP takes {a_row:.2g} s a row and more")
    n_rows = int(min(0.6 * (deadline - time.monotonic()) / max(a_row, 1e-9), _MAX_CELLS // (d * n_scores), x.n_rows))
    if n_rows < min(_MIN_ROWS, x.n_rows):
        raise Refused(f"exact SHAP takes {a_row:.2g} s a row")
    return max(1, n_rows)


def _sum(parts: list[tuple[Values, Values]], weights: Values) -> tuple[Values, Values]:
    shapes = {values.shape for values, _ in parts}
    if len(shapes) > 1:
        raise Refused("models of the blend differ in their scores")
    values = sum(weight * each for weight, (each, _) in zip(weights, parts, strict=True))
    base = sum(weight * each for weight, (_, each) in zip(weights, parts, strict=True))
    return np.asarray(values), np.asarray(base)


def _by_column(values: Values, x: Features) -> Values:
    """(n_rows, d_features, n_scores) -> (n_rows, n_columns, n_scores): the sum over each column's features."""
    sources = np.asarray([*x.layout.num_sources, *x.layout.cat_sources], dtype=np.int64)
    return _folded(values.transpose(1, 0, 2), sources, len(x.layout.columns))
