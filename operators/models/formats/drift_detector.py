"""A drift detector as alibi-detect saves it, with its `features.json`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detectors.drift.alibi_detect_files import read_drift
from detectors.drift.tabular import TabularDrift
from operators.models.formats.feature_names import FeatureNames, read_names


def read_named_drift(folder: Path) -> tuple[TabularDrift, FeatureNames | None]:
    """Read a detector and its names; the names' shares of missing values apply to a filled reference.

    Raises ValueError as `read_drift` does, and DeploymentError for names that do not match the detector.
    """
    detector = read_drift(folder)
    names = read_names(folder, detector.n_features)
    if names and names.missing:
        missing = np.array([names.missing.get(column, 0.0) for column in names.columns])
        detector.reference_missing = np.maximum(detector.reference_missing, missing)
    return detector, names
