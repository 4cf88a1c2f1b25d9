"""Checks of the nodes of trees, before treelite reads them: it relies on the positions in a file.

A file with positions that do not exist would end the process, or let a prediction read foreign memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]


def integers(values: ArrayLike) -> Integers:
    """Return whole numbers as an array of shape (n,); ValueError for any other values."""
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise ValueError(f"there is an array of {array.dtype} with {array.ndim} axes among its whole numbers")
    return array.astype(np.int64)


def require_within(values: Integers, most: int, what: str) -> None:
    """Raise ValueError unless all values are from 0 to below `most`."""
    if len(values) and not 0 <= values.min() <= values.max() < most:
        wrong = values[(values < 0) | (values >= most)][0]
        raise ValueError(f"{what} is {wrong}, but must be from 0 to {most - 1}")


def check_inner_nodes(left: Integers, right: Integers, split_on: Integers, nodes: int, features: int) -> None:
    """Check the inner nodes of a tree with this number of nodes, whose root is node 0.

    `left` and `right` are the children of the inner nodes, and `split_on` are the features that they compare.
    Raises ValueError for children that do not exist, or that have two parents, and for unknown features.
    """
    if not len(left) == len(right) == len(split_on):
        raise ValueError(f"a tree has {len(left)} left and {len(right)} right children")
    children = np.concatenate([left, right])
    require_within(children, nodes, "a child of a node")
    require_within(split_on, features, "the feature of a node")
    parents = np.bincount(children, minlength=max(nodes, 1))
    if parents[0] or parents.max() > 1:
        raise ValueError("a node of a tree is below itself, or below two nodes")
