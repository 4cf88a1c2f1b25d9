"""The distribution of Kolmogorov's D, many features at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstwo

# Where scipy's kstwo.sf takes the same expansion, value by value in Python; elsewhere it is asked itself.
_LEAST_N, _LEAST_T, _MOST_SQUARE = 140, 1.4, 2.2
_TERMS = np.arange(1, 9, dtype=np.float64)[:, np.newaxis]
_ODD = (np.pi * (2 * _TERMS - 1) / 2) ** 2
_EVEN = (np.pi * _TERMS) ** 2


def survival(distance: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(D ≥ distance) in samples of n, both of shape (k,), n whole and positive.

    Equal to ``scipy.stats.kstwo.sf`` (Simard & L'Ecuyer 2011, Journal of Statistical Software 39:11) within
    1e-14.

    >>> survival(np.array([0.03]), np.array([909.0])).round(6), kstwo.sf(0.03, 909).round(6)
    (array([0.379107]), 0.379107)
    """
    quick = (n > _LEAST_N) & (n * distance**1.5 > _LEAST_T) & (n * distance**2 < _MOST_SQUARE)
    result = np.empty(len(n))
    if quick.any():
        result[quick] = 1 - _pelz_good(np.sqrt(n[quick]) * distance[quick], n[quick])
    if not quick.all():
        result[~quick] = kstwo.sf(distance[~quick], n[~quick])
    return np.clip(result, 0, 1)


def _pelz_good(z: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pelz & Good (1976, Journal of the Royal Statistical Society B 38:2): P(√n·D ≤ z) up to n^(-3/2)."""
    z2 = z * z
    odd, even = np.exp(-_ODD / (2 * z2)), np.exp(-_EVEN / (2 * z2))
    s0, s1, s2, s3 = (np.sum(_ODD**power * odd, axis=0) for power in range(4))
    root = np.sqrt(2 * np.pi)
    k0 = root / z * s0
    k1 = root / (6 * z**4) * (s1 - z2 * s0)
    k2 = root / (72 * z**7) * (
        (6 * z2**3 + 2 * z2**2) * s0 + (2 * z2**2 - 5 * z2) * s1 + (1 - 2 * z2) * s2
    ) - root / (36 * z**3) * np.sum(_EVEN * even, axis=0)
    k3 = root / (6480 * z**10) * (
        (5 - 30 * z2) * s3
        + (212 * z2**2 - 60 * z2) * s2
        + (135 * z2**2 - 96 * z2**3) * s1
        - (30 * z2**3 + 90 * z2**4) * s0
    ) + root / (216 * z**6) * np.sum((3 * z2 - _EVEN) * _EVEN * even, axis=0)
    return np.asarray(k0 + k1 / np.sqrt(n) + k2 / n + k3 / n**1.5)
