"""Tables of several features side by side, which are computed at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Tables(NamedTuple):
    """Counts per category or bin of several features, one feature after the other, shape (K,).

    `starts`, shape (features,), is the position of each feature's first category.
    """

    reference: NDArray[np.float64]
    window: NDArray[np.float64]
    starts: NDArray[np.intp]


def side_by_side(tables: Sequence[NDArray[np.float64]]) -> Tables:
    """Put the tables of features, each of shape (2, categories), side by side.

    >>> side_by_side([np.ones((2, 3)), np.zeros((2, 1))])
    Tables(reference=array([1., 1., 1., 0.]), window=array([1., 1., 1., 0.]), starts=array([0, 3]))
    """
    reference, window = np.concatenate(tables, axis=1)
    ends = np.cumsum([0, *(table.shape[1] for table in tables)])
    return Tables(reference, window, ends[:-1])
