"""One monitor and the values that it read → a new detector of its kind in a folder of its name."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.drift.calibration import Calibration
from detectors.outliers.isolation_forest import IsolationForest
from detectors.outliers.mahalanobis import Mahalanobis
from detectors.outliers.threshold import percentile_threshold
from detectors.quality.data_quality import Feature, Quality, quality_of
from jobs.data.column_values import as_number
from jobs.data.usable_numbers import endless, left_out
from jobs.models.retraining.replay import MonitorInput
from jobs.models.training.drift import hot_deck, train_drift
from jobs.models.training.model_folders import DATA_QUALITY, Folders
from jobs.models.training.options import Options, OutlierKind
from jobs.models.training.outlier import require_weighed
from jobs.models.training.outlier_algorithms import fit
from jobs.models.training.split import Parts, Rows
from operators.core.errors import DeploymentError
from operators.core.tensors import Array
from operators.models.formats.data_quality import write_quality
from operators.models.formats.feature_names import FeatureNames, read_names, write_names
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel

# A text that comes more rarely is a slip, no category.
_LEAST_SHARE = 0.001


def parts_of(watched: MonitorInput, options: Options) -> Parts:
    """Share out the rows at random: 60 percent reference, 20 calibration, 20 test."""
    rows = watched.rows
    order = np.random.default_rng(options.seed).permutation(len(rows))
    reference, calibration, test = np.split(order, [int(0.6 * len(rows)), int(0.8 * len(rows))])
    return Parts(rows[reference], rows[calibration], rows[test])


def rebuild(watched: MonitorInput, old: Path, folders: Folders, options: Options) -> Path:
    """Write a new folder for a monitor; settings and names are those of the old folder."""
    step = watched.step
    if isinstance(step, DataQualityModel):
        folder = folders.make(watched.name, DATA_QUALITY)
        write_quality(folder, _quality(step.quality, watched.columns))
    elif isinstance(step, DriftModel):
        folder = _drift(step, watched, old, folders, options)
    else:
        folder = _outlier(step, watched, old, folders, options)
    settings = old / "model-settings.json"
    if settings.is_file():
        shutil.copyfile(settings, folder / settings.name)
    return folder


def _drift(step: DriftModel, watched: MonitorInput, old: Path, folders: Folders, options: Options) -> Path:
    detector, parts = step.detector, parts_of(watched, options)
    windows = _windows(step.calibrations, watched.window)
    chosen = options._replace(windows=windows, rate=_rate(step.calibrations, options.rate))
    _require_values(parts, watched, step.columns)
    names = read_names(old, step.width) or FeatureNames(step.columns, step.features)
    return train_drift(
        folders, watched.name, parts, sorted(detector.categorical), names, chosen, detector.p_val
    ).folder


def _outlier(
    step: OutlierModel, watched: MonitorInput, old: Path, folders: Folders, options: Options
) -> Path:
    parts, detector = parts_of(watched, options), step.detector
    kind: OutlierKind = "vae"
    if isinstance(detector, IsolationForest):
        kind = "isolation-forest"
    elif isinstance(detector, Mahalanobis):
        kind = "mahalanobis"
    columns = step.columns or [str(i) for i in range(len(watched.columns))]
    _require_values(parts, watched, columns)
    reference = hot_deck(parts.reference, options.seed)
    calibration = hot_deck(parts.calibration, options.seed, reference)
    try:
        fitted, save = fit(kind, reference, options.seed)
        if isinstance(fitted, Mahalanobis):
            require_weighed(fitted, columns)
        fitted.threshold = percentile_threshold(fitted.score(calibration), 100 - options.outlier_percent)
    except ValueError as error:
        raise DeploymentError(f"{watched.name} cannot be trained from recent requests: {error}") from error
    folder = folders.make(watched.name, "")
    save(folder)
    names = read_names(old, detector.n_features)
    if names:
        write_names(folder, names)
    return folder


def _quality(old: Quality, columns: Sequence[Array]) -> Quality:
    """Learn ranges, categories and shares of missing values anew; known categories keep their codes."""
    features = [_learned(feature, column) for feature, column in zip(old.features, columns, strict=True)]
    names = [feature.name for feature in old.features]
    rows = np.column_stack([values for values, _ in features])
    categories = {name: texts for name, (_, texts) in zip(names, features, strict=True) if texts is not None}
    return quality_of(rows, names, categories)


def _learned(feature: Feature, column: Array) -> tuple[Rows, list[str] | None]:
    if feature.categories is None:
        return endless(_numbers(column)), None
    known = list(feature.categories)
    texts = [value for value in column.tolist() if isinstance(value, str)] if column.dtype.kind == "O" else []
    found, counts = np.unique(np.array(texts, dtype=object), return_counts=True) if texts else ([], [])
    known += [
        text
        for text, count in zip(found, counts, strict=True)
        if text not in known and count >= _LEAST_SHARE * len(column)
    ]
    codes: dict[Any, float] = {text: float(code) for code, text in enumerate(known)}
    values = [codes.get(value, np.inf) if isinstance(value, str) else value for value in column.tolist()]
    return _numbers(np.array(values, dtype=object)), known


def _numbers(column: Array) -> NDArray[np.float64]:
    """Return values as numbers: what is of a wrong type is not missing, and in no range."""
    read = [np.nan if value is None else as_number(value) for value in column.tolist()]
    return np.array([np.inf if value is None else value for value in read], dtype=np.float64)


def _require_values(parts: Parts, watched: MonitorInput, columns: Sequence[str]) -> None:
    for name, known in zip(columns, ~np.isnan(parts.reference.T), strict=True):
        if not known.any():
            odd = [one for one in left_out(watched.read, columns) if one.column == name]
            why = f" that can be used ({odd[0]})" if odd else ""
            raise DeploymentError(
                f"{watched.name}: column {name} has no value at all in recent requests{why}: nothing can be "
                "learned of it until it has"
            )


def _windows(calibrations: Sequence[Calibration], window: int) -> tuple[int, ...]:
    return tuple(sorted({one.window for one in calibrations} | ({window} if window else set())))


def _rate(calibrations: Sequence[Calibration], rate: float) -> float:
    return min((one.rate for one in calibrations), default=rate)
