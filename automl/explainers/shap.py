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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl.errors import Unsuitable
from automl.explainers import Member, Shipped
from automl.explainers._additive import as_shipped
from automl.explainers.pool import SAFE, RowPool
from automl.family import LinearModel, TreeModel
from automl.features import Features
from automl.models.averaged_trees import AveragedTrees
from automl.models.text_scores import WithTextScores

Values = NDArray[np.float64]
Explain = Callable[[Features], tuple[Values, Values]]

_MIN_ROWS = 10
_MAX_CELLS = 50_000_000
_MAX_NODES = 500_000  # of forests, which shap holds in a form of its own
_MAX_REPEATS = 10
_NEAR = 1e-9


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

    Of trees that split on features of two columns, or add up to a logarithm, they are shared out by a rule that the
    explainer's name then tells.

    They are kept only where they add up to what ships: the raw scores of the members, averaged by weight, must be the
    shipped log-odds (centred over classes) or values up to one slope and offsets, which then also scale them. So a
    calibration by temperature is explained as it ships, and a blend in another space is refused.

    Args:
        positive: Index of the class explained of two; None for several classes and for regression.
        deadline: `time.monotonic()`; rows are cut to leave a part of the time.

    Raises:
        Refused: Members without exact explainer, too slow, or not adding up to what ships.
    """
    if shipped.task.is_classification:
        if len({member.family.name for member in shipped.members}) > 1:
            raise Refused("the blend mixes probabilities of several families")
        if shipped.members[0].family.link == "logit" and len({member.weight for member in shipped.members}) > 1:
            raise Refused("the blend mixes probabilities of several models")
    found = members_shap(shipped.members, x, background, deadline)
    told = as_shipped(found.values, found.base[0], shipped, x.take(slice(0, len(found.values))), positive)
    if told is None:
        raise Refused("scores of the models don't add up to the blended and calibrated prediction")
    values, bases, unit = told
    return ShapValues(values, bases, bases + values.sum(axis=1), unit, found.explainer)


def members_shap(members: Sequence[Member], x: Features, background: Features, deadline: float) -> ShapValues:
    """SHAP values of the user's columns in the weighted sum of the raw scores of members that are open.

    Raises:
        Refused: A member without exact explainer, or too slow.
    """
    kinds = [kind for member in members if (kind := _open_kind(member))]
    if len(kinds) < len(members):
        raise Refused("not every model in the blend is of trees or linear")
    opened = [_opened(member)[0] for member in members]
    n_nodes = sum(len(model.arrays_.left) for model in opened if isinstance(model, AveragedTrees) and model.arrays_)
    if n_nodes > _MAX_NODES:
        raise Refused(f"exact SHAP of forests of {n_nodes:,} nodes would take too much memory")
    with _quiet():
        explain = [_explainer(member, kind, background) for member, kind in zip(members, kinds, strict=True)]
        values, base = _in_time(explain, np.array([member.weight for member in members]), x, deadline)
    said, shared = " and ".join(sorted(set(kinds))), _shared(members, kinds)
    over = "the training rows in each tree's nodes" if said == "tree" else f"{background.n_rows} background rows"
    models = f"{len(kinds)} model{'s' if len(kinds) > 1 else ''}"
    explainer = f"{'' if shared else 'exact '}{said} SHAP of {'; '.join([f'{models}, over {over}', *shared])}"
    bases = np.repeat(base[None], len(values), axis=0)
    return ShapValues(values, bases, bases + values.sum(axis=1), "", explainer)


def _open_kind(member: Member) -> Literal["tree", "linear"] | None:
    """What a member is explained as exactly; None if it has no exact explainer."""
    model = _opened(member)[0]
    if "tree" in member.family.traits and hasattr(model, "tree_ensemble"):
        return "tree"
    if "linear" in member.family.traits and hasattr(model, "linear_terms"):
        try:
            model.linear_terms()
        except Unsuitable:
            return None
        return "linear"
    return None


def _shared(members: Sequence[Member], kinds: Sequence[str]) -> list[str]:
    """What keeps the values of trees from being exact, in words."""
    trees = [_opened(member)[0] for member, kind in zip(members, kinds, strict=True) if kind == "tree"]
    found = []
    if any((np.ptp(model.tree_sources(), axis=1) > 0).any() for model in trees):
        found.append("what a feature of two columns says is halved between them")
    if any(model.tree_link == "log" for model in trees):
        found.append("values of logarithms are scaled to what they make of the prediction")
    return found


def _explainer(member: Member, kind: str, background: Features) -> Explain:
    """Explain one member: x -> (values (n_rows, n_columns, n_scores), base (n_scores,))."""
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


def _by_feature(model: Any, kind: str, background: Features) -> Explain:
    """Explain a model: x -> (values (n_rows, d_features, n_scores), base (n_scores,))."""
    d_features = background.x_num.shape[1] + background.x_cat.shape[1]
    return _of_trees(model, d_features) if kind == "tree" else _of_terms(model, background, d_features)


def _of_trees(model: TreeModel, d_features: int) -> Explain:
    trees = model.tree_ensemble()
    if hasattr(trees, "predict"):
        # LightGBM computes the same values itself, and shap takes seconds to read its trees.
        return lambda x: _of_booster(trees, model, x, d_features)
    explainer = open_shap().TreeExplainer({"trees": trees})

    def explain(x: Features) -> tuple[Values, Values]:
        found = _three(explainer.shap_values(model.tree_input(x), check_additivity=False))
        values = _folded(found.transpose(1, 0, 2), model.tree_sources(), d_features)
        return values, np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))

    return explain


def _of_terms(model: LinearModel, background: Features, d_features: int) -> Explain:
    weights, intercepts, sources = model.linear_terms()
    design = model.linear_design(background)
    shap = open_shap()
    masker = shap.maskers.Independent(design, max_samples=len(design))
    n_scores = weights.shape[1]
    explainers = [shap.LinearExplainer((weights[:, k], intercepts[k]), masker) for k in range(n_scores)]

    def explain(x: Features) -> tuple[Values, Values]:
        terms = model.linear_design(x)
        found = np.stack([np.asarray(explainer.shap_values(terms)) for explainer in explainers], axis=2)
        values = _folded(found.transpose(1, 0, 2), sources[:, None], d_features)
        return values, np.asarray([float(np.ravel(explainer.expected_value)[0]) for explainer in explainers])

    return explain


def _of_booster(booster: Any, model: TreeModel, x: Features, d_features: int) -> tuple[Values, Values]:
    matrix = model.tree_input(x)
    found = np.asarray(booster.predict(matrix, pred_contrib=True)).reshape(len(matrix), -1, matrix.shape[1] + 1)
    values, base = _folded(found[:, :, :-1].transpose(2, 0, 1), model.tree_sources(), d_features), found[0, :, -1]
    return _exponential(values, base) if model.tree_link == "log" else (values, base)


def _exponential(values: Values, base: Values) -> tuple[Values, Values]:
    """Values that add up to the exponential of what they added up to, in the same proportions.

    Every value is multiplied by the mean slope between base and total, which is the rescale rule of Shrikumar et al.
    (2017, arXiv 1704.02685).
    """
    away = values.sum(axis=1, keepdims=True)
    near = np.abs(away) < _NEAR
    slope = np.where(near, 1.0, np.expm1(away) / np.where(near, 1.0, away))
    return np.exp(base) * slope * values, np.exp(base)


def _folded(values: Values, sources: NDArray[np.intp], n: int) -> Values:
    """(p, n_rows, n_scores) values of the inputs of a model as (n_rows, n, n_scores) values of what they came from.

    Args:
        sources: (p, k) where each input came from; what is made of several shares its values equally among them, as the
            Shapley value does with what only all of them together change.
    """
    summed = np.zeros((n, *values.shape[1:]))
    for each in sources.T:
        np.add.at(summed, each, values / sources.shape[1])
    return summed.transpose(1, 0, 2)


def _three(found: Any) -> Values:
    """The layouts of shap (a list a score, or with the scores last, or without) as (n_rows, d, n_scores)."""
    values = np.stack(found, axis=-1) if isinstance(found, list) else np.asarray(found, dtype=np.float64)
    return values[:, :, None] if values.ndim == 2 else values


def _in_time(explain: list[Explain], weights: Values, x: Features, deadline: float) -> tuple[Values, Values]:
    """The weighted values of as many rows as end before the deadline: one, a few, then what these say is affordable.

    Raises:
        Refused: Too few of them.
    """
    d = max(1, x.x_num.shape[1] + x.x_cat.shape[1])
    parts: list[tuple[Values, Values]] = []
    n_done, a_row = 0, 0.0
    for n_wanted in (1, _MIN_ROWS - 1, x.n_rows):
        left = deadline - time.monotonic()
        n_most = _MAX_CELLS // (d * parts[0][0].shape[2]) if parts else 1
        affordable = int(SAFE * left / a_row) if n_done >= _MIN_ROWS else n_wanted
        n_rows = min(n_wanted, affordable, x.n_rows - n_done, n_most - n_done)
        if n_rows <= 0:
            break
        some, found = x.take(slice(n_done, n_done + n_rows)), []
        begun = time.monotonic()
        for each in explain:
            found.append(each(some))
            a_row = max((time.monotonic() - begun) / n_rows, 1e-9)
            if n_done < _MIN_ROWS and a_row * (_MIN_ROWS - n_done) > left:
                raise Refused(f"exact SHAP takes {a_row:.2g} s a row and more")
        parts.append(_sum(found, weights))
        n_done += n_rows
    return np.concatenate([values for values, _ in parts]), parts[0][1]


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
    return _folded(values.transpose(1, 0, 2), sources[:, None], len(x.layout.columns))
