"""Isolation forests: fast for one row, fast for thousands, the same scores for both."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import treelite
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import IsolationForest as Estimator

from detectors.input_rows import of_width
from detectors.outliers.isolation_paths import IsolationPaths, average_path
from detectors.results import OutlierResult

# scikit-learn takes some 7 ms whatever the number of rows, treelite some 13 us a row: equal near 600 rows.
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
    plus the estimator's (negative) offset. Up to `FEW_ROWS` rows treelite walks the trees for their mean
    path length E(h(x)) and the score is computed here, 2^(-E(h(x))/c(n)); above, scikit-learn does both. The
    two differ by less than 1e-15.
    """

    def __init__(self, estimator: Estimator, threshold: float) -> None:
        self._estimator = estimator
        self._trees = _trees_of(estimator)
        self._average_path = float(average_path(int(estimator._max_samples)))
        self.threshold = float(threshold)
        self.n_features = int(estimator.n_features_in_)

    def score(self, x: ArrayLike) -> NDArray[np.float64]:
        """Score rows of shape (n, features): float64 (n,), higher is stranger.

        NaN and infinities (also what float32 cannot hold) go the way scikit-learn sends them. Raises
        ValueError for rows of another width.
        """
        rows = of_width(x, self.n_features)
        if not len(rows):
            return np.zeros(0)
        if len(rows) > FEW_ROWS or not self._average_path or self._trees is None:
            return np.asarray(-self._estimator.decision_function(rows))
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(rows, dtype=np.float32)
        path = treelite.gtil.predict(self._trees, rows.astype(np.float64), nthread=1, pred_margin=True)
        return np.asarray(2.0 ** (-path[:, 0, 0] / self._average_path) + self._estimator.offset_)

    def contributions(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return how far each feature shortens a row's path, float64 (n, features), in splits."""
        return self._paths.contributions(x)

    def predict(self, x: ArrayLike) -> OutlierResult:
        """Score and judge rows of shape (n, features)."""
        score = self.score(x)
        return OutlierResult((score > self.threshold).astype(np.int64), score)

    @cached_property
    def _paths(self) -> IsolationPaths:
        return IsolationPaths(self._estimator)

    def __reduce__(self) -> Any:
        # treelite's trees cannot be pickled; they are made of the estimator again.
        return IsolationForest, (self._estimator, self.threshold)


def _trees_of(estimator: Estimator) -> Any:
    """Return the trees for the quick way, None where treelite does not take them."""
    try:
        return treelite.sklearn.import_model(estimator)
    except Exception:  # treelite raises what its C++ raised
        return None
