"""Fitted binary trees as plain arrays: read out of scikit-learn, checked, rebuilt without unpickling, averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError, Unsuitable
from automl.family import FitLog, Limits, Rows, State
from automl.features import Features, Layout
from automl.probabilities import proper, shares
from automl.task import Task

Array: TypeAlias = NDArray[Any]


class Growth(NamedTuple):
    """Trees that are being grown.

    Attributes:
        n_wanted: How many there are to be; the clock may leave fewer.
        batches: Fitted `sklearn.tree._tree.Tree` objects, some at a time: with many classes they are large.
    """

    n_wanted: int
    batches: Iterable[Sequence[Any]]


Grow: TypeAlias = Callable[[Array, Array, Array | None, Limits], Growth]

_FAR = float(np.finfo(np.float32).max)
_LEAF = -1
_NO_FEATURE = -2


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """Trees one after another; children are counted from the root of their own tree, -1 in leaves.

    Thresholds are rounded down to float32, which sends every float32 value the same way as the float64 original.

    Shape:
        starts: (n_trees + 1,) int64, where each tree begins.
        left, right, feature: (n_nodes,) int32.
        threshold, weight: (n_nodes,) float32; `weight` is that of the training rows in the node.
        missing_left: (n_nodes,) uint8, whether missing values go left.
        value: (n_leaves, n_outputs), leaves in the order of their nodes.
    """

    starts: Array
    left: Array
    right: Array
    feature: Array
    threshold: Array
    weight: Array
    missing_left: Array
    value: Array

    @property
    def n_trees(self) -> int:
        """Trees."""
        return len(self.starts) - 1

    def slices(self) -> list[slice]:
        """Where the nodes of each tree are."""
        return [slice(int(a), int(b)) for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]


_DTYPES = {
    "starts": np.int64,
    "left": np.int32,
    "right": np.int32,
    "feature": np.int32,
    "threshold": np.float32,
    "weight": np.float32,
    "missing_left": np.uint8,
}


def pack(batches: Iterable[Sequence[Any]], dtype: type[np.floating[Any]]) -> TreeArrays:
    """Read fitted `sklearn.tree._tree.Tree` objects out, batch by batch, at least one.

    Args:
        dtype: Of `value`, which is that of the trees' own leaves.
    """
    packed = [_pack_one(tree, dtype) for batch in batches for tree in batch]
    together = {name: np.concatenate([columns[name] for columns in packed]) for name in packed[0]}
    starts = np.r_[0, np.cumsum([len(columns["left"]) for columns in packed])].astype(_DTYPES["starts"])
    return TreeArrays(starts=starts, **together)


def _pack_one(tree: Any, dtype: type[np.floating[Any]]) -> dict[str, Array]:
    """Columns of one tree."""
    nodes = tree.__getstate__()["nodes"]
    leaf = nodes["left_child"] == _LEAF
    below = nodes["threshold"].astype(np.float32)
    below = np.where(below > nodes["threshold"], np.nextafter(below, np.float32(-np.inf)), below)
    columns = {
        "left": nodes["left_child"],
        "right": nodes["right_child"],
        "feature": nodes["feature"],
        "threshold": below,
        "weight": nodes["weighted_n_node_samples"],
        "missing_left": nodes["missing_go_to_left"],
    }
    columns = {name: column.astype(_DTYPES[name]) for name, column in columns.items()}
    return columns | {"value": tree.value[leaf, 0, :].astype(dtype)}


def check_trees(arrays: TreeArrays, d: int, n_outputs: int) -> None:
    """Refuse arrays that are not trees over `d` features: nothing after this can loop or read out of bounds.

    Raises:
        ModelFileError: A shape, a child, a feature or a number that cannot be.
    """
    for name, dtype in _DTYPES.items():
        array = getattr(arrays, name)
        _require(array.dtype == dtype and array.ndim == 1, f"{name} is {array.dtype} with {array.ndim} dimensions")
    starts, left, right = arrays.starts, arrays.left, arrays.right
    n_nodes = len(left)
    same = all(len(getattr(arrays, name)) == n_nodes for name in _DTYPES if name != "starts")
    _require(same, "node arrays differ in length")
    _require(len(starts) > 1 and starts[0] == 0 and starts[-1] == n_nodes, "trees do not cover the nodes")
    sizes = np.diff(starts)
    _require(bool((sizes > 0).all()), "a tree is empty")

    leaf = left == _LEAF
    own = np.arange(n_nodes) - np.repeat(starts[:-1], sizes)
    size = np.repeat(sizes, sizes)
    _require(bool((leaf == (right == _LEAF)).all()), "a node has one child")
    inner = ~leaf
    for child in (left, right):
        _require(
            bool(((child > own) & (child < size))[inner].all()), "a child lies outside its tree or before its parent"
        )
    first = np.repeat(starts[:-1], sizes)[inner]
    parents = np.bincount(np.r_[left[inner] + first, right[inner] + first], minlength=n_nodes)
    parents[starts[:-1]] += 1
    _require(bool((parents == 1).all()), "a node has no parent or several")
    feature = arrays.feature[inner]
    _require(bool(((feature >= 0) & (feature < d)).all()), f"a split is on a feature that is not one of {d}")
    # An infinite threshold parts missing values from all others.
    _require(not np.isnan(arrays.threshold).any(), "a threshold is not a number")
    _require(bool((np.isfinite(arrays.weight) & (arrays.weight >= 0)).all()), "a node weight is not finite")
    value = arrays.value
    _require(
        value.dtype in (np.float32, np.float64) and value.shape == (int(leaf.sum()), n_outputs),
        f"leaf values have shape {value.shape}",
    )
    _require(bool(np.isfinite(value).all()), "a leaf value is not finite")


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the model file holds damaged trees: {problem}", "fit the model again")


def unpack(arrays: TreeArrays, d: int) -> list[Any]:
    """scikit-learn's own trees, set from checked arrays: what they predict of a row is its leaf's place in `value`.

    The value itself, a number for each class in each node, would take many times as much as all else.
    """
    from sklearn.tree._tree import NODE_DTYPE, Tree

    leaf = arrays.left == _LEAF
    places = np.cumsum(leaf, dtype=np.float64) - 1
    trees = []
    for part in arrays.slices():
        n_nodes = part.stop - part.start
        nodes = np.zeros(n_nodes, dtype=NODE_DTYPE)
        nodes["left_child"] = arrays.left[part]
        nodes["right_child"] = arrays.right[part]
        nodes["feature"] = np.where(leaf[part], _NO_FEATURE, arrays.feature[part])
        nodes["threshold"] = arrays.threshold[part]
        nodes["weighted_n_node_samples"] = arrays.weight[part]
        nodes["n_node_samples"] = np.maximum(1, np.minimum(arrays.weight[part], 2**40))
        nodes["missing_go_to_left"] = arrays.missing_left[part]
        tree = Tree(d, np.ones(1, dtype=np.intp), 1)
        state = {
            "max_depth": n_nodes // 2,  # no tree of so many nodes is deeper, and no prediction asks
            "node_count": n_nodes,
            "nodes": nodes,
            "values": np.ascontiguousarray(places[part])[:, None, None],
        }
        tree.__setstate__(state)
        trees.append(tree)
    return trees


def average(arrays: TreeArrays, trees: Sequence[Any], x: Array) -> NDArray[np.float64]:
    """(n_rows, n_outputs) mean over trees of the value of each row's leaf.

    Args:
        trees: What `unpack` made of the arrays.
        x: (n_rows, d) float32.
    """
    total = np.zeros((len(x), arrays.value.shape[1]))
    for tree in trees:
        total += arrays.value[tree.predict(x).ravel().astype(np.intp)]
    return total / len(trees)


def _global_children(arrays: TreeArrays) -> tuple[Array, Array, Array]:
    inner = np.flatnonzero(arrays.left != _LEAF)
    first = np.repeat(arrays.starts[:-1], np.diff(arrays.starts))[inner]
    return inner, arrays.left[inner] + first, arrays.right[inner] + first


def _depths(arrays: TreeArrays) -> Array:
    inner, left, right = _global_children(arrays)
    children = {False: np.full(len(arrays.left), _LEAF), True: np.full(len(arrays.left), _LEAF)}
    children[False][inner], children[True][inner] = left, right
    depth = np.zeros(len(arrays.left), dtype=np.int32)
    level = arrays.starts[:-1]
    while len(level):
        below = np.concatenate([children[side][level] for side in children])
        below_depth = np.tile(depth[level] + 1, 2)
        keep = below != _LEAF
        level = below[keep]
        depth[level] = below_depth[keep]
    return depth


def node_dicts(arrays: TreeArrays) -> list[dict[str, Array]]:
    """Trees as `shap.TreeExplainer` takes them; their sum is the average of the trees.

    The value of an inner node is the weighted mean of the leaves below it, so that attributions add up exactly.
    """
    leaf = arrays.left == _LEAF
    value = np.zeros((len(leaf), arrays.value.shape[1]))
    value[leaf] = arrays.value / arrays.n_trees
    weight = arrays.weight.astype(np.float64)
    inner, left, right = _global_children(arrays)
    depth = _depths(arrays)[inner]
    for level in range(int(depth.max(initial=-1)), -1, -1):
        at = depth == level
        node, a, b = inner[at], left[at], right[at]
        weight[node] = weight[a] + weight[b]
        share = (weight[a] / np.maximum(weight[node], np.finfo(np.float64).tiny))[:, None]
        value[node] = share * value[a] + (1 - share) * value[b]
    default = np.where(arrays.missing_left == 1, arrays.left, arrays.right)
    return [
        {
            "children_left": arrays.left[part],
            "children_right": arrays.right[part],
            "children_default": default[part],
            "features": np.where(leaf[part], _LEAF, arrays.feature[part]),
            "thresholds": arrays.threshold[part].astype(np.float64),
            "values": value[part],
            "node_sample_weight": weight[part],
        }
        for part in arrays.slices()
    ]


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
        targets = np.eye(n_classes)[y] if n_classes > 1 else y[:, None].astype(np.float64)
        mean = targets.mean(axis=0)
        sums = np.stack([np.bincount(codes[seen], weights=t, minlength=n_levels) for t in targets[seen].T], axis=1)
        centred = (sums + 10 * mean) / (counts + 10)[:, None] - mean
        _, _, directions = np.linalg.svd(centred * np.sqrt(counts)[:, None], full_matrices=False)
        key = centred @ directions[0]
    position = np.empty(n_levels, dtype=np.float32)
    position[np.argsort(key, kind="stable")] = np.arange(n_levels, dtype=np.float32)
    return position


class AveragedTrees:
    """The average of trees over numbers as they are and categories by their position along the target.

    Args:
        grow: (x (n_rows, d) float32, y, weights, limits) -> the trees.
    """

    def __init__(self, grow: Grow, task: Task, layout: Layout) -> None:
        self._grow = grow
        self._task = task
        self._layout = layout
        self.orders_: list[NDArray[np.float32]] = []
        self.arrays_: TreeArrays | None = None
        self._trees: list[Any] = []

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - nothing to stop early
        """Grow the trees."""
        n_classes = len(self._task.classes)
        if not self._d:
            raise Unsuitable("there is no feature to split on")
        y = train.y if n_classes else train.y - train.y.mean()
        self.orders_ = [
            np.arange(n, dtype=np.float32) if ordered else order_levels(train.x.x_cat[:, j], y, n, n_classes)
            for j, (n, ordered) in enumerate(zip(self._layout.n_levels, self._layout.cat_ordered, strict=True))
        ]
        weights = None if train.weights is None else train.weights / max(float(train.weights.mean()), 1e-300)
        growth = self._grow(self._matrix(train.x), y, weights, limits)
        grown = pack(growth.batches, np.float32 if n_classes else np.float64)
        self.arrays_ = replace(grown, value=self._leaf_values(grown, train))
        self._trees = unpack(self.arrays_, self._d)
        return FitLog(truncated=grown.n_trees < growth.n_wanted)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Average over trees."""
        assert self.arrays_ is not None
        mean = average(self.arrays_, self._trees, self._matrix(x))
        return proper(mean) if self._task.is_classification else mean[:, 0]

    def save(self) -> State:
        """Node arrays and category positions."""
        assert self.arrays_ is not None
        arrays = {name: getattr(self.arrays_, name) for name in (*_DTYPES, "value")}
        order = np.concatenate([np.zeros(0, dtype=np.float32), *self.orders_])
        return State(config={}, arrays={**arrays, "order": order})

    def load(self, state: State) -> None:
        """Check the arrays, then rebuild.

        Raises:
            ModelFileError: The arrays are no trees.
        """
        missing = {*_DTYPES, "value", "order"} - set(state.arrays)
        _require(not missing, f"no array {', '.join(sorted(missing))}")
        order = state.arrays["order"]
        _require(order.shape == (sum(self._layout.n_levels),), "category positions do not fit the columns")
        self.orders_ = np.split(order.astype(np.float32), np.cumsum(self._layout.n_levels)[:-1]) if len(order) else []
        self.arrays_ = TreeArrays(**{name: state.arrays[name] for name in (*_DTYPES, "value")})
        check_trees(self.arrays_, self._d, self._task.n_outputs)
        self._trees = unpack(self.arrays_, self._d)

    def tree_ensemble(self) -> list[dict[str, Array]]:
        """Node arrays for tree SHAP."""
        assert self.arrays_ is not None
        return node_dicts(self.arrays_)

    def tree_input(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, d) numbers, then categories by position; NaN where missing or unseen."""
        return self._matrix(x).astype(np.float64)

    @property
    def _d(self) -> int:
        return len(self._layout.num_names) + len(self._layout.cat_names)

    def _matrix(self, x: Features) -> NDArray[np.float32]:
        matrix = np.empty((x.n_rows, self._d), dtype=np.float32)
        d_num = x.x_num.shape[1]
        np.clip(x.x_num, -_FAR, _FAR, out=matrix[:, :d_num])
        for j, order in enumerate(self.orders_):
            padded = np.append(order, np.float32(np.nan))
            codes = x.x_cat[:, j]
            matrix[:, d_num + j] = padded[np.where((codes >= 0) & (codes < len(order)), codes, len(order))]
        return matrix

    def _leaf_values(self, grown: TreeArrays, train: Rows) -> Array:
        """(n_leaves, n_outputs) what leaves predict."""
        if not self._task.is_classification:
            return np.asarray(grown.value + train.y.mean())
        # One row's worth of the class shares over the whole ensemble: no leaf may call a class impossible.
        n_classes, m = len(self._task.classes), np.float32(1.0 / grown.n_trees)
        prior = shares(train.y, train.weights, n_classes).astype(np.float32)
        weight = grown.weight[grown.left == _LEAF][:, None]
        full, present = grown.value, np.unique(train.y)
        if len(present) < n_classes:
            full = np.zeros((len(weight), n_classes), dtype=np.float32)
            full[:, present] = grown.value
        full *= weight
        full += m * prior
        full /= weight + m
        return full
