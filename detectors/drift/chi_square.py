"""Pearson's chi-square test of a categorical feature against a fixed reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from detectors.counts import MOST_UNKNOWN, Counts, add, count
from detectors.drift.effect import cramers_v, psi
from detectors.drift.pooling import pooled
from detectors.drift.tables import Measures, Tables, results_of, side_by_side
from detectors.histogram import Histogram
from detectors.results import FeatureResult

_SHOWN = 9


class ChiSquare:
    """Tests whether a window of category codes has the reference's proportions.

    Parameters
    ----------
    reference:
        Category codes, shape (n,), numeric. NaN are ignored.
    categories:
        The known codes; by default those in the reference. A code of the reference that is neither known nor
        in the window is excluded.

    Notes
    -----
    Equal to ``scipy.stats.chi2_contingency`` on the 2×K table of the known categories and those of the
    window, with Yates' correction when K = 2. Columns that are zero in both rows are removed first, because
    scipy raises an error for them. A declared category that no row has thus changes nothing.

    The p-value is the upper tail of the chi-square distribution with K - 1 degrees of freedom. It is too
    small if expected counts are below 5. ``pooled_p_val``, ``effect`` and ``psi`` therefore pool sparse
    categories into one (:mod:`detectors.drift.pooling`). The 1,000 lowest unknown codes are distinguished;
    all others count as one category.

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
        self._known = _counts_at(self._reference, known)
        self.n_reference = int(self._known.sum())

    @property
    def n_distinct(self) -> int:
        """Number of distinct codes in the reference."""
        return int(self._reference.keys.size)

    def count(self, window: ArrayLike) -> Counts:
        """Count the codes of a window, shape (m,)."""
        return self._bounded(_count(window))

    def add(self, parts: Sequence[Counts]) -> Counts:
        """Add the counts of parts of a window."""
        return self._bounded(add(parts))

    def test(self, window: ArrayLike) -> FeatureResult:
        """Test one window, shape (m,), without its NaN; an empty one has distance 0 and p-value 1."""
        return self.judge(self.count(window))

    def effect(self, counts: Counts) -> float:
        """Return Cramér's V with sparse categories pooled, in [0, 1]."""
        if not counts.n:
            return 0.0
        table = pooled(self.table(counts, self.is_unknown(counts)))
        return float(cramers_v(table[0], table[1])[0])

    def is_unknown(self, counts: Counts) -> NDArray[np.bool_]:
        """Return which keys of the counts are not known categories."""
        position = self.categories.searchsorted(counts.keys)
        return np.asarray(self.categories.take(position, mode="clip") != counts.keys)

    def table(self, counts: Counts, is_unknown: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the 2×K table of reference and window, without categories that neither has."""
        if is_unknown.any():
            union = np.union1d(self.categories, counts.keys)
            table = np.stack((_counts_at(self._reference, union), _counts_at(counts, union)))
        else:
            table = np.zeros((2, self.categories.size))
            table[0] = self._known
            table[1, self.categories.searchsorted(counts.keys)] = counts.counts
        return table if table.all() else table[:, table.any(axis=0)]

    def judge(self, counts: Counts) -> FeatureResult:
        """Test the counts of a window."""
        return judge_all([(self, counts)])[0]

    def histogram(self, counts: Counts) -> Histogram:
        """Return the shares of the nine most frequent categories in either, and of all others together."""
        union = np.union1d(self.categories, counts.keys)
        table = np.vstack((_counts_at(self._reference, union), _counts_at(counts, union)))
        shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
        chosen = np.sort(np.argsort(-shares.max(axis=0), kind="stable")[:_SHOWN])
        reference, window = (np.append(row[chosen], max(0.0, 1 - row[chosen].sum())) for row in shares)
        return Histogram(reference, window, codes=union[chosen])

    def _bounded(self, counts: Counts) -> Counts:
        """Count all but the lowest unknown codes as one, with the key infinity.

        A code among the lowest of a window is also among the lowest of its parts, so counts still add up.
        """
        if len(counts.keys) <= MOST_UNKNOWN:
            return counts
        keys = counts.keys.copy()
        keys[np.flatnonzero(self.is_unknown(counts))[MOST_UNKNOWN:]] = np.inf
        return add([counts._replace(keys=keys)])


def judge_all(features: Sequence[tuple[ChiSquare, Counts]]) -> list[FeatureResult]:
    """Test the counts of several features at once, which is faster than one by one."""
    return results_of(
        [counts for _, counts in features], lambda filled: _measure([features[i] for i in filled])
    )


def _measure(features: Sequence[tuple[ChiSquare, Counts]]) -> Measures:
    unknown = [test.is_unknown(counts) for test, counts in features]
    tables = [test.table(counts, keys) for (test, counts), keys in zip(features, unknown, strict=True)]
    pooled_tables = side_by_side([pooled(table) for table in tables])
    distance, p_val = _chi_square(side_by_side(tables))
    _, pooled_p_val = _chi_square(pooled_tables)
    effect, index = cramers_v(*pooled_tables), psi(*pooled_tables)
    unseen = [int(counts.counts[keys].sum()) for (_, counts), keys in zip(features, unknown, strict=True)]
    return Measures(distance, p_val, effect, pooled_p_val, index, unseen)


def _count(values: ArrayLike) -> Counts:
    codes = np.sort(np.asarray(values, dtype=np.float64).ravel())
    present = codes[: codes.searchsorted(np.nan)]
    return count(present, len(codes) - len(present))


def _counts_at(counts: Counts, keys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the count of each of `keys`, 0 for a key without counts; both are sorted."""
    row: NDArray[np.float64] = np.zeros(keys.size)
    inside = np.isin(counts.keys, keys)
    row[np.searchsorted(keys, counts.keys[inside])] = counts.counts[inside]
    return row


def _chi_square(tables: Tables) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the statistic and the p-value of each table, both of shape (tables,)."""
    observed, starts = np.stack((tables.reference, tables.window)), tables.starts
    sizes = np.diff(starts, append=observed.shape[1])
    degrees = sizes - 1
    rows = np.repeat(np.add.reduceat(observed, starts, axis=1), sizes, axis=1)
    expected = rows * observed.sum(axis=0) / rows.sum(axis=0)
    difference = np.abs(observed - expected)
    # Yates' correction of tables with two columns.
    difference -= np.where(np.repeat(degrees, sizes) == 1, np.minimum(0.5, difference), 0)
    statistic = np.add.reduceat((difference**2 / expected).sum(axis=0), starts)
    # A table with one column has no degree of freedom.
    p_val = np.where(degrees > 0, chdtrc(np.maximum(degrees, 1), statistic), 1.0)
    return np.where(degrees > 0, statistic, 0.0), p_val
