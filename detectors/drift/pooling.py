"""Sparse categories taken as one, where a chi-square test would cry wolf."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Cochran (1954, Biometrics 10:4): below it the chi-square distribution is no guide.
LEAST_EXPECTED = 5


def pooled(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pool the columns of a 2×K table of reference and window counts that the window is too small for.

    The rule looks at the reference's shares and the window's size only, never at the window's own counts:
    with them, chance would choose what is pooled. From the rarest category in the reference up (unknown ones
    first), categories that expect fewer than 5 of the window's rows become one; if together they still
    expect fewer than 5, the next rarest joins, as long as one other stays. Two columns that are left have
    Yates' correction to guard them.

    Parameters
    ----------
    table:
        Shape (2, K): reference, window; no column zero in both.

    >>> pooled(np.array([[9000.0, 960.0, 39.0, 1.0], [450.0, 40.0, 9.0, 1.0]]))
    array([[9000., 1000.],
           [ 450.,   50.]])
    """
    reference, window = table
    expected = reference / reference.sum() * window.sum()
    sparse = np.count_nonzero(expected < LEAST_EXPECTED)
    if not sparse:
        return table
    order = expected.argsort(kind="stable")
    together = expected[order].cumsum()
    joined = max(sparse, int(together.searchsorted(LEAST_EXPECTED)) + 1)
    joined = max(1, min(joined, len(order) - 1))
    few = np.empty((2, len(order) - joined + 1))
    few[:, :-1] = table[:, np.sort(order[joined:])]
    few[:, -1] = table[:, order[:joined]].sum(axis=1)
    return few
