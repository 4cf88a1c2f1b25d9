"""Pooling of sparse categories, which would cause false alarms in a chi-square test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Cochran (1954, Biometrics 10:4): for lower expected counts the chi-square approximation is poor.
LEAST_EXPECTED = 5


def pooled(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pool the sparse categories in a 2×K table of reference and window counts.

    The rule uses only the reference's shares and the window's size. If it used the window's counts, chance
    would decide what is pooled. A category is sparse if fewer than 5 of the window's rows are expected in it.
    Sparse categories become one, unknown ones included. If the expected count of this one is still below 5,
    the next rarest category of the reference is added, as long as another one remains. If two columns
    remain, the test applies Yates' correction.

    Parameters
    ----------
    table:
        Shape (2, K): reference, window; no column zero in both. Two columns are never pooled.

    >>> pooled(np.array([[9000.0, 960.0, 39.0, 1.0], [450.0, 40.0, 9.0, 1.0]]))
    array([[9000., 1000.],
           [ 450.,   50.]])
    """
    if table.shape[1] <= 2:
        return table
    reference, window = table
    expected = reference / reference.sum() * window.sum()
    sparse = np.count_nonzero(expected < LEAST_EXPECTED)
    if not sparse:
        return table
    order = expected.argsort(kind="stable")
    together = expected[order].cumsum()
    joined = max(sparse, int(together.searchsorted(LEAST_EXPECTED)) + 1)
    joined = min(joined, len(order) - 1)
    pooled_columns = np.empty((2, len(order) - joined + 1))
    pooled_columns[:, :-1] = table[:, np.sort(order[joined:])]
    pooled_columns[:, -1] = table[:, order[:joined]].sum(axis=1)
    return pooled_columns
