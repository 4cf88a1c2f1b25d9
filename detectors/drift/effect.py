"""Effect sizes: how large a difference is, whatever its significance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Starts = Sequence[int] | NDArray[np.intp]
_ONE = (0,)


def cramers_v(reference: ArrayLike, window: ArrayLike, starts: Starts = _ONE) -> NDArray[np.float64]:
    """Cramér's V between the sample (reference or window) and a category, with equal weights.

    V of a 2×K table gets smaller when one row has many more observations than the other. Both rows are
    therefore proportions with equal weight, which makes V comparable between windows of any size. The mean
    contribution of chance, (K - 1)/4·(1/n + 1/m), is subtracted from V² (after Bergsma 2013, Journal of the
    Korean Statistical Society 42:3).

    Parameters
    ----------
    reference, window:
        Counts per category, shape (K,), of one feature or of several, one after the other. Both have a
        positive sum for each feature.
    starts:
        The position of the first category of each feature, shape (features,).

    Returns shape (features,).

    >>> cramers_v([7000, 3000, 700, 300], [550, 450, 70, 30], [0, 2]).round(3)
    array([0.154, 0.   ])
    """
    p, n = _shares(reference, starts)
    q, m = _shares(window, starts)
    both, difference = p + q, p - q
    squared = np.add.reduceat(difference * difference / np.where(both > 0, both, 1), starts) / 2
    categories = np.add.reduceat(both > 0, starts, dtype=np.int64)
    by_chance = (categories - 1) / 4 * (1 / n + 1 / m)
    return np.asarray(np.sqrt(np.maximum(0.0, squared - by_chance)))


def psi(reference: ArrayLike, window: ArrayLike, starts: Starts = _ONE) -> NDArray[np.float64]:
    """Population stability index: Σ (q - p)·ln(q / p) over bins or categories.

    A value of 0.25 is commonly called large. Half an observation is added to each bin of both samples,
    because a share of zero would make the index infinite. By chance alone it is about (K - 1)·(1/n + 1/m)
    (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14:4).

    Parameters
    ----------
    reference, window:
        Counts per bin, shape (K,), of one feature or of several, one after the other.
    starts:
        The position of the first bin of each feature, shape (features,).

    Returns shape (features,).

    >>> psi([5000, 5000], [600, 400]).round(3)
    array([0.04])
    """
    p, q = (_shares(np.asarray(row, dtype=np.float64) + 0.5, starts)[0] for row in (reference, window))
    return np.asarray(np.add.reduceat((q - p) * np.log(q / p), starts))


def _shares(counts: ArrayLike, starts: Starts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of each count in the total of its feature, and the totals."""
    row, first = np.asarray(counts, dtype=np.float64), np.asarray(starts, dtype=np.intp)
    totals = np.add.reduceat(row, first)
    return row / np.repeat(totals, np.diff(first, append=row.size)), totals
