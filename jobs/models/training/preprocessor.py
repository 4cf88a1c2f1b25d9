"""An existing preprocessor: applying it to reference rows, and writing its model folder."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from jobs.data.feature_encoding import Features, decode
from jobs.models.training.column_origins import origins_of
from jobs.models.training.model_folders import SKLEARN, Folders
from jobs.models.training.split import Rows
from operators.core.errors import DeploymentError, describe
from operators.models.formats.feature_names import FeatureNames
from operators.models.probe import write_probe

_PROBE_ROWS = 5


class Preprocessor:
    """A fitted scikit-learn transformer, loaded from a pickle.

    A transformer that was fitted on named columns reads the columns of the table; any other reads encoded
    rows. DeploymentError if the pickle cannot be loaded or is not a transformer.
    """

    def __init__(self, path: Path, features: Features) -> None:
        self._path = path
        self._features = features
        try:
            self._pickle = path.read_bytes()
            self._estimator: Any = joblib.load(BytesIO(self._pickle))
        except Exception as error:  # a pickle can raise anything
            raise DeploymentError(f"{path} cannot be loaded: {describe(error)}") from error
        if not callable(getattr(self._estimator, "transform", None)):
            raise DeploymentError(
                f"{path} contains a {type(self._estimator).__name__}, which has no transform"
            )
        self._named = getattr(self._estimator, "feature_names_in_", None)

    def prepare(self, rows: Rows) -> Rows:
        """Return its outputs for encoded rows, shape (n, columns), float64."""
        try:
            outputs = self._estimator.transform(self._input(rows))
            dense = outputs.toarray() if hasattr(outputs, "toarray") else outputs
            return np.asarray(dense, dtype=np.float64).reshape(len(rows), -1)
        except Exception as error:  # third-party code
            raise DeploymentError(f"{self._path} cannot transform these rows: {describe(error)}") from error

    def names(self, prepared: Rows) -> FeatureNames:
        """Return the names of its output columns, which default to `column_0`, `column_1` and so on."""
        try:
            names = [str(name) for name in self._estimator.get_feature_names_out()]
        except (AttributeError, TypeError, ValueError):
            names = []
        if len(names) != prepared.shape[1]:
            names = [f"column_{i}" for i in range(prepared.shape[1])]
        inputs = self._features.names if self._named is None else [str(name) for name in self._named]
        origins = origins_of(self._estimator, inputs, self._features.categories, names)
        return FeatureNames(names, names, origins=origins)

    def write(self, folders: Folders, rows: Rows) -> None:
        """Write its model folder, with a probe if it reads encoded rows."""
        content_type = "" if self._named is None else "pd"
        folder = folders.make(
            "-preprocess", SKLEARN, "./model.joblib", {"predict_fn": "transform"}, content_type
        )
        (folder / "model.joblib").write_bytes(self._pickle)
        if self._named is None:
            probe = rows[:_PROBE_ROWS]
            write_probe(folder, probe, {"transform": self.prepare(probe)})

    def _input(self, rows: Rows) -> Any:
        return rows if self._named is None else decode(rows, self._features)[list(self._named)]


def binary_columns(prepared: Rows) -> list[int]:
    """Return the positions of the columns that contain only 0 and 1, as one-hot encoded categories do."""
    is_present = ~np.isnan(prepared)
    is_binary = (prepared == 0) | (prepared == 1) | ~is_present
    return [int(i) for i in np.flatnonzero(is_binary.all(axis=0) & is_present.any(axis=0))]
