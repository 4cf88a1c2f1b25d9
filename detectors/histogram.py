"""Histograms of reference and window in the same few bins, for charts and the population stability index."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.counts import Counts

_BINS = 10
# Extreme values must not stretch the bins: the first and last bin contain all values beyond these quantiles.
_TAIL = 0.01


class Histogram(NamedTuple):
    """Shares of reference and window per bin, each of shape (bins,) and with the sum 1.

    Quantities have `edges`, shape (bins - 1,): the upper ends (inclusive) of all bins except the last, which
    is open. Categories have `codes`, shape (bins - 1,): one category per bin. Their last bin contains all
    other categories.
    """

    reference: NDArray[np.float64]
    window: NDArray[np.float64]
    edges: NDArray[np.float64] | None = None
    codes: NDArray[np.float64] | None = None


class Bins(NamedTuple):
    """Bins of a quantity that end on reference values, so that each cell belongs to exactly one bin.

    `edges` and `ends`, shape (bins - 1,), are the upper end and the last cell of each bin except the last.
    `reference`, shape (bins,), counts the reference rows per bin.
    """

    edges: NDArray[np.float64]
    ends: NDArray[np.int64]
    reference: NDArray[np.int64]

    def fill(self, counts: Counts) -> NDArray[np.float64]:
        """Count the values of a window per bin, shape (bins,)."""
        bin_ = np.searchsorted(self.ends, counts.keys, "left")
        return np.bincount(bin_, counts.counts, minlength=len(self.reference)).astype(np.float64)

    def histogram(self, counts: Counts) -> Histogram:
        """Return the shares of the reference and of a window per bin."""
        reference = self.reference / self.reference.sum()
        return Histogram(reference, self.fill(counts) / max(1, counts.n), edges=self.edges)


def quantile_bins(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Bins:
    """Return bins with about equal reference counts; `distinct` and `counts` have shape (distinct,)."""
    shares = np.arange(1, _BINS) / _BINS
    return _bins(_quantiles(counts, shares), distinct, counts)


def spread_bins(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Bins:
    """Return bins of about equal width between the 1 % and 99 % quantiles of the reference.

    A reference with at most 10 distinct values has one bin per value.
    """
    if len(distinct) <= _BINS:
        return _bins(np.arange(len(distinct) - 1), distinct, counts)
    low, high = distinct[_quantiles(counts, np.array([_TAIL, 1 - _TAIL]))]
    if not np.isfinite(high - low):
        return quantile_bins(distinct, counts)
    edges = np.linspace(low, high, _BINS)[:-1]
    return _bins(np.searchsorted(distinct, edges, "right") - 1, distinct, counts)


def _quantiles(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the positions of the distinct values at these quantiles."""
    cumulated = np.cumsum(counts)
    return np.asarray(np.searchsorted(cumulated, shares * cumulated[-1], "left"))


def _bins(last: NDArray[np.intp], distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Bins:
    """Return bins that end on the distinct values at the positions `last`."""
    inner = np.unique(last[(last >= 0) & (last < len(distinct) - 1)])
    starts = np.concatenate((np.zeros(1, dtype=np.intp), inner + 1))
    return Bins(distinct[inner], 2 * inner + 1, np.add.reduceat(counts, starts))
