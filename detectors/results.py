"""Results of the detectors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FeatureResult(NamedTuple):
    """The test result of one feature: one window compared with the reference.

    ``distance`` and ``p_val`` equal alibi-detect's. ``n`` is the number of values that are not missing.
    ``effect`` is the size of the difference, in [0, 1]; it does not grow with ``n``. ``pooled_p_val`` is the
    p-value after sparse categories are pooled into one. ``psi`` is the population stability index.
    ``missing`` is the number of rows without a value. ``unseen`` is the number of values beyond the
    reference's range, or of an unknown category.
    """

    distance: np.float32
    p_val: np.float32
    n: int
    effect: float
    pooled_p_val: np.float32
    psi: float
    missing: int
    unseen: int

    @classmethod
    def without_values(cls, missing: int) -> FeatureResult:
        """Return the result of a window without any value: distance 0 and p-value 1."""
        return cls(np.float32(0), np.float32(1), 0, 0.0, np.float32(1), 0.0, missing, 0)


class DriftResult(NamedTuple):
    """The test results of one window; arrays have shape (features,).

    ``is_drift``, ``distance``, ``p_val`` and ``threshold`` equal alibi-detect's. ``threshold`` is the
    corrected level that the p-values are compared with. For the false discovery rate without any rejection
    it is the vector of all levels, as in alibi-detect. ``rejected`` marks the p-values below it,
    ``significant`` the p-values with pooled sparse categories that are below their own threshold.
    ``reference_missing`` is the share of missing values in the reference, in [0, 1). The other fields are
    those of `FeatureResult`.
    """

    is_drift: int
    distance: NDArray[np.float32]
    p_val: NDArray[np.float32]
    threshold: float | NDArray[np.float64]
    rejected: NDArray[np.bool_]
    significant: NDArray[np.bool_]
    n: NDArray[np.int64]
    effect: NDArray[np.float64]
    psi: NDArray[np.float64]
    missing: NDArray[np.int64]
    unseen: NDArray[np.int64]
    reference_missing: NDArray[np.float64] | float = 0.0


class OutlierResult(NamedTuple):
    """Outlier flags (int64) and scores (float64) of single rows, both of shape (rows,).

    ``feature_score``, shape (rows, features), is set if the detector derives its score from scores per
    feature. If the detector judges each value by its own score, the flags have that shape too.
    """

    is_outlier: NDArray[np.int64]
    instance_score: NDArray[np.float64]
    feature_score: NDArray[np.float64] | None = None
