"""mlserver_alibi_detect.AlibiDetectRuntime: loads alibi-detect's saved detectors without alibi-detect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from sklearn.ensemble import IsolationForest as ForestEstimator

from detectors.outliers.isolation_forest import IsolationForest
from operators.core.errors import DeploymentError
from operators.models.content_types import ContentTypes
from operators.models.feature_rows import FeatureRows
from operators.models.folder import Folder
from operators.models.formats.calibration import read_calibrations
from operators.models.formats.drift_detector import read_named_drift
from operators.models.formats.feature_names import FeatureNames, plain_names, read_names
from operators.models.formats.outlier_detector import read_mahalanobis, read_vae
from operators.models.formats.sklearn_estimator import MODEL_FILES
from operators.models.json_files import read_json
from operators.models.runtimes import drift as detect_drift
from operators.models.runtimes import outlier
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.step import Step

# Suffixes of the files that alibi-detect saves; the second is used before version 0.7.
SUFFIXES = (".dill", ".pickle")


class SavedForest(msgspec.Struct, frozen=True):
    """`IForest.json`: the threshold, and the file of the scikit-learn estimator in the same folder."""

    threshold: float
    estimator: str = "IForest.joblib"


class VaeArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of alibi-detect's `OutlierVAE.predict`; `batch_size` does not affect the answer."""

    outlier_type: Literal["instance", "feature"] = "instance"
    outlier_perc: Annotated[float, msgspec.Meta(gt=0, le=100)] = 100.0
    batch_size: int = 0
    return_feature_score: bool = True
    return_instance_score: bool = True


def load(folder: Folder) -> Step:
    """Load a drift detector (config.toml) or an outlier detector, depending on the folder's files."""
    path = folder.path / folder.settings.uri
    for file, load_detector in _LOADERS.items():
        if (path / file).is_file():
            return load_detector(folder, path)
    saved = sorted(file.name for file in path.glob("*") if file.suffix in SUFFIXES)
    if saved and not set(saved) & set(MODEL_FILES):
        raise DeploymentError(
            f"{path} contains {', '.join(saved)}, which only alibi-detect can read: convert it once, `weir "
            f"convert {path}`"
        )
    if path.is_file() or any((path / name).is_file() for name in MODEL_FILES):
        return _plain_forest(folder)
    *outliers, drift = _LOADERS
    raise DeploymentError(
        f"{path} contains neither {drift} (drift) nor {', '.join(outliers)} or {MODEL_FILES[0]} (outliers)"
    )


def _drift(folder: Folder, path: Path) -> Step:
    detector, saved_names = read_named_drift(path)
    table = _table(saved_names, detector.n_features, folder.settings.content_types)
    names = saved_names or plain_names(detector.n_features)
    parameters: detect_drift.PredictParameters = _predict_parameters(
        folder.settings.extra, detect_drift.PredictParameters
    )
    calibrations = read_calibrations(path, detector.n_features)
    return DriftModel(
        detector,
        names.columns,
        names.features or names.columns,
        table,
        parameters,
        calibrations,
        names.origins,
    )


def _forest(folder: Folder, path: Path) -> Step:
    saved = read_json(path / "IForest.json", SavedForest)
    estimator = _estimator(folder, path / saved.estimator)
    return _outlier(folder, path, IsolationForest(estimator, saved.threshold))


def _plain_forest(folder: Folder) -> Step:
    """Load a scikit-learn isolation forest that flags scores above 0, as its own `predict` does with -1."""
    path = folder.file(MODEL_FILES)
    return _outlier(folder, path.parent, IsolationForest(_estimator(folder, path), 0.0))


def _mahalanobis(folder: Folder, path: Path) -> Step:
    return _outlier(folder, path, read_mahalanobis(path))


def _vae(folder: Folder, path: Path) -> Step:
    arguments: VaeArguments = _predict_parameters(folder.settings.extra, VaeArguments)
    detector = read_vae(path, arguments.outlier_type, arguments.outlier_perc)
    parameters = outlier.PredictParameters(arguments.return_instance_score, arguments.return_feature_score)
    return _outlier(folder, path, detector, parameters)


_LOADERS: dict[str, Callable[[Folder, Path], Step]] = {
    "IForest.json": _forest,
    "Mahalanobis.json": _mahalanobis,
    "OutlierVAE.json": _vae,
    "config.toml": _drift,
}


def _outlier(
    folder: Folder,
    path: Path,
    detector: outlier.Detector,
    parameters: outlier.PredictParameters | None = None,
) -> Step:
    names = read_names(path, detector.n_features)
    table = _table(names, detector.n_features, folder.settings.content_types)
    parameters = parameters or _predict_parameters(folder.settings.extra, outlier.PredictParameters)
    names = names or FeatureNames([])
    return OutlierModel(detector, table, parameters, names.columns, names.origins)


def _estimator(folder: Folder, path: Path) -> ForestEstimator:
    estimator = folder.unpickle(path).value
    if not isinstance(estimator, ForestEstimator):
        raise DeploymentError(
            f"{path} contains a {type(estimator).__name__}, which is not an isolation forest"
        )
    return estimator


def _table(names: FeatureNames | None, n: int, content_types: ContentTypes) -> FeatureRows:
    content_types.require_comparable("a detector")
    if names is None:
        return FeatureRows(n, content_types=content_types)
    return FeatureRows(n, names.columns, names.categories, content_types)


def _predict_parameters(extra: dict[str, Any], type_: Any) -> Any:
    """Read `predict_parameters`, alibi-detect's arguments to `predict`."""
    if extra.get("batch_size"):
        raise DeploymentError(
            "extra.batch_size is not supported: set batch.size of the pipeline's step, in rows"
        )
    try:
        return msgspec.convert(extra.get("predict_parameters") or {}, type_)
    except msgspec.ValidationError as error:
        raise DeploymentError(f"extra.predict_parameters: {error}") from None
