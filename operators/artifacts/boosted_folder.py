"""mlserver_xgboost.XGBoostModel, mlserver_lightgbm.LightGBMModel: their model files, read by treelite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import treelite

from operators.artifacts.folder import Folder
from operators.errors import DeploymentError
from operators.steps import Step
from operators.steps.boosted import Boosted


def load_xgboost(folder: Folder) -> Step:
    """Load model.json, model.ubj or model.bst (UBJSON or the old binary form)."""
    path = folder.file(("model.bst", "model.json", "model.ubj"))
    return Boosted(
        _read(_xgboost, path), folder.settings.predict_fn, labels=_is_classifier(path), dtype=np.float32
    )


def load_lightgbm(folder: Folder) -> Step:
    """Load a booster's text file, model.bst or model.txt."""
    path = folder.file(("model.bst", "model.txt"))
    trees = _read(treelite.frontend.load_lightgbm_model, path)
    return Boosted(trees, folder.settings.predict_fn, labels=False, dtype=np.float64)


def _xgboost(path: Path) -> Any:
    text = path.suffix == ".json"
    return treelite.frontend.load_xgboost_model(path, format_choice="json" if text else "inspect")


def _is_classifier(path: Path) -> bool:
    """Tell a file that XGBClassifier saved: it holds the wrapper's type; a native booster has none."""
    _, found, after = path.read_bytes().partition(b"_estimator_type")
    return bool(found) and b"classifier" in after[:40]


def _read(load: Any, path: Path) -> Any:
    try:
        return load(path)
    except Exception as error:  # treelite raises its own
        why = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise DeploymentError(f"{path} is not a model that treelite reads: {why}") from error
