"""Pearson's chi-square test of a categorical feature against a fixed reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from detectors.counts import MOST_UNKNOWN, Counts, add, count
from detectors.drift.effect import cramers_v, psi
from detectors.drift.pooling import pooled
from detectors.histogram import Histogram
from detectors.results import FeatureResult

_SHOWN = 9


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
    make it too small, so ``pooled_p_val``, ``effect`` and ``psi`` take sparse categories as one
    (:mod:`detectors.drift.pooling`). Of codes that are not known, the 1,000 lowest are told apart.

    >>> result = ChiSquare([0] * 50 + [1] * 50).test([0] * 20 + [1] * 5)
    >>> round(float(result.distance), 4), round(float(result.p_val), 4)
    (6.1384, 0.0132)
    """

    def __init__(self, reference: ArrayLike, categories: Iterable[float] | None = None) -> None:
        self._reference = _count(reference)
        known = self._reference.keys if categories is None else np.unique(np.asarray(list(categories), float))
        if not np.isin(known, self._reference.keys).any():
            raise ValueError("a chi-square reference needs at least one value of a known category")
        self.categories = known
        self._known = _spread(self._reference, known)
        self.n_reference = int(self._known.sum())

    @property
    def n_distinct(self) -> int:
        """Distinct codes of the reference."""
        return int(self._reference.keys.size)

    def count(self, window: ArrayLike) -> Counts:
        """Count a window's codes, shape (m,)."""
        return self._bounded(_count(window))

    def add(self, parts: Sequence[Counts]) -> Counts:
        """Add the counts of parts of a window."""
        return self._bounded(add(parts))

    def test(self, window: ArrayLike) -> FeatureResult:
        """Test one window, shape (m,), NaN left out; an empty one has distance 0 and p-value 1."""
        return self.judge(self.count(window))

    def effect(self, counts: Counts) -> float:
        """Return Cramér's V with sparse categories pooled, in [0, 1]."""
        if not counts.n:
            return 0.0
        table = pooled(self._table(counts, self._strange(counts)))
        return cramers_v(table[0], table[1])

    def judge(self, counts: Counts) -> FeatureResult:
        """Test a window that was counted."""
        if not counts.n:
            return FeatureResult.nothing(counts.missing)
        strange = self._strange(counts)
        table = self._table(counts, strange)
        distance, p_val = _chi_square(table)
        few = pooled(table)
        return FeatureResult(
            distance=np.float32(distance),
            p_val=np.float32(p_val),
            n=counts.n,
            effect=cramers_v(few[0], few[1]),
            pooled_p_val=np.float32(p_val if few is table else _chi_square(few)[1]),
            psi=psi(few[0], few[1]),
            missing=counts.missing,
            outside=int(counts.counts[strange].sum()),
        )

    def histogram(self, counts: Counts) -> Histogram:
        """Return shares of the categories that are most frequent in either, and of all others together."""
        every = np.union1d(self.categories, counts.keys)
        table = np.vstack((_spread(self._reference, every), _spread(counts, every)))
        shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
        chosen = np.sort(np.argsort(-shares.max(axis=0), kind="stable")[:_SHOWN])
        reference, window = (np.append(row[chosen], max(0.0, 1 - row[chosen].sum())) for row in shares)
        return Histogram(reference, window, codes=every[chosen])

    def _bounded(self, counts: Counts) -> Counts:
        """Keep the lowest unknown codes; as they are the lowest of the whole too, parts add up."""
        if len(counts.keys) <= MOST_UNKNOWN:
            return counts
        keys = counts.keys.copy()
        keys[np.flatnonzero(self._strange(counts))[MOST_UNKNOWN:]] = np.inf
        return add([counts._replace(keys=keys)])

    def _strange(self, counts: Counts) -> NDArray[np.bool_]:
        at = self.categories.searchsorted(counts.keys)
        return np.asarray(self.categories.take(at, mode="clip") != counts.keys)

    def _table(self, counts: Counts, strange: NDArray[np.bool_]) -> NDArray[np.float64]:
        if strange.any():
            every = np.union1d(self.categories, counts.keys)
            table = np.vstack((_spread(self._reference, every), _spread(counts, every)))
        else:
            table = np.zeros((2, self.categories.size))
            table[0] = self._known
            table[1, np.searchsorted(self.categories, counts.keys)] = counts.counts
        return table[:, table.any(axis=0)]


def _count(values: ArrayLike) -> Counts:
    codes = np.sort(np.asarray(values, dtype=np.float64).ravel())
    present = codes[: codes.searchsorted(np.nan)]
    return count(present, len(codes) - len(present))


def _spread(counts: Counts, every: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put each key's count where `every` has the key; both are sorted."""
    row: NDArray[np.float64] = np.zeros(every.size)
    inside = np.isin(counts.keys, every)
    row[np.searchsorted(every, counts.keys[inside])] = counts.counts[inside]
    return row


def _chi_square(observed: NDArray[np.float64]) -> tuple[float, float]:
    degrees = observed.shape[1] - 1
    if degrees == 0:
        return 0.0, 1.0
    rows, columns = observed.sum(axis=1, keepdims=True), observed.sum(axis=0)
    expected = rows * columns / rows.sum()
    if degrees == 1:
        difference = expected - observed
        observed = observed + np.minimum(0.5, np.abs(difference)) * np.sign(difference)
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return statistic, float(chdtrc(degrees, statistic))
