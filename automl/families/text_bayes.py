"""Naive Bayes over words, pairs of words and runs of characters, its certainty set on held-out rows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError, Unsuitable
from automl.family import Family, FitLog, Limits, Model, Rows, State
from automl.features import Features, Layout
from automl.models.probabilities import proper, shares
from automl.models.terms import terms_of
from automl.models.text_cost import cells_of_terms, no_text
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task

Array: TypeAlias = NDArray[Any]

# Words are not independent given the class, so that the posterior is too sure of long texts: its logarithm is divided
# by one of these.
_TEMPERATURES = np.geomspace(0.1, 10.0, 21)
_USUAL = 10


class TermBayes:
    """Multinomial naive Bayes of weighted terms (Rennie et al., ICML 2003, section 4: weights as in TF-IDF)."""

    def __init__(self, params: Params, task: Task, layout: Layout) -> None:  # noqa: ARG002 - any texts
        self._smoothing = float(params["smoothing"] or 1.0)
        self._grams = bool(params["grams"])
        self._step = int(params.get("n_iterations") or _USUAL + 1)
        self._task = task
        self.prior_: Array = np.zeros(0)
        self.table_: Array = np.zeros((0, 0))

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - one pass, nothing random
        """Count terms by class; the temperature that suits `valid` best is kept, and reported as the iteration."""
        n_classes = len(self._task.classes)
        terms = terms_of(train.x, grams=self._grams)
        if not terms.shape[1]:
            raise Unsuitable("no word repeats")
        weights = np.ones(len(train.y)) if train.weights is None else train.weights / train.weights.mean()
        of_class = np.equal(train.y[:, None], np.arange(n_classes)) * weights[:, None]
        sums = np.asarray(terms.T @ of_class) + self._smoothing
        self.table_ = (np.log(sums) - np.log(sums.sum(axis=0))).astype(np.float32)
        self.prior_ = np.log(shares(train.y, train.weights, n_classes))
        if valid is not None and len(valid.y):
            evidence = self._evidence(valid.x)
            losses = [self._loss(evidence, valid.y, step) for step in range(len(_TEMPERATURES))]
            self._step = int(np.argmin(losses)) + 1
        return FitLog(n_iterations=self._step)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Posterior of each class."""
        return self._posterior(self._evidence(x), self._step - 1)

    def save(self) -> State:
        """Prior, table of terms, and the step of the temperature."""
        return State({"step": self._step, "grams": self._grams}, {"prior": self.prior_, "table": self.table_})

    def load(self, state: State) -> None:
        """Restore them.

        Raises:
            ModelFileError: They don't fit the classes.
        """
        self._step, self._grams = int(state.config["step"]), bool(state.config["grams"])
        self.prior_, self.table_ = state.arrays["prior"], state.arrays["table"]
        n_classes = len(self._task.classes)
        fits = self.prior_.shape == (n_classes,) and self.table_.ndim == 2 and self.table_.shape[1] == n_classes
        if not fits or not 1 <= self._step <= len(_TEMPERATURES):
            raise ModelFileError(f"the table of terms has shape {self.table_.shape}", "fit the model again")

    def _evidence(self, x: Features) -> Array:
        """(n_rows, n_classes) what the terms say, before the prior."""
        return np.asarray(terms_of(x, grams=self._grams) @ self.table_, dtype=np.float64)

    def _posterior(self, evidence: Array, step: int) -> NDArray[np.float64]:
        score = evidence / _TEMPERATURES[step] + self.prior_
        parts = np.exp(score - score.max(axis=1, keepdims=True))
        return proper(parts / parts.sum(axis=1, keepdims=True))

    def _loss(self, evidence: Array, y: Array, step: int) -> float:
        return float(-np.log(self._posterior(evidence, step)[np.arange(len(y)), y]).mean())


def _eligible(profile: Profile, task: Task) -> str | None:
    return no_text(profile) if task.is_classification else "it knows classes only"


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    cells = cells_of_terms(profile, grams=bool(params["grams"]))
    return Cost(float(0.05 + 4e-9 * cells * profile.size.n_outputs) / hardware.speed, int(24 * cells))


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {"smoothing": Float(0.01, 3.0, log=True), "grams": Choice((True, False))}


def _default(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - any texts
    return {"smoothing": 0.3, "grams": True}, {"smoothing": 0.3, "grams": False}


def _build(params: Params, task: Task, layout: Layout) -> Model:
    return TermBayes(params, task, layout)


FAMILY = Family(
    name="text_bayes",
    title="naive Bayes of words",
    traits=frozenset({"bayes", "text"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    link="logit",
)
