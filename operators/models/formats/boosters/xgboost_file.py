"""The metadata of an XGBoost model file in any of its three forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from operators.core.errors import DeploymentError
from operators.models.formats.boosters import ubjson, xgboost_binary
from operators.models.formats.boosters.tree_checks import check_inner_nodes, integers, require_within

Form = Literal["json", "ubjson", "legacy"]
_ROW_WRAPPERS = ("classifier", "regressor", "ranker")


class XGBoostFile(NamedTuple):
    """The metadata that determines how trees are summed and what the sums mean.

    `estimator` is the kind of scikit-learn wrapper that saved the file, empty for a native booster.
    `base_scores` are the file's values before the objective's link: one, or one per output. `trees_kept` is
    the number of trees, from the first, that make a prediction: early stopping excludes the later ones.
    `categories` is true if the file contains the names of categories (XGBoost 3.1 and later).
    """

    form: Form
    booster: str
    objective: str
    estimator: str
    num_class: int
    base_scores: tuple[float, ...]
    trees_kept: int
    feature_names: tuple[str, ...]
    categories: bool


class _Parameters(msgspec.Struct):
    base_score: str
    num_class: str
    num_target: str = "1"
    num_feature: str = "0"


class _Objective(msgspec.Struct):
    name: str


class _TreeParameters(msgspec.Struct):
    num_trees: str = "0"
    num_parallel_tree: str = "1"
    size_leaf_vector: str = "0"


class _Tree(msgspec.Struct):
    tree_param: _TreeParameters
    left_children: np.ndarray[Any, Any]
    right_children: np.ndarray[Any, Any]
    split_indices: np.ndarray[Any, Any]
    leaf_weights: np.ndarray[Any, Any] | None = None
    categories: np.ndarray[Any, Any] | None = None
    categories_nodes: np.ndarray[Any, Any] | None = None
    categories_segments: np.ndarray[Any, Any] | None = None
    categories_sizes: np.ndarray[Any, Any] | None = None


class _Categories(msgspec.Struct):
    enc: list[Any] = []


class _Trees(msgspec.Struct):
    gbtree_model_param: _TreeParameters = msgspec.field(default_factory=_TreeParameters)
    iteration_indptr: np.ndarray[Any, Any] | None = None
    cats: _Categories = msgspec.field(default_factory=_Categories)
    trees: list[_Tree] = []
    tree_info: np.ndarray[Any, Any] | None = None


class _Dropout(msgspec.Struct):
    model: _Trees


class _Booster(msgspec.Struct):
    name: str
    model: _Trees | None = None
    gbtree: _Dropout | None = None
    weight_drop: np.ndarray[Any, Any] | None = None


class _Learner(msgspec.Struct):
    objective: _Objective
    learner_model_param: _Parameters
    gradient_booster: _Booster
    attributes: dict[str, str] = {}
    feature_names: list[str] = []


class _Document(msgspec.Struct):
    learner: _Learner


def read_xgboost(path: Path) -> XGBoostFile:
    """Read a model file; its first bytes decide its form, whatever its name.

    Raises DeploymentError for a file that is not XGBoost's or that contradicts itself.
    """
    data = path.read_bytes()
    form = _form(data)
    try:
        learner = _learner(form, data)
        if form != "legacy":  # the trees of that form are already checked
            _check_trees(learner)
        return _metadata(form, learner)
    except DeploymentError as error:
        raise DeploymentError(f"{path}: {error}") from None
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DeploymentError(
            f"{path} is not a model file of XGBoost (JSON, UBJSON or its old binary form): {error}"
        ) from None


def without_categories(path: Path, form: Form) -> str:
    """Return the model as JSON without the names of its categories: requests contain their codes."""
    data = path.read_bytes()
    document = json.loads(data) if form == "json" else ubjson.decode(data)
    booster = document["learner"]["gradient_booster"]
    trees = booster["model"] if "model" in booster else booster["gbtree"]["model"]
    trees["cats"] = {"enc": [], "feature_segments": [], "sorted_idx": []}
    return json.dumps(document, default=np.ndarray.tolist)


def _form(data: bytes) -> Form:
    if not data.startswith(b"{"):
        return "legacy"
    return "json" if data[1:2] in b' \t\r\n"}' else "ubjson"


def _learner(form: Form, data: bytes) -> _Learner:
    if form == "json":
        return _from_json(data).learner
    document = ubjson.decode(data) if form == "ubjson" else xgboost_binary.decode(data)
    return msgspec.convert(document, _Document, dec_hook=_array).learner


def _from_json(data: bytes) -> _Document:
    """Decode JSON, also with the NaN and Infinity that XGBoost before 3.0 writes for some nodes."""
    try:
        return msgspec.json.decode(data, type=_Document, dec_hook=_array)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"NaN" not in data and b"Infinity" not in data:
            raise
    return msgspec.convert(json.loads(data), _Document, dec_hook=_array)


def _array(type_: type, value: Any) -> Any:
    return np.asarray(value)


def _check_trees(learner: _Learner) -> None:
    """Raise ValueError if positions in the trees do not exist, or if there are fewer trees than declared."""
    booster, parameters = learner.gradient_booster, learner.learner_model_param
    model = booster.model or (booster.gbtree.model if booster.gbtree else _Trees())
    trees = len(model.trees)
    info = integers([] if model.tree_info is None else model.tree_info)
    dropped = trees if booster.weight_drop is None else len(booster.weight_drop)
    if not int(model.gbtree_model_param.num_trees) == len(info) == dropped == trees:
        raise ValueError(f"it has {trees} trees, but declares another number of them")
    outputs = max(int(parameters.num_class), int(parameters.num_target), 1)
    for tree in model.trees:
        outputs_of_leaf = int(tree.tree_param.size_leaf_vector)
        _check_tree(tree, int(parameters.num_feature), outputs_of_leaf)
        if outputs_of_leaf > 1 and outputs_of_leaf != outputs:
            raise ValueError(f"its leaves have {outputs_of_leaf} values for {outputs} outputs")
    is_vector = any(int(tree.tree_param.size_leaf_vector) > 1 for tree in model.trees)
    if trees and outputs > trees and not is_vector:
        raise ValueError(f"it has {outputs} outputs, but only {trees} trees")
    require_within(info, outputs, "the output of a tree")


def _check_tree(tree: _Tree, features: int, outputs_of_leaf: int) -> None:
    left, right, split_on = map(integers, (tree.left_children, tree.right_children, tree.split_indices))
    nodes = len(left)
    if not nodes == len(right) == len(split_on):
        raise ValueError(f"a tree has {nodes} left and {len(right)} right children")
    is_inner = left != -1
    check_inner_nodes(left[is_inner], right[is_inner], split_on[is_inner], nodes, features)
    if tree.leaf_weights is not None and len(tree.leaf_weights) and outputs_of_leaf > 1:
        # A leaf has the position of its values in place of a right child.
        require_within(right[~is_inner], len(tree.leaf_weights) // outputs_of_leaf, "the position of a leaf")
    of_nodes, starts, sizes = (
        integers(() if array is None else array)
        for array in (tree.categories_nodes, tree.categories_segments, tree.categories_sizes)
    )
    if not len(of_nodes) == len(starts) == len(sizes):
        raise ValueError("a tree has categories of another number of nodes than it declares")
    categories = 0 if tree.categories is None else len(tree.categories)
    require_within(of_nodes, nodes, "a node with categories")
    require_within(starts, categories + 1, "the position of categories")
    require_within(sizes, categories + 1, "a number of categories")
    require_within(starts + sizes, categories + 1, "the end of categories")


def _metadata(form: Form, learner: _Learner) -> XGBoostFile:
    booster, parameters = learner.gradient_booster, learner.learner_model_param
    trees = booster.model or (booster.gbtree.model if booster.gbtree else _Trees())
    _refuse_old_vector_leaves(trees)
    return XGBoostFile(
        form,
        booster.name,
        learner.objective.name,
        _estimator(learner.attributes.get("scikit_learn")),
        int(parameters.num_class),
        _base_scores(parameters.base_score),
        _trees_kept(learner, trees),
        tuple(learner.feature_names),
        bool(trees.cats.enc),
    )


def _refuse_old_vector_leaves(trees: _Trees) -> None:
    if any(int(tree.tree_param.size_leaf_vector) > 1 and tree.leaf_weights is None for tree in trees.trees):
        raise DeploymentError(
            "its trees have a vector in each leaf (multi_output_tree), in a layout that only XGBoost before "
            "3.0 reads, which is not supported: train it with XGBoost 3, or without multi_strategy"
        )


def _base_scores(text: str) -> tuple[float, ...]:
    """Parse one number or, from XGBoost 3.1 on, a list of numbers."""
    value = json.loads(text)
    return tuple(float(one) for one in value) if isinstance(value, list) else (float(value),)


def _estimator(text: str | None) -> str:
    """Return the kind of wrapper from the attribute `scikit_learn`, in which older versions write NaN."""
    if text is None:
        return ""
    attribute = json.loads(text)
    estimator = attribute.get("_estimator_type") if isinstance(attribute, dict) else None
    if estimator is not None and estimator not in _ROW_WRAPPERS:
        raise DeploymentError(
            f"it was saved by a scikit-learn wrapper of kind {estimator!r}; supported are "
            f"{', '.join(_ROW_WRAPPERS)}"
        )
    return estimator or ""


def _trees_kept(learner: _Learner, trees: _Trees) -> int:
    """Count the trees of the rounds up to `best_iteration`, as XGBoost's scikit-learn wrappers do.

    Like these wrappers, this ignores the attribute `best_ntree_limit` of older versions.
    """
    if learner.gradient_booster.name == "gblinear":
        return 0
    ends = _round_ends(learner, trees)
    best = learner.attributes.get("best_iteration")
    if best is None:
        return ends[-1]
    try:
        rounds = int(best) + 1
    except ValueError:
        raise DeploymentError(f"its best_iteration is {best!r}, which is not the number of a round") from None
    if rounds == 0:  # XGBoost uses all rounds for a count of 0
        return ends[-1]
    if not 0 < rounds < len(ends):
        raise DeploymentError(f"its best_iteration is {best}, but it has {len(ends) - 1} rounds")
    return ends[rounds]


def _round_ends(learner: _Learner, trees: _Trees) -> list[int]:
    """Return the numbers of trees after 0, 1, … rounds."""
    if trees.iteration_indptr is not None and len(trees.iteration_indptr):
        return [int(end) for end in trees.iteration_indptr]
    parameters = trees.gbtree_model_param
    outputs = max(int(learner.learner_model_param.num_class), int(learner.learner_model_param.num_target), 1)
    if int(parameters.size_leaf_vector) > 1:
        outputs = 1
    trees_per_round = max(int(parameters.num_parallel_tree), 1) * outputs
    return list(range(0, int(parameters.num_trees) + 1, trees_per_round))
