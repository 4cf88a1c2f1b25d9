"""Folder and Model document → a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import msgspec
from sklearn.ensemble import IsolationForest as ForestEstimator

from detectors.isolation_forest import IsolationForest
from detectors.saved import read_drift
from operators.artifacts.digests import digest
from operators.artifacts.settings import ModelSettings, read_settings
from operators.errors import DeploymentError
from operators.resources.schema import Model
from operators.steps import Step
from operators.steps.detect_drift import DetectDrift
from operators.steps.predict import Predict
from operators.steps.score_outlier import ScoreOutlier

_MODEL_FILES = ("model.joblib", "model.pickle", "model.pkl")


class FeatureNames(msgspec.Struct, frozen=True):
    """`features.json` beside a drift detector: a name a column, and the feature each column encodes."""

    columns: list[str]
    features: list[str]


class SavedForest(msgspec.Struct, frozen=True):
    """`IForest.json`: the threshold and which file beside it holds the scikit-learn estimator."""

    threshold: float
    estimator: str = "IForest.joblib"


def load_step(model: Model, folder: Path, recorded: str) -> Step:
    """Load a model's folder if it still has the digest that was recorded for it.

    Raises DeploymentError, naming the model, the file and the remedy.
    """
    found = digest(folder)
    if found != recorded:
        raise DeploymentError(
            f"Model {model.metadata.name}: {folder} has changed since it was applied "
            f"({found}, recorded {recorded}); apply it again"
        )
    settings = read_settings(model, folder)
    load = _LOADERS.get(settings.implementation)
    if load is None:
        raise DeploymentError(
            f"Model {model.metadata.name}: no runtime for implementation {settings.implementation!r}; "
            f"there are {', '.join(_LOADERS)}"
        )
    try:
        return load(folder, settings)
    except (ValueError, OSError) as error:
        raise DeploymentError(f"Model {model.metadata.name}: {error}") from error


def _load_sklearn(folder: Path, settings: ModelSettings) -> Step:
    uri = settings.parameters.uri
    named = folder / uri if uri else folder
    found = (
        [named] if named.is_file() else [named / name for name in _MODEL_FILES if (named / name).is_file()]
    )
    if not found:
        raise DeploymentError(f"{named} holds none of {', '.join(_MODEL_FILES)}")
    return Predict(_unpickle(found[0]), str(settings.parameters.extra.get("predict_fn", "predict")))


def _load_alibi_detect(folder: Path, settings: ModelSettings) -> Step:
    folder = folder / (settings.parameters.uri or "./")
    forest = folder / "IForest.json"
    if forest.is_file():
        saved = _decode(forest, SavedForest)
        estimator = _unpickle(folder / saved.estimator)
        if not isinstance(estimator, ForestEstimator):
            raise DeploymentError(f"{forest}: {saved.estimator} holds a {type(estimator).__name__}")
        return ScoreOutlier(IsolationForest(estimator, saved.threshold))
    if not (folder / "config.toml").is_file():
        raise DeploymentError(f"{folder} holds neither config.toml (drift) nor IForest.json (outliers)")
    detector = read_drift(folder)
    return DetectDrift(detector, *_names(folder / "features.json", detector.n_features))


def _names(path: Path, n: int) -> tuple[list[str], list[str]]:
    if not path.is_file():
        plain = [f"feature_{i}" for i in range(n)]
        return plain, plain
    names = _decode(path, FeatureNames)
    if len(names.columns) != n or len(names.features) != n:
        raise DeploymentError(f"{path} must name {n} columns and their features, as x_ref.npy has")
    return names.columns, names.features


def _decode(path: Path, type_: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path}: {error}") from None


def _unpickle(path: Path) -> Any:
    try:
        return joblib.load(path)
    except Exception as error:  # a pickle can raise anything
        raise DeploymentError(
            f"{path} cannot be read ({type(error).__name__}: {error}); was it saved by other versions of "
            "Python or scikit-learn?"
        ) from error


_LOADERS = {
    "mlserver_sklearn.SKLearnModel": _load_sklearn,
    "mlserver_alibi_detect.AlibiDetectRuntime": _load_alibi_detect,
}
