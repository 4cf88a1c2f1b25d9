"""mlserver_xgboost.XGBoostModel and mlserver_lightgbm.LightGBMModel: model files that treelite reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import treelite
from scipy.special import softmax

from operators.core.errors import DeploymentError
from operators.core.tensors import Array
from operators.models.folder import Folder
from operators.models.formats.boosters.lightgbm_file import read_lightgbm
from operators.models.formats.boosters.trees import (
    add_base_scores,
    base_scores,
    categorical_columns,
    keep_first,
)
from operators.models.formats.boosters.xgboost_file import XGBoostFile, read_xgboost, without_categories
from operators.models.runtimes.boosted_trees import BoostedTreesModel, Ensemble
from operators.models.runtimes.xgboost_predictions import TRANSFORMS, identity, sigmoid, wrapper_answers
from operators.models.step import Step


def load_xgboost(folder: Folder) -> Step:
    """Load an XGBoost model: model.json, model.ubj or model.bst (UBJSON or the old binary form)."""
    path = folder.file(("model.bst", "model.json", "model.ubj"))
    metadata = read_xgboost(path)
    if metadata.booster == "gblinear":
        raise DeploymentError(
            f"{path} is a linear booster (gblinear), which has no trees and is not supported: train gbtree "
            "or dart, or a linear model of scikit-learn"
        )
    if metadata.objective not in TRANSFORMS:
        raise DeploymentError(
            f"{path} was trained for the objective {metadata.objective!r}, which is not supported; supported "
            f"are {', '.join(TRANSFORMS)}"
        )
    if not metadata.trees_kept:
        raise DeploymentError(
            f"{path} has no trees, so it answers the same to every row: train it for at least one round"
        )
    answers = wrapper_answers(metadata.objective, metadata.estimator, metadata.num_class)
    return _step(
        folder, Ensemble(_xgboost_trees(path, metadata), answers, np.float32, metadata.feature_names)
    )


def load_lightgbm(folder: Folder) -> Step:
    """Load a LightGBM model from its text file, model.bst or model.txt."""
    path = folder.file(("model.bst", "model.txt"))
    metadata = read_lightgbm(path)
    trees = _read(path, lambda: treelite.frontend.load_lightgbm_model(path))
    # treelite computes its softmax in single precision, so Weir computes it from the margins.
    multiclass = metadata.objective.startswith("multiclass ")
    ensemble = Ensemble(
        trees,
        {"predict": _softmax if multiclass else identity},
        np.float64,
        metadata.feature_names,
        margins=multiclass,
        categorical=categorical_columns(trees),
        column_name=_lightgbm_name,
    )
    return _step(folder, ensemble)


def _lightgbm_name(name: str) -> str:
    """Return a column's name in LightGBM's form."""
    return name.replace(" ", "_")


def _step(folder: Folder, ensemble: Ensemble) -> Step:
    settings = folder.settings
    settings.content_types.require_comparable("a booster")
    return BoostedTreesModel(ensemble, settings.predict_fn, settings.content_types)


def _xgboost_trees(path: Path, metadata: XGBoostFile) -> Any:
    def load() -> Any:
        if metadata.categories:
            return treelite.frontend.from_xgboost_json(without_categories(path, metadata.form))
        if metadata.form == "legacy":
            return treelite.frontend.load_xgboost_model_legacy_binary(path)
        return treelite.frontend.load_xgboost_model(path, format_choice=metadata.form)

    trees = _read(path, load)
    keep_first(trees, metadata.trees_kept)
    scores = base_scores(trees)
    if TRANSFORMS[metadata.objective] is sigmoid:
        scores = np.broadcast_to(_logit(metadata.base_scores), (scores.size,)).reshape(scores.shape)
    add_base_scores(trees, scores)
    return trees


def _logit(scores: tuple[float, ...]) -> Array:
    """Return the margins of probabilities, in single precision as XGBoost computes them."""
    one, least = np.float32(1), np.float32(1e-6)
    return np.asarray(-np.log(one / np.clip(np.array(scores, dtype=np.float32), least, one - least) - one))


def _softmax(margins: Array) -> Array:
    return np.asarray(softmax(margins, axis=1))


def _read(path: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # treelite has its own exceptions
        raise DeploymentError(
            f"{path} is not a model that treelite can read: {_last_sentence(str(error))}"
        ) from error


def _last_sentence(text: str) -> str:
    """Return the last line of treelite's message that has words; a parser adds a line such as ~~~^~~~."""
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalpha, line))]
    return lines[-1] if lines else "it gave no reason"
