"""Boosted trees in LightGBM's text format: cut to what predicts, rescaled, checked before the library reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError

Array: TypeAlias = NDArray[Any]

_END = "end of trees"
_CATEGORICAL_BIT = 1
_MAX_LEAVES = 1 << 17
_HEADER = {
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
}
_INNER = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_COUNTED = ("internal_value", "internal_count")
_LEAVES = ("leaf_value", "leaf_count")
# What training leaves behind that neither predictions nor attributions look at: two fifths of the text.
_SPENT = ("tree_sizes=", "split_gain=", "internal_weight=", "leaf_weight=")
_PLAIN = re.compile(r"[-+0-9.e ]+")
_WHOLE = re.compile(r"-?[0-9]{1,10}(?: -?[0-9]{1,10})*")
_CATEGORICAL = ("cat_boundaries", "cat_threshold")
_SCALARS = ("num_leaves", "num_cat", "is_linear", "shrinkage")
_KNOWN = {*_INNER, *_COUNTED, *_LEAVES, *_CATEGORICAL, *_SCALARS}


def tidy(text: str) -> str:
    """Header and trees only: no training parameters (paths among them), byte offsets, nor what only training needs."""
    lines = text[: text.index(_END)].splitlines()
    return "\n".join([line for line in lines if not line.startswith(_SPENT)] + [_END, ""])


def rescale(text: str, scale: float, offset: float) -> str:
    """The text of a model that predicts `offset + scale * prediction`; one output, at least one tree."""
    lines, n_seen = [], 0
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if key in ("leaf_value", "internal_value"):
            shift = offset if n_seen == 1 else 0.0
            value = " ".join(repr(float(v) * scale + shift) for v in value.split())
        n_seen += key == "Tree"
        lines.append(f"{key}{equals}{value}")
    return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True)
class Expected:
    """What a model text must agree with: features, trees a round, and the words its objective may begin with."""

    d: int
    n_outputs: int
    objectives: tuple[str, ...]


def check_text(text: str, expected: Expected) -> None:
    """Refuse a text that is not a set of trees over `expected.d` features, so that reading it cannot loop or overrun.

    Raises:
        ModelFileError: A header, a size, a child, a feature or a number that cannot be.
    """
    parts = text.split("\nTree=")
    _check_header(parts[0], expected)
    _require(text.endswith(f"\n{_END}\n") and text.count(_END) == 1, "the trees do not end where they must")
    trees = parts[1:]
    _require(len(trees) > 0 and len(trees) % expected.n_outputs == 0, f"it has {len(trees)} trees")
    fields = []
    for number, part in enumerate(trees):
        lines = part.removesuffix(f"{_END}\n").split("\n")
        _require(lines[0] == str(number), f"tree {number} is called {lines[0][:20]!r}")
        fields.append(_fields(lines[1:], _KNOWN))
    _check_trees(fields, expected.d)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the model file holds a damaged booster: {problem}", "fit the model again")


def _fields(lines: list[str], known: set[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            continue
        key, _, value = line.partition("=")
        _require(key in known and key not in fields, f"unexpected line {line[:40]!r}")
        fields[key] = value
    return fields


def _check_header(header: str, expected: Expected) -> None:
    lines = header.split("\n")
    _require(lines[0] == "tree", "it does not begin with 'tree'")
    fields = _fields(lines[1:], _HEADER)
    _require(set(fields) == _HEADER, f"the header lacks {sorted(_HEADER - set(fields))}")
    _require(fields["version"] == "v4", f"version {fields['version'][:20]!r} is not v4")
    n_outputs, d = str(expected.n_outputs), expected.d
    _require(
        fields["num_class"] == fields["num_tree_per_iteration"] == n_outputs, f"it does not have {n_outputs} outputs"
    )
    _require(fields["max_feature_idx"] == str(d - 1) and fields["label_index"] == "0", f"it does not have {d} features")
    _require(all(len(fields[name].split(" ")) == d for name in ("feature_names", "feature_infos")), "features differ")
    _require(fields["objective"].split(" ")[0] in expected.objectives, f"objective {fields['objective'][:40]!r}")


def _check_trees(fields: list[dict[str, str]], d: int) -> None:
    """Check all trees at once: a booster has thousands, and each check is one pass over the numbers of all of them."""
    _require(all(tree.get("is_linear", "0") == "0" for tree in fields), "a tree is linear")
    n_leaves, n_categorical = (
        _whole(fields, name, np.ones(len(fields), np.int64)) for name in ("num_leaves", "num_cat")
    )
    _require(bool(((n_leaves >= 1) & (n_leaves <= _MAX_LEAVES)).all()), "a tree has no leaves, or too many")
    _require(bool(((n_categorical >= 0) & (n_categorical < n_leaves)).all()), "a tree has too many sets of categories")
    _check_plain(fields, "leaf_value", n_leaves)
    split = np.flatnonzero(n_leaves > 1)
    grown, n_leaves, n_categorical = [fields[i] for i in split], n_leaves[split], n_categorical[split]
    if not grown:
        return
    n_inner = n_leaves - 1
    for name in ("threshold", *_COUNTED):
        _check_plain(grown, name, n_inner)
    for name in _LEAVES:
        _check_plain(grown, name, n_leaves)
    left, right, feature, kind = (
        _whole(grown, name, n_inner) for name in ("left_child", "right_child", "split_feature", "decision_type")
    )
    _check_children(left, right, n_inner)
    _require(bool(((feature >= 0) & (feature < d)).all()), "a split is on no feature")
    _require(bool(((kind >= 0) & (kind < 16)).all()), "a split is of no kind")
    first = np.cumsum(n_inner) - n_inner
    for i in np.flatnonzero(n_categorical | np.add.reduceat(kind & _CATEGORICAL_BIT, first)):
        own = slice(int(first[i]), int(first[i] + n_inner[i]))
        _check_categories(grown[i], (kind[own] & _CATEGORICAL_BIT) == 1, int(n_categorical[i]))


def _check_plain(fields: list[dict[str, str]], name: str, sizes: NDArray[np.int64]) -> None:
    """Refuse a field that is not so many plain decimal numbers in every tree."""
    joined = _joined(fields, name, sizes)
    if name == "threshold":  # a split of missing from all other values is at infinity
        joined = joined.replace("inf", "0")
    _require(_PLAIN.fullmatch(joined) is not None, f"{name} is not of numbers only")


def _whole(fields: list[dict[str, str]], name: str, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The whole numbers of a field, tree after tree."""
    joined = _joined(fields, name, sizes)
    _require(_WHOLE.fullmatch(joined) is not None, f"{name} is not of whole numbers only")
    return np.fromstring(joined, dtype=np.int64, sep=" ")


def _joined(fields: list[dict[str, str]], name: str, sizes: NDArray[np.int64]) -> str:
    """A field of all trees in one text, with one blank between two values and so many values in each tree."""
    values = [tree.get(name, "") for tree in fields]
    _require([value.count(" ") + 1 for value in values] == sizes.tolist(), f"{name} is not of the size of its tree")
    joined = " ".join(values)
    _require("  " not in joined and joined == joined.strip(), f"{name} lacks a number")
    return joined


def _check_children(left: NDArray[np.int64], right: NDArray[np.int64], n_inner: NDArray[np.int64]) -> None:
    first = np.cumsum(n_inner) - n_inner
    tree = np.repeat(np.arange(len(n_inner)), n_inner)
    own = np.arange(len(left)) - first[tree]
    child, parent, tree = np.r_[left, right], np.r_[own, own], np.r_[tree, tree]
    inner = child >= 0
    _require(bool((child[inner] > parent[inner]).all()), "a node leads back")
    # Inner nodes but the root, and all leaves, are reached exactly once: each has one number from 1 to 2 n_inner.
    place = np.where(inner, child, n_inner[tree] + ~child)
    _require(bool(((place >= 1) & (place <= 2 * n_inner[tree])).all()), "a child is not there")
    reached = np.sort(2 * first[tree] + place)
    _require(bool(np.array_equal(reached, np.arange(1, len(child) + 1))), "the nodes are no tree")


def _check_categories(fields: dict[str, str], categorical: Array, n_categorical: int) -> None:
    which = np.array(fields["threshold"].split(), dtype=np.float64)[categorical]
    in_range = (which >= 0) & (which < n_categorical) & (which == np.floor(which))
    _require(bool(in_range.all()), "a split is on no set of categories")
    if n_categorical:
        bounds = _whole([fields], "cat_boundaries", np.array([n_categorical + 1]))
        _require(bool(bounds[0] == 0 and (np.diff(bounds) > 0).all()), "sets of categories overlap")
        words = _whole([fields], "cat_threshold", bounds[-1:])
        _require(bool((words >= 0).all()), "a set of categories is negative")
