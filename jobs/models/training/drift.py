"""Training a drift detector in alibi-detect's format, calibrating it, and measuring its false alarms."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from detectors.drift.calibration import Calibration
from jobs.models.calibrate import HELD_OUT, FalseAlarms, calibrate_folder, false_alarms
from jobs.models.training.model_folders import ALIBI_DETECT, Folders
from jobs.models.training.options import Options
from jobs.models.training.split import Parts, Rows
from operators.models.formats.drift_detector import read_named_drift
from operators.models.formats.feature_names import FeatureNames, write_names


class Drift(NamedTuple):
    """A drift detector's folder, and its calibration and measured false alarms for each size of window."""

    folder: Path
    columns: list[str]
    reference_rows: int
    calibrations: list[Calibration]
    false_alarms: list[FalseAlarms]


def train_drift(
    folders: Folders,
    suffix: str,
    parts: Parts,
    categorical: Sequence[int],
    names: FeatureNames,
    options: Options,
    p_val: float = 0.05,
) -> Drift:
    """Save a detector of the reference rows.

    It is calibrated for each size of window that the calibration rows and the test rows can fill.
    """
    folder = folders.make(suffix, ALIBI_DETECT)
    _save(folder, hot_deck(parts.reference, options.seed), categorical, p_val)
    missing = _missing_shares(names.columns, parts.reference)
    write_names(folder, msgspec.structs.replace(names, missing=missing))
    np.save(folder / HELD_OUT, parts.calibration)
    detector, _ = read_named_drift(folder)
    windows = [window for window in options.windows if window <= min(len(parts.calibration), len(parts.test))]
    calibrations = [
        calibrate_folder(folder, window, options.rate, draws=options.draws, seed=options.seed).calibration
        for window in windows
    ]
    measured = [false_alarms(detector, parts.test, one.window, [one]) for one in calibrations]
    return Drift(folder, names.columns, detector.n_reference, calibrations, measured)


def hot_deck(rows: Rows, seed: int, reference: Rows | None = None) -> Rows:
    """Fill missing values with values drawn from the same column, which keeps its distribution.

    alibi-detect cannot load a reference with missing values. A column without any value is filled from
    `reference`, shape (m, columns), which has at least one value in each column.
    """
    rng = np.random.default_rng(seed)
    filled = rows.copy()
    for column, other in zip(filled.T, (rows if reference is None else reference).T, strict=True):
        is_missing = np.isnan(column)
        donors = other[~np.isnan(other)] if is_missing.all() else column[~is_missing]
        column[is_missing] = rng.choice(donors, int(is_missing.sum()))
    return filled


def _missing_shares(columns: Sequence[str], rows: Rows) -> dict[str, float]:
    """Return the share of missing values of each column that has any."""
    shares = np.isnan(rows).mean(axis=0).tolist()
    return {column: share for column, share in zip(columns, shares, strict=True) if share}


def _save(folder: Path, x_ref: Rows, categorical: Sequence[int], p_val: float) -> None:
    # alibi-detect imports transformers, which prints a warning if PyTorch is not installed.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from alibi_detect.cd import KSDrift, TabularDrift
    from alibi_detect.saving import save_detector

    categories: Any = {int(column): None for column in categorical}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector = (
            TabularDrift(x_ref, p_val=p_val, categories_per_feature=categories)
            if categories
            else KSDrift(x_ref, p_val=p_val)
        )
        save_detector(detector, folder)
