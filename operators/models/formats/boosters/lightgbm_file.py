"""The metadata of a booster that LightGBM saved as text: everything that Weir needs besides the trees."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from operators.core.errors import DeploymentError
from operators.core.foreign_json import shorten
from operators.models.formats.boosters.tree_checks import check_inner_nodes, integers, require_within

# Names that LightGBM generates for columns without names.
_CLASSES = re.compile(r"num_class:(\d+)")
_NUMBERED = re.compile(r"Column_[0-9]+")
# In a node's decision type: position and mask of its kind of missing values, and the kind "zero is missing".
_MISSING_SHIFT, _MISSING_BITS, _ZERO = 2, 3, 1
# The bit of a node that compares with a set of categories.
_CATEGORICAL = 1
# The arrays of a tree that treelite reads: those of its inner nodes, and those of its leaves.
_OF_NODES = [
    "left_child",
    "right_child",
    "split_feature",
    "threshold",
    "decision_type",
    "split_gain",
    "internal_count",
    "internal_weight",
]
_OF_LEAVES = ["leaf_value", "leaf_count", "leaf_weight"]


class LightGBMFile(NamedTuple):
    """The objective with its parameters, and the names of the columns; empty if LightGBM numbered them."""

    objective: str
    feature_names: tuple[str, ...]


def read_lightgbm(path: Path) -> LightGBMFile:
    """Read a booster's text file.

    Raises DeploymentError for another file, and for models that treelite would compute wrongly: linear trees,
    and zeros that count as missing.
    """
    try:
        # Lines end as treelite ends them: with a line feed only.
        lines = [line.rstrip("\r") for line in path.read_bytes().decode("utf-8").split("\n")]
    except UnicodeDecodeError:
        lines = []
    if not lines or lines[0] != "tree":
        raise DeploymentError(
            f"{path} is not a booster that LightGBM saved as text; save it with Booster.save_model"
        )
    head: dict[str, str] = {}
    trees: list[dict[str, str]] = []
    for line in lines:
        name, is_value, value = line.partition("=")
        if not is_value:
            continue
        section = trees[-1] if trees else head
        if name == "Tree":
            trees.append({})
        elif name in section:
            # treelite takes the last one, also from the importances of features behind the last tree.
            raise DeploymentError(
                f"{path} repeats {shorten(name)!r} in a section, which is not supported: if a column has "
                "this name, train with another name"
            )
        else:
            section[name] = value
        if name == "is_linear" and value != "0":
            raise DeploymentError(
                f"{path} has linear models in its leaves (linear_tree), which are not supported: train "
                "without linear_tree, or serve it by a Python class of your own"
            )
        if name == "decision_type" and any(map(_zero_is_missing, _integers(path, line))):
            raise DeploymentError(
                f"{path} was trained with zero_as_missing, which is not supported: train with missing "
                "values as NaN, or serve it by a Python class of your own"
            )
    try:
        declared = _CLASSES.search(head.get("objective", ""))
        if declared and declared[1] != head.get("num_class"):
            raise ValueError(f"it has {head.get('num_class')} classes, its objective {declared[1]}")
        if not trees or not head.get("objective", "custom").strip():
            raise ValueError(f"it has {len(trees)} trees, and its objective is {head.get('objective')!r}")
        for tree in trees:
            _check_tree(tree, int(head.get("max_feature_idx", "")) + 1)
    except (OverflowError, ValueError) as error:
        raise DeploymentError(
            f"{path} is damaged: {error}; save the booster again with Booster.save_model"
        ) from None
    names = tuple(head.get("feature_names", "").split())
    return LightGBMFile(head.get("objective", ""), () if all(map(_NUMBERED.fullmatch, names)) else names)


def _check_tree(tree: dict[str, str], features: int) -> None:
    """Raise ValueError unless the arrays of a tree have their lengths, and its positions exist."""
    leaves = int(tree.get("num_leaves", ""))
    arrays = {name: tree.get(name, "").split() for name in (*_OF_NODES, *_OF_LEAVES)}
    if leaves < 1 or len(arrays["leaf_value"]) != leaves:
        raise ValueError(f"a tree declares {leaves} leaves, but has {len(arrays['leaf_value'])}")
    if leaves == 1:
        return
    for name, values in arrays.items():
        most = leaves if name in _OF_LEAVES else leaves - 1
        if values and len(values) != most:
            raise ValueError(f"a tree of {leaves} leaves has {len(values)} values of {name}, not {most}")
    left, right, split_on = (integers([int(one) for one in arrays[name]]) for name in _OF_NODES[:3])
    children = np.concatenate([left, right])
    require_within(children[children >= 0], leaves - 1, "an inner node below a node")
    # Leaf 0 is the child -1, leaf 1 is -2, …: behind the inner nodes.
    left, right = (np.where(side < 0, leaves - 2 - side, side) for side in (left, right))
    check_inner_nodes(left, right, split_on, 2 * leaves - 1, features)
    _check_categories(tree, arrays)


def _check_categories(tree: dict[str, str], arrays: dict[str, list[str]]) -> None:
    number = int(tree.get("num_cat", "0"))
    bounds, bits = (tree.get(name, "").split() for name in ("cat_boundaries", "cat_threshold"))
    nodes = [
        int(float(threshold))
        for threshold, kind in zip(arrays["threshold"], arrays["decision_type"], strict=False)
        if int(kind) & _CATEGORICAL
    ]
    if not nodes and not number:
        return
    ends = integers([int(one) for one in bounds])
    if len(ends) != number + 1 or (np.diff(ends) < 0).any():
        raise ValueError(f"a tree declares {number} sets of categories, but has other bounds of them")
    require_within(ends, len(bits) + 1, "the bound of a set of categories")
    require_within(integers(nodes), number, "the number of a set of categories")


def _integers(path: Path, line: str) -> list[int]:
    """Return the whole numbers of a line; DeploymentError if it has others."""
    try:
        return [int(one) for one in line.partition("=")[2].split()]
    except ValueError:
        raise DeploymentError(
            f"{path} is damaged: {shorten(line)!r} must contain whole numbers; save the booster again with "
            "Booster.save_model"
        ) from None


def _zero_is_missing(decision_type: int) -> bool:
    return decision_type >> _MISSING_SHIFT & _MISSING_BITS == _ZERO
