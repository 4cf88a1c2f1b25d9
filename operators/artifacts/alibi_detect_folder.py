"""mlserver_alibi_detect.AlibiDetectRuntime: alibi-detect's saved detectors, without alibi-detect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from sklearn.ensemble import IsolationForest as ForestEstimator

from detectors.isolation_forest import IsolationForest
from detectors.saved import read_drift
from operators.artifacts.calibrations import read_calibrations
from operators.artifacts.folder import Folder
from operators.artifacts.json_files import read_json
from operators.errors import DeploymentError
from operators.steps import Step, detect_drift, score_outlier
from operators.steps.detect_drift import DetectDrift
from operators.steps.score_outlier import ScoreOutlier
from operators.steps.tables import Table


class FeatureNames(msgspec.Struct, frozen=True):
    """`features.json` beside a detector: a name a column, the feature each column encodes, and for columns of
    codes the text of each code."""

    columns: list[str]
    features: list[str] = []
    categories: dict[str, list[str]] = {}


class SavedForest(msgspec.Struct, frozen=True):
    """`IForest.json`: the threshold and which file beside it holds the scikit-learn estimator."""

    threshold: float
    estimator: str = "IForest.joblib"


def load(folder: Folder) -> Step:
    """Load a drift detector (config.toml) or an outlier detector (IForest.json)."""
    path = folder.path / folder.settings.uri
    if (path / "IForest.json").is_file():
        return _forest(folder, path)
    if (path / "config.toml").is_file():
        detector = read_drift(path)
        names, table = _names(path / "features.json", detector.n_features, folder.settings.content_type)
        plain = [f"feature_{i}" for i in range(detector.n_features)]
        columns = names.columns if names else plain
        shown: detect_drift.Shown = _shown(folder.settings.extra, detect_drift.Shown)
        features = (names and names.features) or columns
        calibrations = read_calibrations(path, detector.n_features)
        return DetectDrift(detector, columns, features, table, shown, calibrations)
    dills = sorted(file.name for file in path.glob("*.dill"))
    if dills:
        raise DeploymentError(
            f"{path} holds {', '.join(dills)}, which only alibi-detect can read: convert it once, `weir "
            f"convert {path}`"
        )
    raise DeploymentError(f"{path} holds neither config.toml (drift) nor IForest.json (outliers)")


def _forest(folder: Folder, path: Path) -> Step:
    saved = read_json(path / "IForest.json", SavedForest)
    estimator = folder.unpickle(path / saved.estimator).value
    if not isinstance(estimator, ForestEstimator):
        raise DeploymentError(
            f"{path / saved.estimator} holds a {type(estimator).__name__}, no isolation forest"
        )
    detector = IsolationForest(estimator, saved.threshold)
    _, table = _names(path / "features.json", detector.n_features, folder.settings.content_type)
    shown: score_outlier.Shown = _shown(folder.settings.extra, score_outlier.Shown)
    return ScoreOutlier(detector, table, shown)


def _names(path: Path, n: int, content_type: str) -> tuple[FeatureNames | None, Table]:
    if not path.is_file():
        return None, Table(n, content_type=content_type)
    names = read_json(path, FeatureNames)
    if len(names.columns) != n or len(names.features) not in (0, n):
        raise DeploymentError(f"{path} must name {n} columns and their features, as the detector has")
    return names, Table(n, names.columns, names.categories, content_type)


def _shown(extra: dict[str, Any], type_: Any) -> Any:
    """Read `predict_parameters`, alibi-detect's arguments to `predict`."""
    if extra.get("batch_size"):
        raise DeploymentError(
            "extra.batch_size is not supported: give the pipeline's step a batch.size in rows"
        )
    try:
        return msgspec.convert(extra.get("predict_parameters") or {}, type_)
    except msgspec.ValidationError as error:
        raise DeploymentError(f"extra.predict_parameters: {error}") from None
