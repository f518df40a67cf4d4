"""Boosted trees in LightGBM's text format: cut to what predicts, rescaled, checked before the library reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError

Array: TypeAlias = NDArray[Any]
Trees: TypeAlias = Mapping[str, Sequence[str]]  # a value a tree of every field

_END = "end of trees"
_CATEGORICAL_BIT = 1
_BLANK, _NEWLINE = ord(" "), ord("\n")
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
_UNUSED = "internal_value"  # once kept, so it is read
# What training leaves behind that neither predictions nor attributions look at: half of the text.
_SPENT = ("tree_sizes=", "split_gain=", "internal_weight=", "leaf_weight=", f"{_UNUSED}=")
_SPLITS = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_OPTIONAL = (_UNUSED, "cat_boundaries", "cat_threshold")
_FIELDS = ("num_leaves", "num_cat", *_SPLITS, "leaf_value", "leaf_count", _UNUSED, "internal_count", *_OPTIONAL[1:])
# A tree as the library writes it, or else a line that is none of it.
_TREE = re.compile(
    r"Tree=(?P<number>.*)\n"
    + "".join(rf"(?:{name}=(?P<{name}>.*)\n){'?' if name in _OPTIONAL else ''}" for name in _FIELDS)
    + r"is_linear=0\nshrinkage=[-+0-9.e]+\n+|(?P<other>.+|\n)"
)
_WHOLE, _PLAIN = b"-0123456789 ", b"-+0123456789.e "


def tidy(text: str) -> str:
    """Header and trees only: no training parameters (paths among them), byte offsets, nor what only training needs."""
    lines = text[: text.index(_END)].splitlines()
    return "\n".join([line for line in lines if not line.startswith(_SPENT)] + [_END, ""])


def rescale(text: str, scale: float, offset: float) -> str:
    """The text of a model that predicts `offset + scale * prediction`; one output, at least one tree."""
    lines, n_seen = [], 0
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if key in ("leaf_value", _UNUSED):
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

    All trees are checked at once: a booster has thousands, and each check is one pass over the numbers of all of them.

    Raises:
        ModelFileError: A header, a size, a child, a feature or a number that cannot be.
    """
    header, _, rest = text.partition("\nTree=")
    _check_header(header, expected)
    _require(text.endswith(f"\n{_END}\n") and text.count(_END) == 1, "the trees do not end where they must")
    found = _TREE.findall("Tree=" + rest.removesuffix(f"{_END}\n"))
    trees: Trees = dict(zip(_TREE.groupindex, zip(*found, strict=True), strict=True))
    other = next(filter(None, trees["other"]), "")
    _require(not other, f"unexpected line {other[:40]!r}")
    _require(list(trees["number"]) == [str(number) for number in range(len(found))], "the trees are not in order")
    _require(len(found) % expected.n_outputs == 0, f"it has {len(found)} trees")
    _check_trees(trees, expected.d)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ModelFileError(f"the model file holds a damaged booster: {problem}", "fit the model again")


def _check_header(header: str, expected: Expected) -> None:
    lines = header.split("\n")
    _require(lines[0] == "tree", "it does not begin with 'tree'")
    told = [line.partition("=") for line in lines[1:] if line]
    fields = {key: value for key, _, value in told}
    _require(set(fields) == _HEADER and len(told) == len(_HEADER), f"the header is not of {sorted(_HEADER)}")
    _require(fields["version"] == "v4", f"version {fields['version'][:20]!r} is not v4")
    n_outputs, d = str(expected.n_outputs), expected.d
    _require(
        fields["num_class"] == fields["num_tree_per_iteration"] == n_outputs, f"it does not have {n_outputs} outputs"
    )
    _require(fields["max_feature_idx"] == str(d - 1) and fields["label_index"] == "0", f"it does not have {d} features")
    _require(all(len(fields[name].split(" ")) == d for name in ("feature_names", "feature_infos")), "features differ")
    _require(fields["objective"].split(" ")[0] in expected.objectives, f"objective {fields['objective'][:40]!r}")


def _check_trees(trees: Trees, d: int) -> None:
    ones = np.ones(len(trees["number"]), np.int64)
    n_leaves, n_categorical = (_whole(trees, name, ones) for name in ("num_leaves", "num_cat"))
    _require(bool(((n_leaves >= 1) & (n_leaves <= _MAX_LEAVES)).all()), "a tree has no leaves, or too many")
    _require(bool(((n_categorical >= 0) & (n_categorical < n_leaves)).all()), "a tree has too many sets of categories")
    _check_plain(trees, "leaf_value", n_leaves)
    split = np.flatnonzero(n_leaves > 1)
    if not len(split):
        return
    if len(split) < len(n_leaves):
        trees = {name: [values[int(i)] for i in split] for name, values in trees.items()}
        n_leaves, n_categorical = n_leaves[split], n_categorical[split]
    n_inner = n_leaves - 1
    for name in ("threshold", "internal_count", *([_UNUSED] if any(trees[_UNUSED]) else [])):
        _check_plain(trees, name, n_inner)
    _check_plain(trees, "leaf_count", n_leaves)
    left, right, feature, kind = (
        _whole(trees, name, n_inner) for name in ("left_child", "right_child", "split_feature", "decision_type")
    )
    _check_children(left, right, n_inner)
    _require(bool(((feature >= 0) & (feature < d)).all()), "a split is on no feature")
    _require(bool(((kind >= 0) & (kind < 16)).all()), "a split is of no kind")
    first = np.cumsum(n_inner) - n_inner
    for i in np.flatnonzero(n_categorical | np.add.reduceat(kind & _CATEGORICAL_BIT, first)):
        own = slice(int(first[i]), int(first[i] + n_inner[i]))
        tree = {name: [values[int(i)]] for name, values in trees.items()}
        _check_categories(tree, (kind[own] & _CATEGORICAL_BIT) == 1, int(n_categorical[i]))


def _check_plain(trees: Trees, name: str, sizes: NDArray[np.int64]) -> None:
    """Refuse a field that is not so many plain decimal numbers in every tree."""
    joined = _joined(trees, name, sizes)
    if name == "threshold":  # a split of missing from all other values is at infinity
        joined = joined.replace("inf", "0")
    _require(not joined.encode().translate(None, _PLAIN), f"{name} is not of numbers only")


def _whole(trees: Trees, name: str, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The whole numbers of a field, tree after tree."""
    joined = _joined(trees, name, sizes)
    n_signs = joined.startswith("-") + joined.count(" -")
    are_whole = (
        not joined.encode().translate(None, _WHOLE) and joined.count("-") == n_signs and "- " not in f"{joined} "
    )
    _require(are_whole, f"{name} is not of whole numbers only")
    return np.fromstring(joined, dtype=np.int64, sep=" ")


def _joined(trees: Trees, name: str, sizes: NDArray[np.int64]) -> str:
    """A field of all trees in one text, with one blank between two values and so many values in each tree."""
    lines = "\n".join(trees[name])
    letters = np.frombuffer(lines.encode(), np.uint8)
    blanks, ends = np.flatnonzero(letters == _BLANK), np.append(np.flatnonzero(letters == _NEWLINE), len(letters))
    n_values = 1 + np.diff(np.searchsorted(blanks, ends), prepend=0)
    _require(np.array_equal(n_values, sizes), f"{name} is not of the size of its tree")
    between = np.flatnonzero(np.pad((letters == _BLANK) | (letters == _NEWLINE), 1, constant_values=True))
    _require(bool((np.diff(between) > 1).all()), f"{name} lacks a number")
    return lines.replace("\n", " ")


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


def _check_categories(tree: Trees, categorical: Array, n_categorical: int) -> None:
    which = np.array(tree["threshold"][0].split(), dtype=np.float64)[categorical]
    in_range = (which >= 0) & (which < n_categorical) & (which == np.floor(which))
    _require(bool(in_range.all()), "a split is on no set of categories")
    if n_categorical:
        bounds = _whole(tree, "cat_boundaries", np.array([n_categorical + 1]))
        _require(bool(bounds[0] == 0 and (np.diff(bounds) > 0).all()), "sets of categories overlap")
        words = _whole(tree, "cat_threshold", bounds[-1:])
        _require(bool(((words >= 0) & (words < 1 << 32)).all()), "a set of categories is no set of bits")
