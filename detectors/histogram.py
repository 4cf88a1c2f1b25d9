"""Reference and window in the same few bins, for pictures and for the population stability index."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.counts import Counts

_BINS = 10
# An extreme value must not stretch the bins: the outermost ones take what lies beyond these quantiles.
_TAIL = 0.01


class Histogram(NamedTuple):
    """Shares of reference and window per bin, each of shape (bins,) and adding up to 1.

    For quantities `edges`, shape (bins - 1,), are the upper ends (inclusive) of all bins but the last, which
    is open; for categories `codes`, shape (bins - 1,), are the bins' categories, and the last bin is all the
    others.
    """

    reference: NDArray[np.float64]
    window: NDArray[np.float64]
    edges: NDArray[np.float64] | None = None
    codes: NDArray[np.float64] | None = None


class Bins(NamedTuple):
    """Bins of a quantity that end on reference values, so that counts per cell fill them exactly.

    `ends` are the last cells of all bins but the last; `reference` counts the reference per bin.
    """

    edges: NDArray[np.float64]
    ends: NDArray[np.int64]
    reference: NDArray[np.int64]

    def fill(self, counts: Counts) -> NDArray[np.float64]:
        """Count a window per bin: shape (bins,)."""
        bin_ = np.searchsorted(self.ends, counts.keys, "left")
        return np.bincount(bin_, counts.counts, minlength=len(self.reference)).astype(np.float64)

    def histogram(self, counts: Counts) -> Histogram:
        """Return shares of both."""
        reference = self.reference / self.reference.sum()
        return Histogram(reference, self.fill(counts) / max(1, counts.n), edges=self.edges)


def quantile_bins(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Bins:
    """Return bins of about equal reference counts; values and their counts have shape (distinct,)."""
    wanted = np.arange(1, _BINS) / _BINS
    return _bins(_quantiles(counts, wanted), distinct, counts)


def spread_bins(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Bins:
    """Return bins of about equal width over the bulk of the reference; of few values, one for each."""
    if len(distinct) <= _BINS:
        return _bins(np.arange(len(distinct) - 1), distinct, counts)
    low, high = distinct[_quantiles(counts, np.array([_TAIL, 1 - _TAIL]))]
    if not np.isfinite(high - low):
        return quantile_bins(distinct, counts)
    wanted = np.linspace(low, high, _BINS)[:-1]
    return _bins(np.searchsorted(distinct, wanted, "right") - 1, distinct, counts)


def _quantiles(counts: NDArray[np.int64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    cumulated = np.cumsum(counts)
    return np.asarray(np.searchsorted(cumulated, wanted * cumulated[-1], "left"))


def _bins(last: NDArray[np.intp], distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> Bins:
    """Make bins that end on the distinct values at these positions."""
    inner = np.unique(last[(last >= 0) & (last < len(distinct) - 1)])
    starts = np.concatenate((np.zeros(1, dtype=np.intp), inner + 1))
    return Bins(distinct[inner], 2 * inner + 1, np.add.reduceat(counts, starts))
