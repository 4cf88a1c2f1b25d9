"""Effect sizes: how large a difference is, whatever its significance."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike


def cramers_v(reference: ArrayLike, window: ArrayLike) -> float:
    """Cramér's V between the sample (reference or window) and a category, with equal weights.

    V of a 2×K table gets smaller when one row has many more observations than the other. Both rows are
    therefore proportions with equal weight, which makes V comparable between windows of any size. The mean
    contribution of chance, (K - 1)/4·(1/n + 1/m), is subtracted from V² (after Bergsma 2013, Journal of the
    Korean Statistical Society 42:3).

    Parameters
    ----------
    reference, window:
        Counts per category, shape (K,), both with a positive sum.

    >>> round(cramers_v([7000, 3000], [550, 450]), 3)
    0.154
    >>> cramers_v([700, 300], [70, 30])
    0.0
    """
    p, q = np.asarray(reference, dtype=np.float64), np.asarray(window, dtype=np.float64)
    n, m = p.sum(), q.sum()
    p, q = p / n, q / m
    both, difference = p + q, p - q
    squared = float((difference * difference / np.where(both > 0, both, 1)).sum()) / 2
    by_chance = (np.count_nonzero(both) - 1) / 4 * (1 / n + 1 / m)
    return sqrt(max(0.0, squared - by_chance))


def psi(reference: ArrayLike, window: ArrayLike) -> float:
    """Population stability index: Σ (q - p)·ln(q / p) over bins or categories.

    A value of 0.25 is commonly called large. Half an observation is added to each bin of both samples,
    because a share of zero would make the index infinite. By chance alone it is about (K - 1)·(1/n + 1/m)
    (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14:4).

    Parameters
    ----------
    reference, window:
        Counts per bin, shape (K,).

    >>> round(psi([5000, 5000], [600, 400]), 3)
    0.04
    """
    p, q = (np.asarray(row, dtype=np.float64) + 0.5 for row in (reference, window))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())
