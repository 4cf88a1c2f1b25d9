"""What detectors answer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FeatureResult(NamedTuple):
    """One feature of one window against the reference.

    ``distance`` and ``p_val`` are alibi-detect's. ``n`` is the number of values that were not missing,
    ``effect`` a size of the difference in [0, 1] that does not grow with ``n``, ``pooled_p_val`` the p-value
    once sparse categories are one, ``psi`` the population stability index, ``missing`` the number of rows
    without a value, ``outside`` of those beyond the reference's range or of no known category.
    """

    distance: np.float32
    p_val: np.float32
    n: int
    effect: float
    pooled_p_val: np.float32
    psi: float
    missing: int
    outside: int

    @classmethod
    def nothing(cls, missing: int) -> FeatureResult:
        """Return what a window without any value shows."""
        return cls(np.float32(0), np.float32(1), 0, 0.0, np.float32(1), 0.0, missing, 0)


class DriftResult(NamedTuple):
    """A window's verdict: arrays of shape (features,).

    ``is_drift`` to ``threshold`` are alibi-detect's; ``threshold`` is the corrected level the p-values were
    compared with (for the false discovery rate with no rejection: the whole vector of levels, as
    alibi-detect returns it), ``rejected`` the p-values below it. ``significant`` says the same of the
    p-values with sparse categories pooled. `reference_missing` are the shares of values that the reference
    misses, in [0, 1). The others are as in `FeatureResult`.
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
    outside: NDArray[np.int64]
    reference_missing: NDArray[np.float64] | float = 0.0


class OutlierResult(NamedTuple):
    """Rows judged one by one: int64 flags and float64 scores, both of shape (rows,).

    ``feature_score``, shape (rows, features), is there where the detector's score is made of it; where each
    value is judged by its own, the flags have that shape too.
    """

    is_outlier: NDArray[np.int64]
    instance_score: NDArray[np.float64]
    feature_score: NDArray[np.float64] | None = None
