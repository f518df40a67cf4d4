"""Fitted binary trees as plain arrays: read out of scikit-learn, checked, rebuilt without unpickling, averaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError
from automl.hardware import give_memory_back

Array: TypeAlias = NDArray[Any]


LEAF = -1
# Up to how many rows it is quicker to go down all trees at once than to rebuild each for scikit-learn: so many, and one
# more for so many nodes a tree.
_FEW_ROWS, _NODES_A_ROW = 30, 64


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


DTYPES = {
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
    packed: list[dict[str, Array]] = []
    for batch in batches:
        packed += [_pack_one(tree, dtype) for tree in batch]
        del batch  # before the next one is grown
        give_memory_back()
    starts = np.r_[0, np.cumsum([len(columns["left"]) for columns in packed])].astype(DTYPES["starts"])
    return TreeArrays(starts=starts, **{name: _join(packed, name) for name in list(packed[0])})


def _join(packed: Sequence[dict[str, Array]], name: str) -> Array:
    """One column of all trees, which goes from each: a large forest is not to be there twice."""
    joined = np.concatenate([columns.pop(name) for columns in packed])
    give_memory_back()
    return joined


def _pack_one(tree: Any, dtype: type[np.floating[Any]]) -> dict[str, Array]:
    """Columns of one tree."""
    nodes = tree.__getstate__()["nodes"]
    leaf = nodes["left_child"] == LEAF
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
    columns = {name: column.astype(DTYPES[name]) for name, column in columns.items()}
    return columns | {"value": tree.value[leaf, 0, :].astype(dtype)}


def check_trees(arrays: TreeArrays, d: int, n_outputs: int) -> None:
    """Refuse arrays that are not trees over `d` features: nothing after this can loop or read out of bounds.

    Raises:
        ModelFileError: A shape, a child, a feature or a number that cannot be.
    """
    for name, dtype in DTYPES.items():
        array = getattr(arrays, name)
        require(array.dtype == dtype and array.ndim == 1, f"{name} is {array.dtype} with {array.ndim} dimensions")
    starts, left, right = arrays.starts, arrays.left, arrays.right
    n_nodes = len(left)
    same = all(len(getattr(arrays, name)) == n_nodes for name in DTYPES if name != "starts")
    require(same, "node arrays differ in length")
    require(len(starts) > 1 and starts[0] == 0 and starts[-1] == n_nodes, "trees do not cover the nodes")
    require(bool((np.diff(starts) > 0).all()), "a tree is empty")
    for part in arrays.slices():
        _check_shape(left[part], right[part])
    leaf = left == LEAF
    feature = arrays.feature[~leaf]
    require(bool(((feature >= 0) & (feature < d)).all()), f"a split is on a feature that is not one of {d}")
    # An infinite threshold parts missing values from all others.
    require(not np.isnan(arrays.threshold).any(), "a threshold is not a number")
    require(bool((np.isfinite(arrays.weight) & (arrays.weight >= 0)).all()), "a node weight is not finite")
    value = arrays.value
    require(
        value.dtype in (np.float32, np.float64) and value.shape == (int(leaf.sum()), n_outputs),
        f"leaf values have shape {value.shape}",
    )
    require(bool(np.isfinite(value).all()), "a leaf value is not finite")


def _check_shape(left: Array, right: Array) -> None:
    """Refuse one tree unless every node but the root is the child of one that comes before it."""
    n_nodes = len(left)
    inner = np.flatnonzero(left != LEAF)
    require(bool(((left == LEAF) == (right == LEAF)).all()), "a node has one child")
    children = np.stack([left[inner], right[inner]])
    inside = (children > inner) & (children < n_nodes)
    require(bool(inside.all()), "a child lies outside its tree or before its parent")
    n_parents = np.bincount(children.ravel(), minlength=n_nodes)
    require(not n_parents[0] and bool((n_parents[1:] == 1).all()), "a node has no parent or several")


def require(holds: bool, problem: str) -> None:
    """Refuse the model file unless something holds."""
    if not holds:
        raise ModelFileError(f"the model file holds damaged trees: {problem}", "fit the model again")


def leaf_places(arrays: TreeArrays) -> NDArray[np.int32]:
    """(n_nodes,) where in `value` a leaf's is; of an inner node it says nothing."""
    return np.cumsum(arrays.left == LEAF, dtype=np.int32) - 1


def average(arrays: TreeArrays, places: Array, x: Array) -> NDArray[np.float64]:
    """(n_rows, n_outputs) mean over trees of the value of each row's leaf.

    Trees added one after another, in whatever way leaves were found: a row's prediction does not hang on its company.

    Args:
        arrays: Checked trees.
        places: Their `leaf_places`.
        x: (n_rows, d) float32.
    """
    if len(x) <= _FEW_ROWS + len(arrays.left) / (arrays.n_trees * _NODES_A_ROW):
        return np.cumsum(arrays.value[places[_leaves(arrays, x)]], axis=1, dtype=np.float64)[:, -1] / arrays.n_trees
    total = np.zeros((len(x), arrays.value.shape[1]))
    for part in arrays.slices():
        total += arrays.value[places[part][_rebuilt(arrays, part, x.shape[1]).apply(x)]]
    return total / arrays.n_trees


def _leaves(arrays: TreeArrays, x: Array) -> NDArray[np.int64]:
    """(n_rows, n_trees) the node each row ends in, by going down all trees at once."""
    first = np.tile(arrays.starts[:-1], len(x))
    row = np.repeat(np.arange(len(x)), arrays.n_trees)
    node = first.copy()
    going = np.flatnonzero(arrays.left[node] != LEAF)
    while len(going):
        here = node[going]
        value = x[row[going], arrays.feature[here]]
        goes_left = np.where(np.isnan(value), arrays.missing_left[here] == 1, value <= arrays.threshold[here])
        below = first[going] + np.where(goes_left, arrays.left[here], arrays.right[here])
        node[going] = below
        going = going[arrays.left[below] != LEAF]
    return node.reshape(len(x), arrays.n_trees)


def _rebuilt(arrays: TreeArrays, part: slice, d: int) -> Any:
    """scikit-learn's own tree over `d` features, good for finding leaves: kept, it would take four times the arrays."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    n_nodes = part.stop - part.start
    nodes = np.zeros(n_nodes, dtype=NODE_DTYPE)
    nodes["left_child"] = arrays.left[part]
    nodes["right_child"] = arrays.right[part]
    nodes["feature"] = arrays.feature[part]
    nodes["threshold"] = arrays.threshold[part]
    nodes["missing_go_to_left"] = arrays.missing_left[part]
    tree = Tree(d, np.ones(1, dtype=np.intp), 1)
    depth = n_nodes // 2  # no tree of so many nodes is deeper, and finding leaves does not ask
    state = {"max_depth": depth, "node_count": n_nodes, "nodes": nodes, "values": np.zeros((n_nodes, 1, 1))}
    tree.__setstate__(state)
    return tree


def _global_children(arrays: TreeArrays) -> tuple[Array, Array, Array]:
    inner = np.flatnonzero(arrays.left != LEAF)
    first = np.repeat(arrays.starts[:-1], np.diff(arrays.starts))[inner]
    return inner, arrays.left[inner] + first, arrays.right[inner] + first


def _depths(arrays: TreeArrays) -> Array:
    inner, left, right = _global_children(arrays)
    children = {False: np.full(len(arrays.left), LEAF), True: np.full(len(arrays.left), LEAF)}
    children[False][inner], children[True][inner] = left, right
    depth = np.zeros(len(arrays.left), dtype=np.int32)
    level = arrays.starts[:-1]
    while len(level):
        below = np.concatenate([children[side][level] for side in children])
        below_depth = np.tile(depth[level] + 1, 2)
        keep = below != LEAF
        level = below[keep]
        depth[level] = below_depth[keep]
    return depth


def node_dicts(arrays: TreeArrays) -> list[dict[str, Array]]:
    """Trees as `shap.TreeExplainer` takes them; their sum is the average of the trees.

    The value of an inner node is the weighted mean of the leaves below it, so that attributions add up exactly.
    """
    leaf = arrays.left == LEAF
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
            "features": np.where(leaf[part], LEAF, arrays.feature[part]),
            "thresholds": arrays.threshold[part].astype(np.float64),
            "values": value[part],
            "node_sample_weight": weight[part],
        }
        for part in arrays.slices()
    ]
