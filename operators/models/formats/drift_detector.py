"""A drift detector as alibi-detect saved it, with the `features.json` beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detectors.drift.alibi_detect_files import read_drift
from detectors.drift.tabular import TabularDrift
from operators.models.formats.feature_names import FeatureNames, read_names


def read_named_drift(folder: Path) -> tuple[TabularDrift, FeatureNames | None]:
    """Read a detector and its names; a filled reference counts as missing what its names say it missed.

    Raises ValueError as `read_drift` does, and DeploymentError for names that do not fit.
    """
    detector = read_drift(folder)
    names = read_names(folder, detector.n_features)
    if names and names.missing:
        known = np.array([names.missing.get(column, 0.0) for column in names.columns])
        detector.reference_missing = np.maximum(detector.reference_missing, known)
    return detector, names
