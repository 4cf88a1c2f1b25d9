"""Training a new detector for a monitor from the values that it read, in a folder of the same name."""

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
from jobs.data.usable_numbers import find_unusable, unusable_as_infinity
from jobs.models.retraining.replay import MonitorInput
from jobs.models.training.drift import hot_deck, train_drift
from jobs.models.training.model_folders import DATA_QUALITY, Folders
from jobs.models.training.options import Options, OutlierKind
from jobs.models.training.outlier import require_comparable_scales
from jobs.models.training.outlier_algorithms import fit
from jobs.models.training.split import Parts, Rows
from operators.core.errors import DeploymentError
from operators.core.tensors import Array
from operators.models.formats.data_quality import write_quality
from operators.models.formats.feature_names import FeatureNames, read_names, write_names
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel

# A text with a lower share is taken for a typing error, not a category.
_MIN_SHARE = 0.001


def parts_of(monitor: MonitorInput, options: Options) -> Parts:
    """Split the rows at random: 60 percent reference, 20 calibration, 20 test."""
    rows = monitor.rows
    order = np.random.default_rng(options.seed).permutation(len(rows))
    reference, calibration, test = np.split(order, [int(0.6 * len(rows)), int(0.8 * len(rows))])
    return Parts(rows[reference], rows[calibration], rows[test])


def rebuild(monitor: MonitorInput, old: Path, folders: Folders, options: Options) -> Path:
    """Write a new folder for a monitor with the settings and names of the old folder; return its path."""
    step = monitor.step
    if isinstance(step, DataQualityModel):
        folder = folders.make(monitor.name, DATA_QUALITY)
        write_quality(folder, _quality(step.quality, monitor.columns))
    elif isinstance(step, DriftModel):
        folder = _drift(step, monitor, old, folders, options)
    else:
        folder = _outlier(step, monitor, old, folders, options)
    settings = old / "model-settings.json"
    if settings.is_file():
        shutil.copyfile(settings, folder / settings.name)
    return folder


def _drift(step: DriftModel, monitor: MonitorInput, old: Path, folders: Folders, options: Options) -> Path:
    detector, parts = step.detector, parts_of(monitor, options)
    windows = _windows(step.calibrations, monitor.window)
    chosen = options._replace(windows=windows, rate=_rate(step.calibrations, options.rate))
    _require_values(parts, monitor, step.columns)
    names = read_names(old, step.width) or FeatureNames(step.columns, step.features)
    return train_drift(
        folders, monitor.name, parts, sorted(detector.categorical), names, chosen, detector.p_val
    ).folder


def _outlier(
    step: OutlierModel, monitor: MonitorInput, old: Path, folders: Folders, options: Options
) -> Path:
    parts, detector = parts_of(monitor, options), step.detector
    kind: OutlierKind = "vae"
    if isinstance(detector, IsolationForest):
        kind = "isolation-forest"
    elif isinstance(detector, Mahalanobis):
        kind = "mahalanobis"
    columns = step.columns or [str(i) for i in range(len(monitor.columns))]
    _require_values(parts, monitor, columns)
    reference = hot_deck(parts.reference, options.seed)
    calibration = hot_deck(parts.calibration, options.seed, reference)
    try:
        fitted, save = fit(kind, reference, options.seed)
        if isinstance(fitted, Mahalanobis):
            require_comparable_scales(fitted, columns)
        fitted.threshold = percentile_threshold(fitted.score(calibration), 100 - options.outlier_percent)
    except ValueError as error:
        raise DeploymentError(f"{monitor.name} cannot be trained from recent requests: {error}") from error
    folder = folders.make(monitor.name, "")
    save(folder)
    names = read_names(old, detector.n_features)
    if names:
        write_names(folder, names)
    return folder


def _quality(old: Quality, columns: Sequence[Array]) -> Quality:
    """Learn new ranges, categories and shares of missing values; existing categories keep their codes."""
    features = [_learned(feature, column) for feature, column in zip(old.features, columns, strict=True)]
    names = [feature.name for feature in old.features]
    rows = np.column_stack([values for values, _ in features])
    categories = {name: texts for name, (_, texts) in zip(names, features, strict=True) if texts is not None}
    return quality_of(rows, names, categories)


def _learned(feature: Feature, column: Array) -> tuple[Rows, list[str] | None]:
    if feature.categories is None:
        return unusable_as_infinity(_numbers(column)), None
    categories = list(feature.categories)
    texts = [value for value in column.tolist() if isinstance(value, str)] if column.dtype.kind == "O" else []
    distinct, counts = np.unique(np.array(texts, dtype=object), return_counts=True) if texts else ([], [])
    categories += [
        text
        for text, count in zip(distinct, counts, strict=True)
        if text not in categories and count >= _MIN_SHARE * len(column)
    ]
    codes: dict[Any, float] = {text: float(code) for code, text in enumerate(categories)}
    values = [codes.get(value, np.inf) if isinstance(value, str) else value for value in column.tolist()]
    return _numbers(np.array(values, dtype=object)), categories


def _numbers(column: Array) -> NDArray[np.float64]:
    """Return values as numbers: NaN for a missing value, infinity for a value of a wrong type."""
    numbers = [np.nan if value is None else as_number(value) for value in column.tolist()]
    return np.array([np.inf if value is None else value for value in numbers], dtype=np.float64)


def _require_values(parts: Parts, monitor: MonitorInput, columns: Sequence[str]) -> None:
    for name, is_present in zip(columns, ~np.isnan(parts.reference.T), strict=True):
        if not is_present.any():
            unusable = [one for one in find_unusable(monitor.read, columns) if one.column == name]
            why = f" ({unusable[0]})" if unusable else ""
            raise DeploymentError(
                f"{monitor.name}: column {name} has no usable value in recent requests{why}; retrain when "
                "requests contain values for it"
            )


def _windows(calibrations: Sequence[Calibration], window: int) -> tuple[int, ...]:
    return tuple(sorted({one.window for one in calibrations} | ({window} if window else set())))


def _rate(calibrations: Sequence[Calibration], rate: float) -> float:
    return min((one.rate for one in calibrations), default=rate)
