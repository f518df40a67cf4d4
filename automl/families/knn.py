"""Nearest neighbours in the scaled design matrix (Cover & Hart 1967, doi:10.1109/TIT.1967.1053964)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError, Unsuitable
from automl.family import Family, FitLog, Limits, Model, Rows, State
from automl.features import Features, Layout
from automl.models.design import Design
from automl.models.probabilities import proper, shares
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Int, Params, Space
from automl.task import Task

_MAX_ROWS = 50_000
_CHUNK = 4096


class Neighbours:
    """Average of the targets of the nearest training rows, by distance or evenly."""

    def __init__(self, params: Params, task: Task, layout: Layout) -> None:  # noqa: ARG002 - the design knows the columns
        self._params = params
        self._task = task
        self._design = Design(scaling="standard" if params["scaling"] == "standard" else "quantile", dtype="float32")
        self.rows_: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self.targets_: NDArray[np.float64] = np.zeros((0, 0))
        self.weights_: NDArray[np.float64] = np.zeros(0)
        self._index: Any = None

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - nothing to stop early
        """Keep the rows."""
        if len(train.y) > _MAX_ROWS:
            raise Unsuitable(f"{len(train.y):,} rows are too many to compare with each; at most {_MAX_ROWS:,}")
        n_classes = len(self._task.classes)
        self.rows_ = np.ascontiguousarray(self._design.fit_transform(train, n_classes, limits.seed), dtype=np.float32)
        if not self.rows_.shape[1]:
            raise Unsuitable("no feature varies, so all rows are equally near")
        if n_classes:
            self.targets_ = np.eye(n_classes)[train.y]
            self._prior = shares(train.y, train.weights, n_classes)
        else:
            self.targets_ = train.y.astype(np.float64)[:, None]
            self._prior = np.average(self.targets_, axis=0, weights=train.weights)
        weights = train.weights
        self.weights_ = np.ones(len(train.y)) if weights is None else weights / max(float(weights.mean()), 1e-300)
        self._open()
        return FitLog()

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Weighted average over the neighbours, and half a row's worth of the average over all training rows."""
        k = min(int(self._params["n_neighbors"] or 1), len(self.rows_))
        out = np.empty((x.n_rows, self.targets_.shape[1]))
        for start in range(0, x.n_rows, _CHUNK):
            part = slice(start, start + _CHUNK)
            matrix = np.ascontiguousarray(self._design.transform(x.take(part)), dtype=np.float32)
            distance, nearest = self._index.kneighbors(matrix, n_neighbors=k)
            weight = self.weights_[nearest]
            if self._params["weights"] == "distance":
                middle = np.maximum(distance.mean(axis=1, keepdims=True), 1e-9)
                weight = weight / (distance / middle + 0.01)
            share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
            average = np.einsum("nk,nkc->nc", share, self.targets_[nearest])
            prior_share = 0.5 / (k + 0.5) if self._task.is_classification else 0.0
            out[part] = (1 - prior_share) * average + prior_share * self._prior
        return proper(out) if self._task.is_classification else out[:, 0]

    def save(self) -> State:
        """The design and the training rows in it."""
        config, design = self._design.save()
        arrays: dict[str, NDArray[Any]] = {f"design.{name}": array for name, array in design.items()}
        arrays |= {"rows": self.rows_, "targets": self.targets_, "weights": self.weights_, "prior": self._prior}
        return State(config={"design": config}, arrays=arrays)

    def load(self, state: State) -> None:
        """Restore design and rows.

        Raises:
            ModelFileError: Arrays are missing or don't fit each other.
        """
        arrays = state.arrays
        missing = {"rows", "targets", "weights", "prior"} - set(arrays)
        if missing or "design" not in state.config:
            raise ModelFileError(f"the model file lacks {', '.join(sorted(missing)) or 'the design'}")
        self._design = Design.load(
            state.config["design"],
            {k.removeprefix("design."): v for k, v in arrays.items() if k.startswith("design.")},
        )
        self.rows_, self.targets_, self.weights_ = arrays["rows"], arrays["targets"], arrays["weights"]
        self._prior = arrays["prior"]
        n, sizes = len(self.rows_), (len(self._design.sources), self._task.n_outputs)
        found = (self.rows_.shape, self.targets_.shape, self.weights_.shape, self._prior.shape)
        if not n or found != ((n, sizes[0]), (n, sizes[1]), (n,), (sizes[1],)) or not np.isfinite(self.rows_).all():
            raise ModelFileError(f"the rows of the model file have shapes {found}", "fit the model again")
        self._open()

    def _open(self) -> None:
        from sklearn.neighbors import NearestNeighbors

        # Trees prune distances in few dimensions only; brute force is one matrix product a chunk.
        algorithm = "kd_tree" if self.rows_.shape[1] <= 8 else "brute"
        p = 1 if self._params["metric"] == "manhattan" else 2
        self._index = NearestNeighbors(algorithm=algorithm, p=p, n_jobs=1).fit(self.rows_)


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    size = profile.size
    if not size.d:
        return "there is no feature to measure distances in"
    return f"{size.n_rows:,} rows are more than {_MAX_ROWS:,}" if size.n_rows > _MAX_ROWS else None


def _columns(profile: Profile) -> float:
    size = profile.size
    return size.d_num * 1.1 + min(size.n_levels, 30 * size.d_cat)


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    # A bag's out-of-fold prediction compares each row with all; fitting itself is only the design.
    n, p = profile.size.n_rows, _columns(profile)
    per_pair = 2.5e-9 + (2e-11 if params["metric"] == "euclidean" else 1e-9) * p
    seconds = 3e-3 + 5e-8 * n * p + 0.25 * per_pair * n * n
    return Cost(seconds / hardware.speed, int(n * (12 * p + 16 * profile.size.n_outputs)))


def _space(profile: Profile) -> Space:
    return {
        "n_neighbors": Int(1, max(50, min(200, profile.size.n_rows // 20)), log=True),
        "weights": Choice(("distance", "uniform")),
        "metric": Choice(("euclidean", "manhattan")),
        "scaling": Choice(("standard", "quantile")),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    k = 10 if profile.size.n_rows < 1000 else 20
    first: Params = {"n_neighbors": k, "weights": "distance", "metric": "euclidean", "scaling": "standard"}
    return first, first | {"n_neighbors": 2 * k, "metric": "manhattan", "scaling": "quantile"}


def _build(params: Params, task: Task, layout: Layout) -> Model:
    return Neighbours(params, task, layout)


FAMILY = Family(
    name="knn",
    title="nearest neighbours",
    traits=frozenset({"distance"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
)
