"""The two-sample Kolmogorov–Smirnov test against a fixed reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.counts import Counts, add, count
from detectors.drift.effect import psi
from detectors.drift.kolmogorov import survival
from detectors.drift.tables import Measures, results_of, side_by_side
from detectors.histogram import Histogram, quantile_bins, spread_bins
from detectors.results import FeatureResult


class KolmogorovSmirnov:
    """Tests whether a window of a numeric feature has the reference's distribution.

    The reference is sorted once. A window is reduced to counts per *cell*: below the first distinct reference
    value, on it, between it and the next, and so on. The counts of a window's parts add up to the counts of
    the window. The statistic follows exactly from the counts: between two reference values, the reference's
    distribution function is constant, and the window's does not decrease.

    Parameters
    ----------
    reference:
        Shape (n,), any numeric dtype. NaN are ignored.

    Notes
    -----
    Equal to ``scipy.stats.ks_2samp(reference, window, method="asymp")``, two-sided: the p-value is the
    upper tail of the exact one-sample distribution (Simard & L'Ecuyer 2011, Journal of Statistical
    Software 39:11) at the rounded effective sample size n·m/(n+m). It is only approximate for windows of
    fewer than about ten values.

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
        """Number of distinct values in the reference."""
        return int(self._distinct.size)

    def count(self, window: ArrayLike) -> Counts:
        """Count the values of a window, shape (m,), per cell.

        Cells are numbered from 0 to 2·(number of distinct reference values).
        """
        values = np.sort(np.asarray(window, dtype=np.float64).ravel())
        present = values[: values.searchsorted(np.nan)]
        position = self._distinct.searchsorted(present)
        is_on_value = self._distinct.take(position, mode="clip") == present
        return count(2.0 * position + is_on_value, len(values) - len(present))

    def add(self, parts: Sequence[Counts]) -> Counts:
        """Add the counts of parts of a window."""
        return add(parts)

    def test(self, window: ArrayLike) -> FeatureResult:
        """Test one window, shape (m,), without its NaN; an empty one has distance 0 and p-value 1."""
        return self.judge(self.count(window))

    def effect(self, counts: Counts) -> float:
        """Return the distance D between the two distribution functions, in [0, 1]."""
        if not counts.counts.size:
            return 0.0
        cell, cumulated = counts.keys.astype(np.int64), counts.counts.cumsum()
        after = cumulated / cumulated[-1]
        above = (after - self._reference_cdf[cell]).max()
        # In the cell before an occupied one, the window's function has the value after the last occupied one.
        below = self._reference_cdf.take(cell - 1, mode="clip")
        below[1:] -= after[:-1]
        return float(max(above, below.max(), 0.0))

    def judge(self, counts: Counts) -> FeatureResult:
        """Test the counts of a window."""
        return judge_all([(self, counts)])[0]

    def unseen(self, counts: Counts) -> int:
        """Return the number of values below or above all values of the reference."""
        return int(counts.counts[(counts.keys == 0) | (counts.keys == 2 * self._distinct.size)].sum())

    def quantiles(self, counts: Counts) -> NDArray[np.float64]:
        """Return the counts of reference and window between quantiles of the reference, shape (2, bins)."""
        return np.stack((self._quantiles.reference, self._quantiles.fill(counts)))

    def histogram(self, counts: Counts) -> Histogram:
        """Return the shares of reference and window in the same few bins."""
        return self._spread.histogram(counts)


def judge_all(features: Sequence[tuple[KolmogorovSmirnov, Counts]]) -> list[FeatureResult]:
    """Test the counts of several features at once, which is faster than one by one."""
    return results_of(
        [counts for _, counts in features], lambda filled: _measure([features[i] for i in filled])
    )


def _measure(features: Sequence[tuple[KolmogorovSmirnov, Counts]]) -> Measures:
    effect = np.array([test.effect(counts) for test, counts in features])
    p_val = _p_values(effect, *np.array([(test.n_reference, counts.n) for test, counts in features]).T)
    index = psi(*side_by_side([test.quantiles(counts) for test, counts in features]))
    unseen = [test.unseen(counts) for test, counts in features]
    return Measures(effect, p_val, effect, p_val, index, unseen)


def _p_values(
    distance: NDArray[np.float64], n: NDArray[np.int64], m: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the p-values of distances between samples of `n` and `m` values, shape (features,)."""
    larger, smaller = np.maximum(n, m).astype(np.float64), np.minimum(n, m)
    effective = np.round(larger * smaller / (larger + smaller))
    # One value against one value has an effective size that rounds to 0, for which there is no distribution.
    has_size = effective > 0
    p_val = np.ones(len(distance))
    if has_size.any():
        p_val[has_size] = survival(distance[has_size], effective[has_size])
    return p_val
