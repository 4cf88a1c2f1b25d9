"""The metadata of XGBoost's own binary form, which was its default until 2.0.

Source of the layout: `src/learner.cc`, `src/gbm/gbtree_model.h` and `include/xgboost/tree_model.h` of
XGBoost 1.7. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from operators.models.formats.boosters.tree_checks import check_inner_nodes, integers, require_within

_MAGIC = b"binf"
# Sizes in bytes: LearnerModelParamLegacy, GBTreeModelParam, TreeParam, a node with its statistics.
_LEARNER, _TREES, _TREE, _STATISTICS = 136, 160, 148, 16
# The highest bit of `split` is the side of missing values.
_NODE = np.dtype([("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")])
_FEATURE = 0x7FFFFFFF


def decode(data: bytes) -> dict[str, Any]:
    """Return the metadata in the structure of XGBoost's JSON form, without the trees, which are checked.

    Raises ValueError for bytes that are not of this form or are truncated.
    """
    reader = _Reader(data, len(_MAGIC) if data.startswith(_MAGIC) else 0)
    base_score, features, classes, has_attributes, _, _, _, targets = struct.unpack_from(
        "<fIiiiIII", reader.take(_LEARNER)
    )
    objective, booster = reader.text(), reader.text()
    trees, parallel = 0, 1
    if booster in ("gbtree", "dart"):
        trees, parallel = struct.unpack_from("<ii", reader.take(_TREES))
        _check_trees(reader, trees, features, max(classes, targets, 1))
        if booster == "dart" and trees:
            reader.take(4 * reader.size())
    elif booster != "gblinear":
        raise ValueError(f"its booster is {booster!r}")
    # Behind a linear booster's weights, the file contains nothing that Weir uses.
    attributes = _attributes(reader) if has_attributes and booster != "gblinear" else {}
    model = {"gbtree_model_param": {"num_parallel_tree": str(max(parallel, 1)), "num_trees": str(trees)}}
    parameters = {"base_score": repr(base_score), "num_class": str(classes), "num_feature": str(features)}
    return {
        "learner": {
            "attributes": attributes,
            "objective": {"name": objective},
            "learner_model_param": {**parameters, "num_target": str(max(targets, 1))},
            "gradient_booster": {"name": booster, "model": model},
        }
    }


def _check_trees(reader: _Reader, trees: int, features: int, outputs: int) -> None:
    for _ in range(trees):
        _, nodes, _, _, _, leaf_vector = struct.unpack_from("<iiiiii", reader.take(_TREE))
        tree = np.frombuffer(reader.take(nodes * _NODE.itemsize), _NODE)
        reader.take(nodes * _STATISTICS)
        if leaf_vector > 1:
            raise ValueError("a tree has vectors in its leaves, which this form cannot contain")
        inner = tree[tree["left"] != -1]
        left, right, split_on = (integers(inner[field]) for field in ("left", "right", "split"))
        check_inner_nodes(left, right, split_on & _FEATURE, nodes, features)
    outputs_of_trees = np.frombuffer(reader.take(4 * max(trees, 0)), "<i4")
    require_within(integers(outputs_of_trees), outputs, "the output of a tree")


def _attributes(reader: _Reader) -> dict[str, str]:
    return {reader.text(): reader.text() for _ in range(reader.size())}


class _Reader:
    """Reads values from bytes, starting at a position."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; raise ValueError if there are fewer."""
        taken = self._data[self._at : self._at + count] if count >= 0 else b""
        if len(taken) != count:
            raise ValueError(f"the data ends at byte {len(self._data)}, within a value")
        self._at += count
        return taken

    def size(self) -> int:
        """Read the number of the items that follow."""
        return int(struct.unpack("<Q", self.take(8))[0])

    def text(self) -> str:
        """Read a text, which follows its length in bytes."""
        return self.take(self.size()).decode("utf-8")
