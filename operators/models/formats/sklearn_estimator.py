"""mlserver_sklearn.SKLearnModel: a pickled scikit-learn estimator."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from operators.core.errors import DeploymentError, describe
from operators.models.folder import Folder
from operators.models.pickles import REMEDY, Unpickled, version_differences
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.models.step import Step

_log = logging.getLogger(__name__)
MODEL_FILES = ("model.joblib", "model.pickle", "model.pkl")


def load(folder: Folder) -> Step:
    """Load the file `parameters.uri`, or else the first existing one of MLServer's file names."""
    saved = folder.unpickle(folder.file(MODEL_FILES))
    method = folder.settings.predict_fn
    step = SklearnModel(saved.value, method, folder.settings.content_types)
    if folder.probe is None and version_differences(saved.versions):
        _try_once(saved, method, folder.path)
        _log.warning(
            "%s was saved with %s, so its answers may differ: record a probe.json, or export it again",
            folder.origin.uri,
            version_differences(saved.versions),
        )
    return step


def _try_once(saved: Unpickled, method: str, path: Path) -> None:
    """Call an estimator of other versions once: missing attributes often show only then.

    Raises DeploymentError, which names the versions and the remedy.
    """
    width = getattr(saved.value, "n_features_in_", None)
    if width is None or hasattr(saved.value, "feature_names_in_"):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _call(saved.value, method, int(width))
    except Exception as error:  # a pickle of other versions may raise anything
        raise DeploymentError(
            f"{path}: {method} fails with {describe(error)}; it was saved with "
            f"{version_differences(saved.versions)}: {REMEDY}"
        ) from error


def _call(estimator: Any, method: str, width: int) -> None:
    getattr(estimator, method)(np.zeros((1, width)))
