"""Pearson's chi-square test of a categorical feature against a fixed reference."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from detectors.effect import cramers_v
from detectors.results import FeatureResult


class ChiSquare:
    """Tests whether a window of category codes has the reference's proportions.

    Parameters
    ----------
    reference:
        Category codes, shape (n,), numeric. NaN are left out.
    categories:
        The known codes; without any, those in the reference. A code that is neither known nor in the
        window takes no part.

    Notes
    -----
    Equal to ``scipy.stats.chi2_contingency`` on the 2×K table over the union of the known categories and
    the window's, with Yates' correction when K = 2. Columns that are zero in both rows are dropped first
    (scipy refuses such tables), so a declared category that nobody has changes nothing. The p-value is
    the upper tail of the chi-square distribution with K - 1 degrees of freedom; expected counts below 5
    make it too small.

    >>> result = ChiSquare([0] * 50 + [1] * 50).test([0] * 20 + [1] * 5)
    >>> round(float(result.distance), 4), round(float(result.p_val), 4)
    (6.1384, 0.0132)
    """

    def __init__(self, reference: ArrayLike, categories: Iterable[float] | None = None) -> None:
        self._values, self._counts = np.unique(_present(reference), return_counts=True)
        known = self._values if categories is None else np.unique(np.asarray(list(categories), dtype=float))
        if not np.isin(known, self._values).any():
            raise ValueError("a chi-square reference needs at least one value of a known category")
        self.categories = known

    def test(self, window: ArrayLike) -> FeatureResult:
        """Test one window, shape (m,), NaN left out; an empty one has distance 0 and p-value 1."""
        values, counts = np.unique(_present(window), return_counts=True)
        if not values.size:
            return FeatureResult(np.float32(0), np.float32(1), 0, 0.0)
        every = np.union1d(self.categories, values)
        table = np.vstack((_spread(self._values, self._counts, every), _spread(values, counts, every)))
        table = table[:, table.any(axis=0)]
        distance, p_val = _chi_square(table)
        effect = cramers_v(table[0], table[1])
        return FeatureResult(np.float32(distance), np.float32(p_val), int(counts.sum()), effect)


def _present(values: ArrayLike) -> NDArray[np.float64]:
    flat = np.asarray(values, dtype=np.float64).ravel()
    present: NDArray[np.float64] = flat[~np.isnan(flat)]
    return present


def _spread(
    values: NDArray[np.float64], counts: NDArray[np.int64], every: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put each value's count where `every` has the value; both are sorted."""
    row: NDArray[np.float64] = np.zeros(every.size)
    inside = np.isin(values, every)
    row[np.searchsorted(every, values[inside])] = counts[inside]
    return row


def _chi_square(observed: NDArray[np.float64]) -> tuple[float, float]:
    degrees = observed.shape[1] - 1
    if degrees == 0:
        return 0.0, 1.0
    rows, columns = observed.sum(axis=1, keepdims=True), observed.sum(axis=0, keepdims=True)
    expected = rows * columns / observed.sum()
    if degrees == 1:
        difference = expected - observed
        observed = observed + np.minimum(0.5, np.abs(difference)) * np.sign(difference)
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return statistic, float(chdtrc(degrees, statistic))
