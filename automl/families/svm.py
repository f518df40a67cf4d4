"""Support vector machine with a Gaussian kernel (Cortes & Vapnik 1995), its probabilities fitted on inner folds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError, Unsuitable
from automl.family import Family, FitLog, Limits, Model, Rows, State
from automl.features import Features, Layout
from automl.models.design import Design, Scaling
from automl.models.probabilities import spread
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_MAX_ROWS = 8_000
_MAX_CLASSES = 20
_MIN_ROWS = 200
_N_FOLDS = 3
_CHUNK = 2048
# Seconds a pair of rows, and a pair and a design column; measured on tables of 600 to 7,000 rows.
_PER_PAIR = 3e-8
_PER_CELL = 3.5e-10


@dataclass(frozen=True, slots=True)
class _Machine:
    """A fitted machine as arrays: support vectors (n, p), their coefficients (n, n_scores), intercepts (n_scores,)."""

    vectors: Array
    coefficients: Array
    intercepts: Array
    gamma: float

    def scores(self, x: Array) -> NDArray[np.float64]:
        """(n_rows, n_scores)."""
        out = np.empty((len(x), len(self.intercepts)))
        norms = np.einsum("ij,ij->i", self.vectors, self.vectors)
        for start in range(0, len(x), _CHUNK):
            part = x[start : start + _CHUNK]
            squares = np.einsum("ij,ij->i", part, part)[:, None] + norms - 2 * (part @ self.vectors.T)
            out[start : start + _CHUNK] = np.exp(-self.gamma * np.maximum(squares, 0)) @ self.coefficients
        return out + self.intercepts


class KernelMachine:
    """Support vectors, and for classes a logistic map from scores to probabilities."""

    def __init__(self, params: Params, task: Task, layout: Layout) -> None:  # noqa: ARG002 - the design knows the columns
        self._params = params
        self._task = task
        self._design = Design(scaling=cast(Scaling, params["scaling"]))
        self.machine_ = _Machine(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0), 1.0)
        self.present_: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.map_: NDArray[np.float64] = np.zeros((0, 0))

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - nothing to stop early
        """Fit on all rows, or on as many as the deadline allows; libsvm can't be stopped on its way."""
        if len(train.y) > _MAX_ROWS:
            raise Unsuitable(f"{len(train.y):,} rows are more than a kernel of all pairs can take ({_MAX_ROWS:,})")
        n_classes = len(self._task.classes)
        self.present_ = np.unique(train.y) if n_classes else np.zeros(0, dtype=np.int64)
        if len(self.present_) == 1:
            raise Unsuitable("the rows are all of one class")
        x = np.ascontiguousarray(self._design.fit_transform(train, n_classes, limits.seed))
        if not x.shape[1]:
            raise Unsuitable("no feature varies")
        left = limits.deadline - time.monotonic()
        fits = 1 + (_N_FOLDS * (1 - 1 / _N_FOLDS) ** 2 if n_classes else 0)
        n_affordable = int(np.sqrt(max(left, 0.0) / (2 * fits * (_PER_PAIR + _PER_CELL * x.shape[1]))))
        rows = np.random.default_rng(limits.seed).permutation(len(x))[: max(_MIN_ROWS, n_affordable)]
        rows.sort()
        truncated = len(rows) < len(x)
        if truncated and n_classes and len(np.unique(train.y[rows])) < len(self.present_):
            raise Unsuitable("the time left allows too few rows to see every class")
        y, weights = train.y[rows], None if train.weights is None else train.weights[rows] / train.weights.mean()
        if n_classes:
            codes = np.searchsorted(self.present_, y)
            self.map_ = self._calibrate(x[rows], codes, weights)
            self.machine_ = self._classes(x[rows], codes, weights)
        else:
            self.machine_ = self._values(x[rows], y, weights)
        return FitLog(truncated=truncated)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Calibrated probabilities, or values."""
        scores = self.machine_.scores(np.ascontiguousarray(self._design.transform(x)))
        if not self._task.is_classification:
            return scores[:, 0]
        logits = scores @ self.map_[:-1] + self.map_[-1]
        if logits.shape[1] == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        parts = np.exp(logits - logits.max(axis=1, keepdims=True))
        return spread(parts / parts.sum(axis=1, keepdims=True), self.present_, len(self._task.classes))

    def save(self) -> State:
        """Design, support vectors and calibration."""
        config, design = self._design.save()
        arrays: dict[str, Array] = {f"design.{name}": array for name, array in design.items()}
        machine = self.machine_
        arrays |= {"vectors": machine.vectors, "coefficients": machine.coefficients, "intercepts": machine.intercepts}
        arrays |= {"present": self.present_, "map": self.map_}
        return State(config={"design": config, "gamma": machine.gamma}, arrays=arrays)

    def load(self, state: State) -> None:
        """Restore what `save` gave.

        Raises:
            ModelFileError: Arrays are missing or don't fit each other.
        """
        arrays, wanted = state.arrays, {"vectors", "coefficients", "intercepts", "present", "map"}
        if not wanted <= set(arrays) or not {"design", "gamma"} <= set(state.config):
            raise ModelFileError("the model file lacks the arrays of a kernel machine", "fit the model again")
        self._design = Design.load(
            state.config["design"],
            {name.removeprefix("design."): each for name, each in arrays.items() if name.startswith("design.")},
        )
        vectors, coefficients, intercepts = (arrays[name] for name in ("vectors", "coefficients", "intercepts"))
        self.machine_ = _Machine(vectors, coefficients, intercepts, float(state.config["gamma"]))
        self.present_, self.map_ = arrays["present"], arrays["map"]
        k = intercepts.size
        fits = vectors.shape == (len(coefficients), len(self._design.sources)) and coefficients.shape[1:] == (k,)
        if self._task.is_classification:
            within = self.present_.size and 0 <= self.present_.min() <= self.present_.max() < len(self._task.classes)
            fits = fits and bool(within) and k == _n_scores(self.present_.size) and self.map_.shape == (k + 1, k)
        if not fits:
            raise ModelFileError("the arrays of a kernel machine do not fit each other", "fit the model again")

    def _gamma(self, x: Array) -> float:
        return float(cast(float, self._params["gamma"]) / max(float(x.var()) * x.shape[1], 1e-12))

    def _values(self, x: Array, y: Array, weights: Array | None) -> _Machine:
        from sklearn.svm import SVR

        mean, deviation, gamma = float(y.mean()), float(y.std()) or 1.0, self._gamma(x)
        fitted = SVR(C=self._params["C"], gamma=gamma, epsilon=self._params["epsilon"], cache_size=400)
        fitted.fit(x, (y - mean) / deviation, sample_weight=weights)
        coefficients = deviation * fitted.dual_coef_.T
        return _Machine(fitted.support_vectors_, coefficients, deviation * fitted.intercept_ + mean, gamma)

    def _classes(self, x: Array, codes: Array, weights: Array | None) -> _Machine:
        """One score for two classes; for more, each class's sum over its duels, which is linear in the kernel."""
        from sklearn.svm import SVC

        gamma = self._gamma(x)
        fitted = SVC(C=self._params["C"], gamma=gamma, cache_size=400).fit(x, codes, sample_weight=weights)
        k = len(fitted.classes_)
        if k == 2:
            return _Machine(fitted.support_vectors_, fitted.dual_coef_.T.copy(), fitted.intercept_, gamma)
        owner = np.repeat(np.arange(k), fitted.n_support_)
        coefficients, intercepts = np.zeros((len(owner), k)), np.zeros(k)
        pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
        for number, (i, j) in enumerate(pairs):
            duel = np.where(owner == i, fitted.dual_coef_[j - 1], np.where(owner == j, fitted.dual_coef_[i], 0.0))
            coefficients[:, i] += duel
            coefficients[:, j] -= duel
            intercepts[i] += fitted.intercept_[number]
            intercepts[j] -= fitted.intercept_[number]
        return _Machine(fitted.support_vectors_, coefficients, intercepts, gamma)

    def _calibrate(self, x: Array, codes: Array, weights: Array | None) -> NDArray[np.float64]:
        """Logistic regression of classes on scores of folds that did not see the rows (Platt 1999), (k + 1, k)."""
        from sklearn.linear_model import LogisticRegression

        n_classes = int(codes.max()) + 1
        fold = np.empty(len(codes), dtype=np.intp)
        fold[np.argsort(codes, kind="stable")] = np.arange(len(codes)) % _N_FOLDS
        scores = np.zeros((len(codes), _n_scores(n_classes)))
        for number in range(_N_FOLDS):
            inside, outside = fold != number, fold == number
            seen = np.unique(codes[inside])
            if len(seen) == 1:
                continue
            machine = self._classes(x[inside], codes[inside], None if weights is None else weights[inside])
            found = machine.scores(x[outside])
            if n_classes == 2:
                scores[outside] = found
            else:
                found = np.concatenate([-found, found], axis=1) if len(seen) == 2 else found
                scores[outside] = found.min(axis=1, keepdims=True) - 1.0
                scores[np.ix_(outside, seen)] = found
        logistic = LogisticRegression(C=10.0, max_iter=500).fit(scores, codes, sample_weight=weights)
        return np.concatenate([logistic.coef_.T, logistic.intercept_[None, :]])


def _n_scores(n_classes: int) -> int:
    return 1 if n_classes == 2 else n_classes


def _eligible(profile: Profile, task: Task) -> str | None:
    size = profile.size
    if not size.d:
        return "there is no feature to compare rows by"
    if len(task.classes) > _MAX_CLASSES:
        return f"{len(task.classes)} classes would need a machine for each pair; at most {_MAX_CLASSES}"
    return f"{size.n_rows:,} rows are more than {_MAX_ROWS:,}" if size.n_rows > _MAX_ROWS else None


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    size = profile.size
    p = size.d_num * 1.1 + min(size.n_levels, 30 * size.d_cat)
    fits = 2.3 if size.n_outputs > 1 else 1.0
    hard = 1.0 + 0.3 * max(0.0, float(np.log10(float(params["C"] or 1.0))))
    seconds = 5e-3 + fits * hard * (_PER_PAIR + _PER_CELL * p) * size.n_rows**2
    return Cost(seconds / hardware.speed, int(4e8 + 24 * size.n_rows * p))


def _space(profile: Profile) -> Space:
    space: Space = {
        "C": Float(0.1, 300.0, log=True),
        "gamma": Float(0.05, 10.0, log=True),
        "scaling": Choice(("standard", "robust", "quantile")),
    }
    return space | {"epsilon": Float(0.01, 0.5, log=True)} if profile.size.n_outputs == 1 else space


def _default(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - the same for all
    first: Params = {"C": 2.0, "gamma": 0.7, "scaling": "robust", "epsilon": 0.1}
    return first, first | {"C": 20.0, "gamma": 0.2}, first | {"C": 2.0, "gamma": 2.0, "scaling": "quantile"}


def _build(params: Params, task: Task, layout: Layout) -> Model:
    return KernelMachine(params, task, layout)


FAMILY = Family(
    name="svm",
    title="support vector machine",
    traits=frozenset({"kernel"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
)
