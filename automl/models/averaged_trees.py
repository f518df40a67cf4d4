"""Models that average trees grown by scikit-learn: forests, and single trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import Unsuitable
from automl.family import FitLog, Limits, Rows, State
from automl.features import Features, Layout
from automl.models.probabilities import proper, shares
from automl.models.target_means import TargetMeans, of_many_levels
from automl.models.trees import DTYPES, LEAF, TreeArrays, average, check_trees, leaf_places, node_dicts, pack, require
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_MANY_ROWS = 30.0  # of a level, on average
_FAR = float(np.finfo(np.float32).max)


class Growth(NamedTuple):
    """Trees that are being grown.

    Attributes:
        n_wanted: How many there are to be; the clock may leave fewer.
        batches: Fitted `sklearn.tree._tree.Tree` objects, some at a time: with many classes they are large.
    """

    n_wanted: int
    batches: Iterable[Sequence[Any]]


Grow: TypeAlias = Callable[[Array, Array, Array | None, Limits], Growth]


def order_levels(codes: Array, y: Array, n_levels: int, n_classes: int) -> NDArray[np.float32]:
    """Positions of categories on an axis along which the target grows, (n_levels,).

    Categories are ordered by their smoothed mean target (for several classes by the first principal component of class
    shares: Coppersmith et al. 1999, doi:10.1023/A:1009869804967), which makes a threshold as good as the best subset
    for one output (Fisher 1958). Where a category has fewer than 10 rows on average the target would leak
    through its own order; frequency orders those.
    """
    seen = codes >= 0
    counts = np.bincount(codes[seen], minlength=n_levels).astype(np.float64)
    if seen.sum() < 10 * n_levels:
        key = counts
    else:
        if n_classes > 1:
            cells = codes[seen].astype(np.intp) * n_classes + y[seen]
            sums = np.bincount(cells, minlength=n_levels * n_classes).reshape(n_levels, n_classes)
            mean = np.bincount(y, minlength=n_classes) / len(y)
        else:
            sums = np.bincount(codes[seen], weights=y[seen], minlength=n_levels)[:, None]
            mean = y.mean()
        centred = (sums + 10 * mean) / (counts + 10)[:, None] - mean
        _, _, directions = np.linalg.svd(centred * np.sqrt(counts)[:, None], full_matrices=False)
        key = centred @ directions[0]
    position = np.empty(n_levels, dtype=np.float32)
    position[np.argsort(key, kind="stable")] = np.arange(n_levels, dtype=np.float32)
    return position


class AveragedTrees:
    """The average of trees over numbers as they are, categories by their position along the target, and means of it.

    Categories of many levels are cross-fitted means, for their order would tell the trees too much of their own rows;
    where a level has many rows, it does not, and parts levels that means take for one: then they are both.

    Args:
        grow: (x (n_rows, d) float32, y, weights, limits) -> the trees.
    """

    def __init__(self, grow: Grow, task: Task, layout: Layout) -> None:
        self._grow = grow
        self._task = task
        self._layout = layout
        self._many = of_many_levels(layout)
        self._placed = self._few = np.setdiff1d(np.arange(len(layout.n_levels)), self._many)
        self.orders_: list[NDArray[np.float32]] = []
        self._means: TargetMeans | None = None
        self.arrays_: TreeArrays | None = None
        self._places = np.zeros(0, dtype=np.int32)

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - nothing to stop early
        """Grow the trees."""
        n_classes = len(self._task.classes)
        if not self._layout.num_names and not self._layout.cat_names:
            raise Unsuitable("there is no feature to split on")
        y = train.y if n_classes else train.y - train.y.mean()
        n_rows_a_level = len(y) / np.maximum(np.asarray(self._layout.n_levels, dtype=np.float64), 1.0)
        self._placed = np.union1d(self._few, self._many[n_rows_a_level[self._many] >= _MANY_ROWS])
        self.orders_ = [self._order(j, train.x.x_cat[:, j], y) for j in self._placed]
        self._means, crossed = TargetMeans.fit(train, self._many, n_classes, limits.seed)
        weights = None if train.weights is None else train.weights / max(float(train.weights.mean()), 1e-300)
        growth = self._grow(self._joined(train.x, crossed), y, weights, limits)
        grown = pack(growth.batches, np.float32 if n_classes else np.float64)
        self.arrays_ = replace(grown, value=self._leaf_values(grown, train))
        self._places = leaf_places(self.arrays_)
        return FitLog(truncated=grown.n_trees < growth.n_wanted)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Average over trees."""
        assert self.arrays_ is not None
        mean = average(self.arrays_, self._places, self._matrix(x))
        return proper(mean) if self._task.is_classification else mean[:, 0]

    def save(self) -> State:
        """Node arrays, category positions and means of the target."""
        assert self.arrays_ is not None
        assert self._means is not None
        arrays = {name: getattr(self.arrays_, name) for name in (*DTYPES, "value")}
        order = np.concatenate([np.zeros(0, dtype=np.float32), *self.orders_])
        return State(config={}, arrays={**arrays, "order": order, "placed": self._placed, **self._means.arrays})

    def load(self, state: State) -> None:
        """Check the arrays, then rebuild.

        Raises:
            ModelFileError: The arrays are no trees.
        """
        missing = {*DTYPES, "value", "order", "placed"} - set(state.arrays)
        require(not missing, f"no array {', '.join(sorted(missing))}")
        order, placed = state.arrays["order"], state.arrays["placed"]
        require(placed.ndim == 1 and placed.dtype.kind == "i", "positions are of no category")
        require(bool(np.isin(placed, np.arange(len(self._layout.n_levels))).all()), "positions are of no category")
        self._placed = placed.astype(np.intp)
        n_levels = [self._layout.n_levels[j] for j in self._placed]
        require(order.shape == (sum(n_levels),), "category positions do not fit the columns")
        self.orders_ = np.split(order.astype(np.float32), np.cumsum(n_levels)[:-1]) if n_levels else []
        self._means = TargetMeans.load(state.arrays, self._many, self._layout.n_levels)
        self.arrays_ = TreeArrays(**{name: state.arrays[name] for name in (*DTYPES, "value")})
        check_trees(self.arrays_, len(self.tree_sources()), self._task.n_outputs)
        self._places = leaf_places(self.arrays_)

    def tree_ensemble(self) -> list[dict[str, Array]]:
        """Node arrays for tree SHAP."""
        assert self.arrays_ is not None
        return node_dicts(self.arrays_)

    @property
    def tree_link(self) -> Literal["identity", "log"]:
        """The trees add up to the prediction."""
        return "identity"

    def tree_input(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, p) numbers, then categories by position (NaN where missing or unseen), then means of the target."""
        return self._matrix(x).astype(np.float64)

    def tree_sources(self) -> NDArray[np.intp]:
        """(p, 1) the feature of each column of `tree_input`."""
        assert self._means is not None
        d_num = len(self._layout.num_names)
        return np.concatenate([np.arange(d_num), d_num + self._placed, d_num + self._means.sources])[:, None]

    def _order(self, j: int, codes: Array, y: Array) -> NDArray[np.float32]:
        n = self._layout.n_levels[j]
        if self._layout.cat_ordered[j]:
            return np.arange(n, dtype=np.float32)
        return order_levels(codes, y, n, len(self._task.classes))

    def _matrix(self, x: Features) -> NDArray[np.float32]:
        assert self._means is not None
        return self._joined(x, self._means.apply(x.x_cat))

    def _joined(self, x: Features, means: Array) -> NDArray[np.float32]:
        d_num, d_cat = x.x_num.shape[1], len(self._placed)
        matrix = np.empty((x.n_rows, d_num + d_cat + means.shape[1]), dtype=np.float32)
        np.clip(x.x_num, -_FAR, _FAR, out=matrix[:, :d_num])
        for place, (j, order) in enumerate(zip(self._placed, self.orders_, strict=True), d_num):
            padded = np.append(order, np.float32(np.nan))
            codes = x.x_cat[:, j]
            matrix[:, place] = padded[np.where((codes >= 0) & (codes < len(order)), codes, len(order))]
        np.clip(means, -_FAR, _FAR, out=matrix[:, d_num + d_cat :])
        return matrix

    def _leaf_values(self, grown: TreeArrays, train: Rows) -> Array:
        """(n_leaves, n_outputs) what leaves predict."""
        if not self._task.is_classification:
            return np.asarray(grown.value + train.y.mean())
        # One row's worth of the class shares over the whole ensemble: no leaf may call a class impossible.
        n_classes, m = len(self._task.classes), np.float32(1.0 / grown.n_trees)
        prior = shares(train.y, train.weights, n_classes).astype(np.float32)
        weight = grown.weight[grown.left == LEAF][:, None]
        full, present = grown.value, np.unique(train.y)
        if len(present) < n_classes:
            full = np.zeros((len(weight), n_classes), dtype=np.float32)
            full[:, present] = grown.value
        full *= weight
        full += m * prior
        full /= weight + m
        return full
