"""mlserver_xgboost.XGBoostModel, mlserver_lightgbm.LightGBMModel: their model files, read by treelite."""

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
    """Load model.json, model.ubj or model.bst (UBJSON or the old binary form)."""
    path = folder.file(("model.bst", "model.json", "model.ubj"))
    about = read_xgboost(path)
    if about.booster == "gblinear":
        raise DeploymentError(
            f"{path} is a linear booster (gblinear), which has no trees and does not run here: train gbtree "
            "or dart, or a linear model of scikit-learn"
        )
    if about.objective not in TRANSFORMS:
        raise DeploymentError(
            f"{path} was trained for the objective {about.objective!r}, which is not known here; known are "
            f"{', '.join(TRANSFORMS)}"
        )
    answers = wrapper_answers(about.objective, about.estimator, about.num_class)
    return _step(folder, Ensemble(_xgboost_trees(path, about), answers, np.float32, about.feature_names))


def load_lightgbm(folder: Folder) -> Step:
    """Load a booster's text file, model.bst or model.txt."""
    path = folder.file(("model.bst", "model.txt"))
    about = read_lightgbm(path)
    trees = _read(path, lambda: treelite.frontend.load_lightgbm_model(path))
    # treelite computes a softmax in single precision.
    multiclass = about.objective.startswith("multiclass ")
    ensemble = Ensemble(
        trees,
        {"predict": _softmax if multiclass else identity},
        np.float64,
        about.feature_names,
        margins=multiclass,
        whole=categorical_columns(trees),
        known_as=_underlined,
    )
    return _step(folder, ensemble)


def _underlined(name: str) -> str:
    """Write a column's name as LightGBM does."""
    return name.replace(" ", "_")


def _step(folder: Folder, ensemble: Ensemble) -> Step:
    settings = folder.settings
    settings.content_types.require_comparable("a booster")
    return BoostedTreesModel(ensemble, settings.predict_fn, settings.content_types)


def _xgboost_trees(path: Path, about: XGBoostFile) -> Any:
    def load() -> Any:
        if about.categories:
            return treelite.frontend.from_xgboost_json(without_categories(path, about.form))
        if about.form == "legacy":
            return treelite.frontend.load_xgboost_model_legacy_binary(path)
        return treelite.frontend.load_xgboost_model(path, format_choice=about.form)

    trees = _read(path, load)
    keep_first(trees, about.trees_kept)
    scores = base_scores(trees)
    if TRANSFORMS[about.objective] is sigmoid:
        scores = np.broadcast_to(_logit(about.base_scores), (scores.size,)).reshape(scores.shape)
    add_base_scores(trees, scores)
    return trees


def _logit(scores: tuple[float, ...]) -> Array:
    """Return the margins of probabilities in single precision, as XGBoost computes them."""
    one, least = np.float32(1), np.float32(1e-6)
    return np.asarray(-np.log(one / np.clip(np.array(scores, dtype=np.float32), least, one - least) - one))


def _softmax(margins: Array) -> Array:
    return np.asarray(softmax(margins, axis=1))


def _read(path: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # treelite raises its own
        raise DeploymentError(
            f"{path} is not a model that treelite reads: {_sentence(str(error))}"
        ) from error


def _sentence(text: str) -> str:
    """Return the last line of treelite's message with words; a parser's has one of ~~~^~~~ behind it."""
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalpha, line))]
    return lines[-1] if lines else "it says nothing"
