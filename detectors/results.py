"""What detectors answer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FeatureResult(NamedTuple):
    """One feature of one window against the reference.

    ``distance`` is the test's statistic, ``n`` the number of values that were not missing, ``effect`` a
    size of the difference in [0, 1] that does not grow with ``n``.
    """

    distance: np.float32
    p_val: np.float32
    n: int
    effect: float


class DriftResult(NamedTuple):
    """A window's verdict, in alibi-detect's terms: arrays of shape (features,).

    ``threshold`` is the corrected level the p-values were compared with (for the false discovery rate
    with no rejection: the whole vector of levels, as alibi-detect returns it).
    """

    is_drift: int
    distance: NDArray[np.float32]
    p_val: NDArray[np.float32]
    threshold: float | NDArray[np.float64]
    n: NDArray[np.int64]
    effect: NDArray[np.float64]
    rejected: NDArray[np.bool_]


class OutlierResult(NamedTuple):
    """Rows judged one by one: int64 flags and float64 scores, both of shape (rows,).

    ``feature_score``, shape (rows, features), is there where the detector's score is made of it; where each
    value is judged by its own, the flags have that shape too.
    """

    is_outlier: NDArray[np.int64]
    instance_score: NDArray[np.float64]
    feature_score: NDArray[np.float64] | None = None
