"""Several features at once: their tables side by side, and a result for each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.counts import Counts
from detectors.results import FeatureResult


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


class Measures(NamedTuple):
    """What is computed of several features at once; arrays of shape (features,), named as in the results."""

    distance: NDArray[np.float64]
    p_val: NDArray[np.float64]
    effect: NDArray[np.float64]
    pooled_p_val: NDArray[np.float64]
    psi: NDArray[np.float64]
    unseen: Sequence[int]


def results_of(counts: Sequence[Counts], measure: Callable[[Sequence[int]], Measures]) -> list[FeatureResult]:
    """Return a result for each feature; `measure` receives the positions of those that have values."""
    results = [FeatureResult.without_values(one.missing) for one in counts]
    filled = [i for i, one in enumerate(counts) if one.counts.size]
    if filled:
        for i, (distance, p_val, effect, pooled_p_val, psi, unseen) in zip(
            filled, zip(*measure(filled), strict=True), strict=True
        ):
            results[i] = FeatureResult(
                distance=np.float32(distance),
                p_val=np.float32(p_val),
                n=counts[i].n,
                effect=float(effect),
                pooled_p_val=np.float32(pooled_p_val),
                psi=float(psi),
                missing=counts[i].missing,
                unseen=unseen,
            )
    return results
