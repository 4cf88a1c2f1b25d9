"""Corrections for multiple tests, as in alibi-detect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Correction(NamedTuple):
    """The level that the p-values are compared with, and which of them, shape (k,), are below it."""

    threshold: float | NDArray[np.float64]
    rejected: NDArray[np.bool_]


def bonferroni(p_val: NDArray[np.float32], level: float) -> Correction:
    """Compare each p-value with level / k.

    The probability of any false alarm in the window is then at most `level`.
    """
    threshold = level / len(p_val)
    return Correction(threshold, p_val < threshold)


def fdr(p_val: NDArray[np.float32], level: float) -> Correction:
    """Limit the expected share of false alarms among the alarms to `level` (Benjamini & Hochberg 1995).

    The threshold is level·i/k for the last sorted p-value that is strictly below it. If there is none, it is
    the vector of all levels.
    """
    levels = level * np.arange(1, len(p_val) + 1) / len(p_val)
    below = np.flatnonzero(np.sort(p_val) < levels)
    if not below.size:
        return Correction(levels, np.zeros(len(p_val), dtype=bool))
    threshold = float(levels[below.max()])
    return Correction(threshold, p_val < threshold)


CORRECTIONS = {"bonferroni": bonferroni, "fdr": fdr}
