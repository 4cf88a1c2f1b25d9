"""Adjustments of treelite models, so that their sums equal the library's, bit for bit where possible."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAF, _CATEGORICAL, _NO_CHILD = 0, 2, -1


def keep_first(trees: Any, count: int) -> None:
    """Keep the first `count` trees; set all leaves of the later trees to 0."""
    for number in range(count, trees.num_tree):
        tree = trees.get_tree_accessor(number)
        for field in ("leaf_value", "leaf_vector"):
            tree.set_field(field, np.zeros_like(tree.get_field(field)))
        if not len(tree.get_field("leaf_vector")):
            _end_at_root(tree)


def add_base_scores(trees: Any, scores: NDArray[np.float32]) -> None:
    """Add base scores to the first tree of each output, and set the model's own base scores to 0.

    XGBoost starts its sums with the base score, treelite adds it at the end: in single precision, the results
    differ. `scores` has shape (targets, classes). Every tree must have at least one leaf.
    """
    header = trees.get_header_accessor()
    targets = header.get_field("target_id").copy()
    classes = header.get_field("class_id").copy()
    seen: set[tuple[int, int]] = set()
    for number, output in enumerate(zip(targets.tolist(), classes.tolist(), strict=True)):
        if output in seen:
            continue
        seen.add(output)
        target, class_ = (slice(None) if index < 0 else slice(index, index + 1) for index in output)
        base = scores[target, class_].ravel()
        tree = trees.get_tree_accessor(number)
        vector = tree.get_field("leaf_vector")
        field = "leaf_vector" if len(vector) else "leaf_value"
        values = tree.get_field(field).reshape(-1, len(base))
        tree.set_field(field, (values + base).astype(np.float32).ravel())
    header.set_field("base_scores", np.zeros(scores.size))


def base_scores(trees: Any) -> NDArray[np.float32]:
    """Return the base scores that treelite adds, float32 of shape (targets, classes)."""
    header = trees.get_header_accessor()
    targets = int(header.get_field("num_target")[0])
    scores: NDArray[np.float64] = header.get_field("base_scores")
    return scores.reshape(targets, -1).astype(np.float32)


def _end_at_root(tree: Any) -> None:
    for field, value in (("cleft", _NO_CHILD), ("cright", _NO_CHILD), ("node_type", _LEAF)):
        values = tree.get_field(field).copy()
        values[0] = value
        tree.set_field(field, values)


def categorical_columns(trees: Any) -> list[int]:
    """Return the sorted columns that at least one node compares with a set of categories."""
    columns: set[int] = set()
    for number in range(trees.num_tree):
        tree = trees.get_tree_accessor(number)
        if tree.get_field("has_categorical_split")[0]:
            kinds = tree.get_field("node_type")
            columns.update(tree.get_field("split_index")[kinds == _CATEGORICAL].tolist())
    return sorted(columns)
