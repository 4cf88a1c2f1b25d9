"""The two-sample Kolmogorov–Smirnov test against a fixed reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kstwo

from detectors.results import FeatureResult


class KolmogorovSmirnov:
    """Tests whether a window of a numeric feature has the reference's distribution.

    The reference is sorted once. A window is reduced to counts per *cell* (below the first distinct
    reference value, on it, between it and the next, and so on); counts of parts of a window add up to
    those of the whole, and the statistic follows from them exactly, because between two reference values
    the reference's distribution function is constant and the window's only grows.

    Parameters
    ----------
    reference:
        Shape (n,), any numeric dtype. NaN are left out.

    Notes
    -----
    Equal to ``scipy.stats.ks_2samp(reference, window, method="asymp")``, two-sided: the p-value is the
    upper tail of the exact one-sample distribution (Simard & L'Ecuyer 2011, Journal of Statistical
    Software 39:11) at the rounded effective sample size n·m/(n+m). Below about ten values in the window
    it is a rough guide only.

    >>> ks = KolmogorovSmirnov([1.0, 2.0, 3.0, 4.0])
    >>> result = ks.test([3.0, 4.0, 5.0, 6.0])
    >>> float(result.distance), round(float(result.p_val), 4)
    (0.5, 0.7778)
    """

    def __init__(self, reference: ArrayLike) -> None:
        values = np.asarray(reference, dtype=np.float64).ravel()
        values = values[~np.isnan(values)]
        if not values.size:
            raise ValueError("a Kolmogorov–Smirnov reference needs at least one value that is not missing")
        self._distinct, counts = np.unique(values, return_counts=True)
        self.n_reference = int(values.size)
        cells = np.zeros(2 * self._distinct.size + 1)
        cells[1::2] = counts
        self._reference_cdf = np.cumsum(cells) / self.n_reference

    def counts(self, window: ArrayLike) -> NDArray[np.int64]:
        """Count a window's values per cell: shape (2·distinct reference values + 1,); they add up."""
        values = np.asarray(window, dtype=np.float64).ravel()
        values = values[~np.isnan(values)]
        cell = np.searchsorted(self._distinct, values, "left") + np.searchsorted(
            self._distinct, values, "right"
        )
        return np.bincount(cell, minlength=self._reference_cdf.size).astype(np.int64)

    def test(self, window: ArrayLike) -> FeatureResult:
        """Test one window, shape (m,), NaN left out; an empty one has distance 0 and p-value 1."""
        counts = self.counts(window)
        n = int(counts.sum())
        if n == 0:
            return FeatureResult(np.float32(0), np.float32(1), 0, 0.0)
        difference = self._reference_cdf - np.cumsum(counts) / n
        distance = float(max(np.clip(-difference.min(), 0, 1), difference.max()))
        larger, smaller = float(max(n, self.n_reference)), float(min(n, self.n_reference))
        effective = np.round(larger * smaller / (larger + smaller))
        # A value against a value rounds to no sample at all, of which scipy knows no distribution.
        p_val = np.clip(kstwo.sf(distance, effective), 0, 1) if effective else 1.0
        return FeatureResult(np.float32(distance), np.float32(p_val), n, distance)
