"""The two-sample Kolmogorov–Smirnov test against a fixed reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from detectors.counts import Counts, add, count
from detectors.drift.effect import psi
from detectors.drift.kolmogorov import survival
from detectors.histogram import Histogram, quantile_bins, spread_bins
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
    (0.5, 0.5)
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
        self._quantiles = quantile_bins(self._distinct, counts)
        self._spread = spread_bins(self._distinct, counts)

    @property
    def n_distinct(self) -> int:
        """Distinct values of the reference."""
        return int(self._distinct.size)

    def count(self, window: ArrayLike) -> Counts:
        """Count a window's values, shape (m,), per cell: 0 … 2·distinct reference values."""
        values = np.sort(np.asarray(window, dtype=np.float64).ravel())
        present = values[: values.searchsorted(np.nan)]
        at = self._distinct.searchsorted(present)
        on = self._distinct.take(at, mode="clip") == present
        return count(2.0 * at + on, len(values) - len(present))

    def add(self, parts: Sequence[Counts]) -> Counts:
        """Add the counts of parts of a window."""
        return add(parts)

    def test(self, window: ArrayLike) -> FeatureResult:
        """Test one window, shape (m,), NaN left out; an empty one has distance 0 and p-value 1."""
        return self.judge(self.count(window))

    def effect(self, counts: Counts) -> float:
        """Return the distance D between the two distribution functions, in [0, 1]."""
        if not counts.counts.size:
            return 0.0
        cell, cumulated = counts.keys.astype(np.int64), counts.counts.cumsum()
        after = cumulated / cumulated[-1]
        above = (after - self._reference_cdf[cell]).max()
        # In the cell before an occupied one the window's function is still where the last one left it.
        below = self._reference_cdf.take(cell - 1, mode="clip")
        below[1:] -= after[:-1]
        return float(max(above, below.max(), 0.0))

    def judge(self, counts: Counts) -> FeatureResult:
        """Test a window that was counted."""
        return judge_all([self], [counts])[0]

    def measure(self, counts: Counts) -> FeatureResult:
        """Return all but the p-values, which are quicker asked for at once."""
        if not counts.counts.size:
            return FeatureResult.nothing(counts.missing)
        distance, cells = self.effect(counts), counts.keys
        outside = counts.counts[(cells == 0) | (cells == 2 * self._distinct.size)]
        return FeatureResult(
            distance=np.float32(distance),
            p_val=np.float32(np.nan),
            n=counts.n,
            effect=distance,
            pooled_p_val=np.float32(np.nan),
            psi=psi(self._quantiles.reference, self._quantiles.fill(counts)),
            missing=counts.missing,
            outside=int(outside.sum()),
        )

    def histogram(self, counts: Counts) -> Histogram:
        """Put reference and window into the same few bins."""
        return self._spread.histogram(counts)


def judge_all(tests: Sequence[KolmogorovSmirnov], counts: Sequence[Counts]) -> list[FeatureResult]:
    """Test several features at once: p-values cost more one by one."""
    measured = [test.measure(one) for test, one in zip(tests, counts, strict=True)]
    n = np.array([test.n_reference for test in tests], dtype=np.float64)
    m = np.array([result.n for result in measured], dtype=np.float64)
    larger, smaller = np.maximum(n, m), np.minimum(n, m)
    effective = np.round(larger * smaller / (larger + smaller))
    # A value against a value rounds to no sample at all, of which scipy knows no distribution.
    some = effective > 0
    p_val = np.ones(len(measured), dtype=np.float32)
    if some.any():
        distance = np.array([result.effect for result in measured])
        p_val[some] = survival(distance[some], effective[some])
    return [one._replace(p_val=p, pooled_p_val=p) for one, p in zip(measured, p_val, strict=True)]
