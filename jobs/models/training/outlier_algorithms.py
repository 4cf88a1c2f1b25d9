"""Fitting outlier detectors to reference rows, and saving them in the formats of alibi-detect and Weir."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.ensemble import IsolationForest as Estimator

from detectors.outliers.isolation_forest import IsolationForest
from detectors.outliers.mahalanobis import Mahalanobis, fit_mahalanobis
from detectors.outliers.vae import VariationalAutoencoder
from jobs.models.training.options import OutlierKind
from jobs.models.training.split import Rows
from operators.models.formats.outlier_detector import write_mahalanobis

Detector = IsolationForest | Mahalanobis | VariationalAutoencoder
_ALIBI_VERSION = "0.11.4"
_TREES, _STD_CLIP = 100, 3


class Fitted(NamedTuple):
    """A detector without a threshold, and a function that saves it in a folder once the threshold is set."""

    detector: Detector
    save: Callable[[Path], None]


def fit(kind: OutlierKind, reference: Rows, seed: int) -> Fitted:
    """Fit a detector to rows of shape (n, columns) without missing values."""
    if kind == "vae":
        from jobs.models.training.vae import fit_vae

        return Fitted(*fit_vae(reference, seed))
    if kind == "mahalanobis":
        fitted = fit_mahalanobis(reference)
        return Fitted(fitted, partial(_save_mahalanobis, fitted, len(reference)))
    estimator = Estimator(n_estimators=_TREES, random_state=seed).fit(reference)
    forest = IsolationForest(estimator, 0.0)
    return Fitted(forest, partial(_save_forest, forest, estimator))


def _save_forest(detector: IsolationForest, estimator: Estimator, folder: Path) -> None:
    joblib.dump(estimator, folder / "IForest.joblib", compress=1)
    saved = {"threshold": detector.threshold, "estimator": "IForest.joblib"}
    (folder / "IForest.json").write_text(json.dumps(saved), "utf-8")
    _dill(folder, "IForest", {"threshold": detector.threshold, "isolationforest": estimator}, online=False)


def _save_mahalanobis(detector: Mahalanobis, rows: int, folder: Path) -> None:
    write_mahalanobis(detector, folder)
    spread = _STD_CLIP * np.sqrt(np.diag(detector.covariance))
    state: dict[str, Any] = {
        "threshold": detector.threshold,
        "n_components": len(detector.mean),
        "std_clip": _STD_CLIP,
        "start_clip": 100,
        "max_n": None,
        "cat_vars": None,
        "ohe": False,
        "d_abs": {},
        "clip": [detector.mean - spread, detector.mean + spread],
        "mean": detector.mean,
        "C": detector.covariance,
        "n": rows,
    }
    _dill(folder, "Mahalanobis", state, online=True)


def _dill(folder: Path, name: str, state: dict[str, Any], online: bool) -> None:
    """Write the files that alibi-detect's `load_detector` reads; its `save_detector` needs TensorFlow."""
    import dill

    meta = {
        "name": name,
        "online": online,
        "data_type": "tabular",
        "version": _ALIBI_VERSION,
        "detector_type": "outlier",
    }
    for file, content in (("meta", meta), (name, state)):
        with (folder / f"{file}.dill").open("wb") as stream:
            dill.dump(content, stream)
