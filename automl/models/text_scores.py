"""What texts say of the target, as numbers for families that read no words.

Each text gets the scores of ridge regressions (Hoerl & Kennard, Technometrics 12(1), 1970,
doi:10.1080/00401706.1970.10488634) of its weighted words and of its runs of characters, cross-fitted like means of the
target by category: a row's scores come from rows it is not among.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, Self, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.family import FitLog, Limits, Model, Rows, State
from automl.features import BlockKind, Features, Layout
from automl.models.target_means import crossing_folds, row_weights, targets_of
from automl.models.terms import TEXT
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_KINDS: tuple[BlockKind, ...] = ("terms", "grams")
_TITLES = {"terms": "words", "grams": "characters"}
_N_FOLDS = 5
_PENALTY = 1.0  # of terms in rows of length 1
_STEPS = 10  # of conjugate gradients; stopping early is a penalty too
# Beyond so many terms runs of characters are left out, then rows are not learned from.
MOST_CELLS = 8_000_000
_MOST_FITTED = 2**24  # values that are fitted at once: rows, times folds, times targets
_FEWEST_TEXTS = 10  # that a word is in, to be a feature
_MOST_WORD_CELLS = 12_000_000
_MARK = "texts."


class TextScores:
    """Ridge regressions of the target by the terms of each column of texts, and the places of its frequent words.

    Args:
        arrays: By block, `score{i}` (n_terms, n_means) float16 and `word{i}` (n_words,), as `fit` made them.
        layout: Of the features.
    """

    def __init__(self, arrays: dict[str, Array], layout: Layout) -> None:
        self.arrays = arrays
        self._layout = layout
        blocks = range(len(layout.blocks))
        self._scores = {i: arrays[f"score{i}"].astype(np.float32) for i in blocks if f"score{i}" in arrays}
        self._places = {i: arrays[f"word{i}"] for i in blocks if f"word{i}" in arrays}

    @classmethod
    def fit(cls, rows: Rows, n_classes: int, n_words: int, seed: int) -> tuple[Self, Array]:
        """Scores fitted on all rows, and the features of these rows, whose scores come from folds they are not in.

        Args:
            rows: Their texts are blocks of terms.
            n_classes: Classes of `rows.y`; 0 or 1 for regression. Beyond 10, the 10 most frequent are scored.
            n_words: Frequent words that are features besides, of all columns.
            seed: Of the folds.

        Returns:
            The scores, and (n_rows, n_features) float32 the features in the order of `layout`.
        """
        weights, targets = row_weights(rows), targets_of(rows, n_classes)
        weights = weights / max(float(weights.mean()), 1e-300)
        targets = targets - weights @ targets / len(weights)
        spread = np.sqrt(weights @ targets**2 / len(weights))
        targets = np.divide(targets, spread, out=np.zeros_like(targets), where=spread > 0)
        read, every = _affordable(rows.x, targets.shape[1])
        fold = crossing_folds(rows, _N_FOLDS, seed)
        arrays: dict[str, Array] = {}
        crossed = []
        for i in read:
            block = rows.x.blocks[i]
            found = _ridge(block[::every], targets[::every], weights[::every], fold[::every])
            scores = np.empty((len(fold), found.shape[2]), dtype=np.float32)
            for left_out in range(_N_FOLDS):
                scores[fold == left_out] = block[fold == left_out] @ found[:, left_out]
            crossed.append(scores)
            arrays[f"score{i}"] = found[:, _N_FOLDS].astype(np.float16)
        arrays |= {f"word{i}": places for i, places in _frequent(rows.x, n_words)}
        made = cls(arrays, rows.x.layout)
        return made, np.concatenate([*crossed, *made._words(rows.x)], axis=1, dtype=np.float32)

    @classmethod
    def load(cls, arrays: dict[str, Array], layout: Layout) -> Self:
        """The scores that were saved.

        Raises:
            ModelFileError: They are not of texts of this layout.
        """
        n_terms = {i: block.shape[0] for i, block in enumerate(layout.blocks) if block.kind in _KINDS}
        known = {f"{part}{i}": (part, n) for i, n in n_terms.items() for part in ("score", "word")}
        n_means = {array.shape[-1] for name, array in arrays.items() if name.startswith("score") and array.ndim == 2}
        suits = all(name in known and _suits(array, *known[name]) for name, array in arrays.items())
        if not suits or len(n_means) != 1:
            raise ModelFileError("the scores of texts in the model file are of other texts", "fit the model again")
        return cls(arrays, layout)

    @cached_property
    def layout(self) -> Layout:
        """Of what `beside` makes: the layout without blocks of text, the features that texts became last."""
        told, names, sources = self._layout, [], []
        for i, scores in self._scores.items():
            n_means = scores.shape[1]
            names += [f"{_about(told, i)} score {k + 1}" for k in range(n_means)]
            sources += [self._source(i)] * n_means
        for i, places in self._places.items():
            names += [f"{_about(told, i)} {place}" for place in places.tolist()]
            sources += [self._source(i)] * len(places)
        return msgspec.structs.replace(
            told,
            num_names=(*told.num_names, *names),
            num_sources=(*told.num_sources, *sources),
            blocks=tuple(block for block in told.blocks if block.kind not in TEXT),
        )

    def apply(self, x: Features) -> Array:
        """(n_rows, n_features) float32 of any rows."""
        scores = [x.blocks[i] @ of_terms for i, of_terms in self._scores.items()]
        return np.concatenate([*scores, *self._words(x)], axis=1, dtype=np.float32)

    def beside(self, x: Features, features: Array) -> Features:
        """Rows with these features beside their numbers, in place of their texts."""
        kept = zip(x.blocks, x.layout.blocks, strict=True)
        blocks = tuple(block for block, about in kept if about.kind not in TEXT)
        return Features(np.concatenate([x.x_num, features], axis=1), x.x_cat, self.layout, blocks)

    def _source(self, i: int) -> int:
        return self._layout.columns.index(self._layout.blocks[i].column)

    def _words(self, x: Features) -> list[Array]:
        return [x.blocks[i][:, places].toarray() for i, places in self._places.items()]


class WithTextScores:
    """A model of numbers and codes, and of what texts come to as such.

    Args:
        build: An unfitted model of a layout.
        task: What is learned.
        layout: With blocks of terms.
        n_words: Frequent words that are features of their own, beside the scores.
    """

    def __init__(self, build: Callable[[Layout], Model], task: Task, layout: Layout, n_words: int) -> None:
        self._build, self._task, self._layout, self._n_words = build, task, layout, n_words
        self._scores: TextScores | None = None
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """The model of numbers and codes, which reads `features`."""
        assert self._model is not None
        return self._model

    def features(self, x: Features) -> Features:
        """What the model reads of the rows."""
        assert self._scores is not None
        return self._scores.beside(x, self._scores.apply(x))

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:
        """Score the texts, then fit the model."""
        self._scores, crossed = TextScores.fit(train, len(self._task.classes), self._n_words, limits.seed)
        self._model = self._build(self._scores.layout)
        seen = replace(train, x=self._scores.beside(train.x, crossed))
        unseen = None if valid is None else replace(valid, x=self.features(valid.x))
        return self._model.fit(seen, unseen, limits)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Predictions of the model."""
        return self.model.predict(self.features(x))

    def save(self) -> State:
        """The model's state, with the scores beside its arrays."""
        assert self._scores is not None
        state = self.model.save()
        scores = {_MARK + name: array for name, array in self._scores.arrays.items()}
        return State(state.config, state.arrays | scores, state.texts)

    def load(self, state: State) -> None:
        """Load scores and model.

        Raises:
            ModelFileError: One of them is not what it should be.
        """
        scores = {n.removeprefix(_MARK): array for n, array in state.arrays.items() if n.startswith(_MARK)}
        self._scores = TextScores.load(scores, self._layout)
        self._model = self._build(self._scores.layout)
        arrays = {name: array for name, array in state.arrays.items() if not name.startswith(_MARK)}
        self._model.load(State(state.config, arrays, state.texts))


def has_terms(layout: Layout) -> bool:
    """Whether there are texts to score."""
    return any(block.kind in _KINDS for block in layout.blocks)


def _suits(array: Array, part: str, n_terms: int) -> bool:
    if part == "score":
        return array.ndim == 2 and len(array) == n_terms and bool(np.isfinite(array).all())
    is_place = array.ndim == 1 and array.dtype.kind == "i"
    return is_place and bool(((array >= 0) & (array < n_terms)).all())


def _about(layout: Layout, i: int) -> str:
    block = layout.blocks[i]
    return f"{block.column}: {_TITLES[block.kind]}"


def _affordable(x: Features, n_targets: int) -> tuple[list[int], int]:
    """Blocks to learn from, and of how many rows one."""
    cells = dict.fromkeys(_KINDS, 0)
    for block, about in zip(x.blocks, x.layout.blocks, strict=True):
        if about.kind in cells:
            cells[about.kind] += block.nnz
    kinds = _KINDS if sum(cells.values()) <= MOST_CELLS or not cells["terms"] else ("terms",)
    n_cells, n_fitted = sum(cells[kind] for kind in kinds), x.n_rows * (_N_FOLDS + 1) * n_targets
    every = max(1, -(-n_cells // MOST_CELLS), -(-n_fitted // _MOST_FITTED))
    return [i for i, about in enumerate(x.layout.blocks) if about.kind in kinds], every


def _ridge(x: Any, targets: Array, weights: Array, fold: Array) -> Array:
    """Coefficients of the terms without the rows of each fold, and of all rows, (n_terms, n_folds + 1, n_targets).

    All are found at once, by conjugate gradients on the normal equations: passes over a sparse matrix cost
    little more for many right-hand sides than for one.
    """
    n_rows, n_targets = targets.shape
    counts = (fold[:, None] != np.arange(_N_FOLDS + 1)) * weights[:, None]
    counts = counts[:, :, None].astype(np.float32)

    def project(fitted: Array) -> Array:
        return np.asarray(x.T @ (fitted.reshape(n_rows, -1, n_targets) * counts).reshape(n_rows, -1))

    residual = project(np.tile(targets, _N_FOLDS + 1).astype(np.float32))
    found, direction, size = np.zeros_like(residual), residual, (residual**2).sum(axis=0)
    for _ in range(_STEPS):
        image = project(x @ direction) + _PENALTY * direction
        step = size / np.maximum((direction * image).sum(axis=0), 1e-20)
        found += step * direction
        residual = residual - step * image
        before, size = size, (residual**2).sum(axis=0)
        direction = residual + size / np.maximum(before, 1e-20) * direction
    return found.reshape(-1, _N_FOLDS + 1, n_targets)


def _frequent(x: Features, n_words: int) -> list[tuple[int, Array]]:
    """By block of words, the places of those that are in most texts, fewer a block the more there are.

    Levels of categories, of which nothing is read in order, are told apart otherwise.
    """
    texts = {about.column for about in x.layout.blocks if about.kind == "words"}
    blocks = [i for i, about in enumerate(x.layout.blocks) if about.kind == "terms" and about.column in texts]
    most = min(n_words, _MOST_WORD_CELLS // max(1, x.n_rows)) // max(1, len(blocks))
    found = []
    for i in blocks:
        n_texts = np.bincount(x.blocks[i].indices, minlength=x.layout.blocks[i].shape[0])
        top = np.argsort(-n_texts, kind="stable")[:most]
        top = np.sort(top[n_texts[top] >= _FEWEST_TEXTS])
        if len(top):
            found.append((i, top.astype(np.int32)))
    return found
