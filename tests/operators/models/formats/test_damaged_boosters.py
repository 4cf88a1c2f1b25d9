"""Boosters whose positions and counts do not fit: none reaches treelite, which relies on them."""

from __future__ import annotations

import json
import re
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operators.core.errors import DeploymentError
from operators.models.formats.boosters.lightgbm_file import read_lightgbm
from operators.models.formats.boosters.ubjson import decode
from operators.models.formats.boosters.xgboost_binary import decode as decode_binary
from operators.models.formats.boosters.xgboost_file import read_xgboost
from tests.support.paths import FOLDERS

Edit = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Any]
HUGE = 2_000_000_000
XGBOOST: dict[str, Edit] = {
    "a count of trees": lambda learner, model, tree: model["gbtree_model_param"].update(num_trees=str(HUGE)),
    "no output of a tree": lambda learner, model, tree: model.update(tree_info=[]),
    "an output of a tree": lambda learner, model, tree: model["tree_info"].__setitem__(0, HUGE),
    "classes": lambda learner, model, tree: learner["learner_model_param"].update(num_class=str(HUGE)),
    "targets": lambda learner, model, tree: learner["learner_model_param"].update(num_target=str(HUGE)),
    "a feature": lambda learner, model, tree: tree["split_indices"].__setitem__(0, 6),
    "a negative feature": lambda learner, model, tree: tree["split_indices"].__setitem__(0, -1),
    "a child": lambda learner, model, tree: tree["left_children"].__setitem__(0, HUGE),
    "a negative child": lambda learner, model, tree: tree["right_children"].__setitem__(0, -1),
    "a circle": lambda learner, model, tree: tree["left_children"].__setitem__(1, 0),
    "two parents": lambda learner, model, tree: tree["left_children"].__setitem__(0, 3),
    "no children": lambda learner, model, tree: tree.update(left_children=[]),
    "children that are no list": lambda learner, model, tree: tree.update(left_children={"a": 1}),
    "children of texts": lambda learner, model, tree: tree.update(left_children=["x"]),
    "categories": lambda learner, model, tree: tree.update(
        categories_nodes=[0], categories_segments=[0], categories_sizes=[HUGE]
    ),
    "rounds": lambda learner, model, tree: model.update(iteration_indptr={"a": 1}),
}


@pytest.mark.parametrize("name", XGBOOST)
def test_a_damaged_booster_of_xgboost_is_refused_for_little_memory(tmp_path: Path, name: str) -> None:
    document = json.loads((FOLDERS / "xgboost-binary" / "model.json").read_bytes())
    model = document["learner"]["gradient_booster"]["model"]
    XGBOOST[name](document["learner"], model, model["trees"][0])
    (tmp_path / "model.json").write_text(json.dumps(document))
    tracemalloc.start()
    try:
        with pytest.raises(DeploymentError, match=r"model\.json is not a model file of XGBoost"):
            read_xgboost(tmp_path / "model.json")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, str(HUGE)) for field in ("num_leaves", "left_child", "right_child", "split_feature")),
        *((field, "-5") for field in ("num_leaves", "split_feature", "decision_type", "leaf_value")),
        *((field, "0 0 0 0 0 0") for field in ("left_child", "right_child")),
        ("split_feature", "6 6 6 6 6 6"),
        ("left_child", "1.5 2 3 4 5 -1"),
        ("threshold", "1"),
        ("max_feature_idx", "x"),
        ("decision_type", "1 1 1 1 1 1"),
        ("num_cat", str(HUGE)),
        ("num_class", "1"),
        ("objective", ""),
        ("objective", " "),
    ],
)
def test_a_damaged_booster_of_lightgbm_is_refused(tmp_path: Path, field: str, value: str) -> None:
    text = (FOLDERS / "lightgbm-multi" / "model.bst").read_text()
    (tmp_path / "model.bst").write_text(re.sub(rf"(?m)^{field}=.*$", f"{field}={value}", text))
    with pytest.raises(DeploymentError, match=r"model\.bst is damaged: .*; save the booster again"):
        read_lightgbm(tmp_path / "model.bst")


def test_a_booster_of_lightgbm_without_trees_is_refused(tmp_path: Path) -> None:
    text = (FOLDERS / "lightgbm-multi" / "model.bst").read_text()
    (tmp_path / "model.bst").write_text(text.partition("\nTree=")[0])
    with pytest.raises(DeploymentError, match="is damaged: it has 0 trees"):
        read_lightgbm(tmp_path / "model.bst")


def test_an_inner_node_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    text = (FOLDERS / "lightgbm-multi" / "model.bst").read_text()
    assert "\nnum_leaves=7\n" in text
    (tmp_path / "model.bst").write_text(re.sub(r"(?m)^(left_child=.*)-1( |$)", r"\g<1>6\2", text))
    with pytest.raises(DeploymentError, match="an inner node below a node is 6, but must be from 0 to 5"):
        read_lightgbm(tmp_path / "model.bst")


@pytest.mark.parametrize("name", ["threshold", "leaf_value", "num_leaves"])
def test_a_column_named_as_an_array_of_trees_is_refused(tmp_path: Path, name: str) -> None:
    """treelite would read the column's importance as the array of the last tree."""
    text = (FOLDERS / "lightgbm-multi" / "model.bst").read_text()
    assert "\nColumn_4=" in text
    (tmp_path / "model.bst").write_text(text.replace("Column_4", name))
    with pytest.raises(DeploymentError, match=rf"repeats '{name}' in a section.* train with another name"):
        read_lightgbm(tmp_path / "model.bst")


@pytest.mark.parametrize("kind", [b"Z", b"T", b"F", b"i", b"[", b"S"])
@pytest.mark.parametrize("size", [HUGE, 2**63 - 1])
def test_a_count_in_ubjson_that_its_bytes_do_not_have_is_refused(kind: bytes, size: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"values do not fit into the bytes|the data ends"):
            decode(b"[$" + kind + b"#L" + struct.pack(">q", size))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_size_in_ubjson_that_is_a_container_is_refused() -> None:
    with pytest.raises(ValueError, match="a size must be a whole number"):
        decode(b"[" + b"#[" * 10_000)


@pytest.mark.parametrize(
    ("left", "right", "feature", "output"),
    [(1, 3, 0, 0), (1, -1, 0, 0), (0, 2, 0, 0), (1, 1, 0, 0), (1, 2, 6, 0), (1, 2, 0, 1), (1, 2, 0, -1)],
)
def test_a_damaged_booster_of_the_old_binary_form_is_refused(
    left: int, right: int, feature: int, output: int
) -> None:
    good, bad = _binary(1, 2, 5, 0), _binary(left, right, feature, output)
    assert decode_binary(good)["learner"]["gradient_booster"]["model"]["gbtree_model_param"]["num_trees"]
    with pytest.raises(ValueError, match=r"must be from 0 to|below itself"):
        decode_binary(bad)


def _binary(left: int, right: int, feature: int, output: int) -> bytes:
    """A booster of one tree of three nodes on six features."""
    text = [struct.pack("<Q", len(name)) + name for name in (b"reg:squarederror", b"gbtree")]
    nodes = [(-1, left, right, feature | 2**31, 0.5), (0, -1, -1, 0, 1.0), (0, -1, -1, 0, 2.0)]
    return b"".join(
        [
            struct.pack("<fIiiiIII", 0.5, 6, 0, 0, 0, 0, 0, 0).ljust(136, b"\0"),
            *text,
            struct.pack("<ii", 1, 1).ljust(160, b"\0"),
            struct.pack("<iiiiii", 1, 3, 0, 0, 6, 0).ljust(148, b"\0"),
            *(struct.pack("<iiiIf", *node) for node in nodes),
            bytes(3 * 16),
            struct.pack("<i", output),
        ]
    )
