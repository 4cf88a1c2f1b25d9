"""A preprocessor that a team already has: what it makes of reference rows, and a folder to serve it from."""

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
    """A fitted scikit-learn transformer. One that was fitted on named columns gets the table's own columns,
    any other the encoded rows."""

    def __init__(self, path: Path, features: Features) -> None:
        self._path = path
        self._features = features
        try:
            self._pickle = path.read_bytes()
            self._estimator: Any = joblib.load(BytesIO(self._pickle))
        except Exception as error:  # a pickle can raise anything
            raise DeploymentError(f"{path} cannot be loaded: {describe(error)}") from error
        if not callable(getattr(self._estimator, "transform", None)):
            raise DeploymentError(f"{path} holds a {type(self._estimator).__name__}, which has no transform")
        self._named = getattr(self._estimator, "feature_names_in_", None)

    def prepare(self, rows: Rows) -> Rows:
        """Return what it makes of encoded rows, shape (n, columns)."""
        try:
            answer = self._estimator.transform(self._input(rows))
            dense = answer.toarray() if hasattr(answer, "toarray") else answer
            return np.asarray(dense, dtype=np.float64).reshape(len(rows), -1)
        except Exception as error:  # somebody else's code
            raise DeploymentError(f"{self._path} does not take these rows: {describe(error)}") from error

    def names(self, prepared: Rows) -> FeatureNames:
        """Name its columns as it names them itself."""
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
        """Write a folder to serve it from, with a probe where it takes plain rows."""
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


def looks_categorical(prepared: Rows) -> list[int]:
    """Return the columns that hold nothing but 0 and 1, as encoded categories do."""
    present = ~np.isnan(prepared)
    binary = (prepared == 0) | (prepared == 1) | ~present
    return [int(i) for i in np.flatnonzero(binary.all(axis=0) & present.any(axis=0))]
