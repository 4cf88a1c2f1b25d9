"""Isolation forests: fast for one row and for thousands, with the same scores."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import treelite
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import IsolationForest as Estimator

from detectors.input_rows import require_width
from detectors.outliers.isolation_paths import IsolationPaths, average_path
from detectors.results import OutlierResult

# scikit-learn takes about 7 ms for any number of rows, treelite about 13 µs per row: equal near 600 rows.
FEW_ROWS = 500


class IsolationForest:
    """Scores rows with a fitted scikit-learn isolation forest.

    Parameters
    ----------
    estimator:
        A fitted ``sklearn.ensemble.IsolationForest``.
    threshold:
        Rows with a score strictly above are outliers.

    Notes
    -----
    The score is alibi-detect's, ``-decision_function(x)``: the score s(x, n) of Liu, Ting & Zhou (2008, ICDM)
    plus the estimator's (negative) offset. For up to `FEW_ROWS` rows, treelite computes the mean path length
    E(h(x)), and this class the score 2^(-E(h(x))/c(n)). For more rows scikit-learn computes both. The scores
    differ by less than 1e-15.
    """

    def __init__(self, estimator: Estimator, threshold: float) -> None:
        self._estimator = estimator
        self._model = _treelite_model(estimator)
        self._average_path = float(average_path(int(estimator._max_samples)))
        self.threshold = float(threshold)
        self.n_features = int(estimator.n_features_in_)

    def score(self, x: ArrayLike) -> NDArray[np.float64]:
        """Score rows of shape (n, features): float64 (n,); a higher score is more anomalous.

        NaN, infinities and values outside the range of float32 take the same branches as in scikit-learn.
        Raises ValueError for rows of another width.
        """
        rows = require_width(x, self.n_features)
        if not len(rows):
            return np.zeros(0)
        if len(rows) > FEW_ROWS or not self._average_path or self._model is None:
            return np.asarray(-self._estimator.decision_function(rows))
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(rows, dtype=np.float32)
        path = treelite.gtil.predict(self._model, rows.astype(np.float64), nthread=1, pred_margin=True)
        return np.asarray(2.0 ** (-path[:, 0, 0] / self._average_path) + self._estimator.offset_)

    def contributions(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return by how many splits each feature shortens a row's path, float64 (n, features)."""
        return self._paths.contributions(x)

    def predict(self, x: ArrayLike) -> OutlierResult:
        """Score and judge rows of shape (n, features)."""
        score = self.score(x)
        return OutlierResult((score > self.threshold).astype(np.int64), score)

    @cached_property
    def _paths(self) -> IsolationPaths:
        return IsolationPaths(self._estimator)

    def __reduce__(self) -> Any:
        # treelite's model cannot be pickled; it is built again from the estimator.
        return IsolationForest, (self._estimator, self.threshold)


def _treelite_model(estimator: Estimator) -> Any:
    """Return treelite's model of the trees, None if treelite does not support them."""
    try:
        return treelite.sklearn.import_model(estimator)
    except Exception:  # treelite passes on any C++ error
        return None
