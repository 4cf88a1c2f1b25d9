"""Corrections of many tests made at once, as alibi-detect applies them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Correction(NamedTuple):
    """The level compared with, and which of the p-values (shape (k,)) fall below it."""

    threshold: float | NDArray[np.float64]
    rejected: NDArray[np.bool_]


def bonferroni(p_val: NDArray[np.float32], level: float) -> Correction:
    """Compare every p-value with level / k: at most `level` chance of any false alarm in the window."""
    threshold = level / len(p_val)
    return Correction(threshold, p_val < threshold)


def fdr(p_val: NDArray[np.float32], level: float) -> Correction:
    """Benjamini & Hochberg (1995): expected share of false alarms among the alarms at most `level`.

    The threshold is level·i/k at the last sorted p-value strictly below it; without any, the whole vector.
    """
    levels = level * np.arange(1, len(p_val) + 1) / len(p_val)
    below = np.flatnonzero(np.sort(p_val) < levels)
    if not below.size:
        return Correction(levels, np.zeros(len(p_val), dtype=bool))
    threshold = float(levels[below.max()])
    return Correction(threshold, p_val < threshold)


CORRECTIONS = {"bonferroni": bonferroni, "fdr": fdr}
