"""A penalised linear model of a design matrix, along a path of penalties stopped like early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError, Unsuitable
from automl.family import FitLog, Limits, Rows, State
from automl.features import Features
from automl.models.penalised import N_STEPS, Coefficients, Problem, mean_loss, path
from automl.models.probabilities import proper
from automl.space import Params
from automl.task import Task

Array: TypeAlias = NDArray[Any]


class MatrixDesign(Protocol):
    """How rows become a matrix, dense or sparse (scipy CSR), fitted on training rows only."""

    @property
    def sources(self) -> NDArray[np.intp]:
        """(p,) index of the feature each column came from: [numeric features..., categorical features...].

        Raises:
            Unsuitable: Columns come from blocks.
        """
        ...

    @property
    def width(self) -> int:
        """Columns."""
        ...

    def fit_transform(self, rows: Rows, n_classes: int, seed: int) -> Any:
        """(n_rows, p) of the rows it is fitted on."""
        ...

    def transform(self, x: Features) -> Any:
        """(n_rows, p) of other rows."""
        ...

    def save(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """JSON configuration and arrays, from which `load` makes the same design."""
        ...

    @classmethod
    def load(cls, config: dict[str, Any], arrays: dict[str, Array]) -> Self:
        """The design that `save` wrote."""
        ...


_PATIENCE = 2
LARGE = 20_000_000  # cells of the design from which single precision pays


class PenalisedLinear:
    """A linear model of the design matrix; the step of the penalty path that suits `valid` best is kept.

    Args:
        params: l1_ratio, target ("log" for the logarithm of a regression's), n_steps of the path, and n_iterations
            for a refit.
        task: What is learned.
        open_design: A design, unfitted, of single precision or not.
    """

    def __init__(self, params: Params, task: Task, open_design: Callable[[bool], MatrixDesign]) -> None:
        self._params = params
        self._n_steps = int(params.get("n_steps") or N_STEPS)
        self._task = task
        self._open_design = open_design
        self._design = open_design(False)
        self.coefficients_ = Coefficients(np.zeros((0, 0)), np.zeros(0))
        self._target = _Target()

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:
        """Follow the path until `valid` gets worse, to step `n_iterations`, or to the deadline."""
        started = time.monotonic()
        cells = len(train.y) * (train.x.x_num.shape[1] + train.x.x_cat.shape[1])
        self._design = self._open_design(cells > LARGE)
        present = np.unique(train.y) if self._task.is_classification else np.zeros(0, dtype=np.int64)
        if len(present) == 1:
            raise Unsuitable("the rows are all of one class")
        x = self._design.fit_transform(train, len(self._task.classes), limits.seed)
        if not x.shape[1]:
            raise Unsuitable("no feature varies")
        self._target = _Target.fit(train, self._params, self._task)
        problem = self._problem(train, x, present)
        held = None
        if valid is not None:
            known = np.isin(valid.y, present) if len(present) else np.ones(len(valid.y), dtype=bool)
            rows = valid.take(np.flatnonzero(known))
            held = self._problem(rows, self._design.transform(rows.x), present) if len(rows.y) else None
        deadline = started + 0.8 * (limits.deadline - started)
        best, step, curve, truncated = self._follow(problem, held, deadline)
        self.coefficients_ = self._target.restore(best) if not len(present) else self._all_classes(best, present)
        self._target = self._target.smeared(train, self._values(x), self._task)
        return FitLog(n_iterations=step, curve=curve, truncated=truncated)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Probabilities or values."""
        return self._values(self._design.transform(x))

    def save(self) -> State:
        """The design and the coefficients."""
        config, design = self._design.save()
        arrays: dict[str, Array] = {f"design.{name}": array for name, array in design.items()}
        arrays |= {"slopes": self.coefficients_.slopes, "intercepts": self.coefficients_.intercepts}
        return State(config={"design": config, "target": self._target.save()}, arrays=arrays)

    def load(self, state: State) -> None:
        """Restore design and coefficients.

        Raises:
            ModelFileError: They don't fit each other.
        """
        arrays = state.arrays
        if not {"slopes", "intercepts"} <= set(arrays) or not {"design", "target"} <= set(state.config):
            raise ModelFileError("the model file lacks the coefficients of a linear model", "fit the model again")
        self._design = type(self._design).load(
            state.config["design"],
            {name.removeprefix("design."): each for name, each in arrays.items() if name.startswith("design.")},
        )
        self._target = _Target(**{name: float(value) for name, value in state.config["target"].items()})
        slopes, intercepts = arrays["slopes"], arrays["intercepts"]
        n_scores = len(self._task.classes) if self._task.kind == "multiclass" else 1
        if slopes.shape != (self._design.width, n_scores) or intercepts.shape != (n_scores,):
            raise ModelFileError(f"the coefficients have shape {slopes.shape}", "fit the model again")
        self.coefficients_ = Coefficients(slopes, intercepts)

    def linear_design(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, p) the design matrix."""
        return np.asarray(self._design.transform(x), dtype=np.float64)

    def linear_terms(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Slopes, intercepts and the feature each design column came from.

        Raises:
            Unsuitable: Fitted on the logarithm of the target, so values are not linear in the design.
        """
        if self._target.unit:
            raise Unsuitable("it was fitted on the logarithm of the target, so its values are not linear")
        return self.coefficients_.slopes, self.coefficients_.intercepts, self._design.sources

    def _problem(self, rows: Rows, x: Any, present: Array) -> Problem:
        weights = np.ones(len(rows.y)) if rows.weights is None else rows.weights
        if not len(present):
            y, loss = self._target.forward(rows.y)[:, None], "squared"
        elif len(present) == 2 and self._task.kind == "binary":
            y, loss = (rows.y == 1).astype(np.float64)[:, None], "logistic"
        else:
            y, loss = (rows.y[:, None] == present[None, :]).astype(np.float64), "softmax"
        return Problem(x, y, weights / weights.sum(), loss, float(self._params["l1_ratio"] or 0.0), self._n_steps)

    def _follow(
        self, problem: Problem, held: Problem | None, deadline: float
    ) -> tuple[Coefficients, int, tuple[float, ...], bool]:
        """The coefficients kept, their step (from 1), the curve, and whether the clock ended the path."""
        steps = path(problem, deadline)
        best, kept = next(steps), 1
        last = self._n_steps if held is not None else int(self._params.get("n_iterations") or self._n_steps // 2)
        curve = [mean_loss(held, best)] if held is not None else []
        n_done = 1
        for current in steps if last > 1 else ():
            n_done += 1
            if held is None:
                best, kept = current, n_done
            else:
                curve.append(mean_loss(held, current))
                if curve[-1] < curve[kept - 1]:
                    best, kept = current, n_done
            if n_done == last or n_done - kept >= _PATIENCE:
                return best, kept, tuple(curve), False
        return best, kept, tuple(curve), n_done < last

    def _all_classes(self, found: Coefficients, present: Array) -> Coefficients:
        """A column for each class; one never seen follows the average of the others, far below it."""
        n_classes = len(self._task.classes)
        if self._task.kind == "binary" or len(present) == n_classes:
            return found
        slopes = np.repeat(found.slopes.mean(axis=1, keepdims=True), n_classes, axis=1)
        intercepts = np.full(n_classes, found.intercepts.mean() - 12.0)
        slopes[:, present], intercepts[present] = found.slopes, found.intercepts
        return Coefficients(slopes, intercepts)

    def _values(self, design: Any) -> NDArray[np.float64]:
        scores = self.coefficients_.scores(design)
        if self._task.kind == "regression":
            return self._target.backward(scores[:, 0])
        if self._task.kind == "binary":
            chance = 0.5 * (1 + np.tanh(0.5 * scores[:, 0]))
            return proper(np.stack([1 - chance, chance], axis=1))
        parts = np.exp(scores - scores.max(axis=1, keepdims=True))
        return proper(parts / parts.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class _Target:
    """The target as it is fitted: in units of its deviation, or log(1 + y / unit) of it where that was asked for.

    Attributes:
        unit: Of the logarithm: the 5 % quantile of positive values; 0 for no logarithm.
        low, high: Range outside of which a prediction on the log scale is cut.
        smear: What takes the mean of logarithms back to a mean (Duan 1983, doi:10.1080/01621459.1983.10478017).
    """

    unit: float = 0.0
    mean: float = 0.0
    deviation: float = 1.0
    low: float = 0.0
    high: float = 0.0
    smear: float = 1.0

    @classmethod
    def fit(cls, train: Rows, params: Params, task: Task) -> Self:
        """Scale of the training targets; the logarithm is left where there are negative ones."""
        if task.is_classification:
            return cls()
        y, unit = train.y, 0.0
        if params.get("target") == "log" and y.min() >= 0 and y.max() > 0:
            unit = float(np.quantile(y[y > 0], 0.05))
            y = np.log1p(y / unit)
        reach = 0.1 * float(np.ptp(y))
        return cls(unit, float(y.mean()), float(y.std()) or 1.0, float(y.min()) - reach, float(y.max()) + reach)

    def forward(self, y: Array) -> Array:
        """What is fitted."""
        logged = np.log1p(np.maximum(y, 0) / self.unit) if self.unit else y
        return np.asarray((logged - self.mean) / self.deviation)

    def restore(self, found: Coefficients) -> Coefficients:
        """Coefficients in the target's own unit (or that of its logarithm)."""
        return Coefficients(found.slopes * self.deviation, found.intercepts * self.deviation + self.mean)

    def backward(self, score: Array) -> NDArray[np.float64]:
        """Predictions from scores in the unit of `restore`."""
        if not self.unit:
            return np.asarray(score)
        return np.asarray(np.maximum(self.smear * self.unit * np.expm1(np.clip(score, self.low, self.high)), 0.0))

    def smeared(self, train: Rows, fitted: Array, task: Task) -> Self:
        """With the factor that makes fitted and true values agree on average, for metrics of means."""
        if not self.unit or task.metric not in ("rmse", "r2"):
            return self
        total = float(np.average(fitted, weights=train.weights))
        factor = float(np.average(train.y, weights=train.weights)) / total if total > 0 else 1.0
        return replace(self, smear=float(np.clip(factor, 0.5, 2.0)))

    def save(self) -> dict[str, float]:
        """JSON values."""
        return asdict(self)
