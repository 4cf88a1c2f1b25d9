"""Counts per value of a feature: the part of a window that is kept, and that can be added up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The highest number of distinct values outside the reference that are counted separately.
MOST_UNKNOWN = 1_000


class Counts(NamedTuple):
    """Distinct keys of one feature in ascending order and the count of each, both of shape (k,).

    A key is a cell between reference values (:mod:`detectors.drift.ks`) or the code of a category
    (:mod:`detectors.drift.chi_square`). `missing` is the number of rows without a value; they have no key.
    """

    keys: NDArray[np.float64]
    counts: NDArray[np.int64]
    missing: int = 0

    @property
    def n(self) -> int:
        """Number of values, without the missing ones."""
        return int(self.counts.sum())


def count(keys: NDArray[np.float64], missing: int = 0) -> Counts:
    """Count keys of shape (n,) in ascending order."""
    starts = np.ones(len(keys) + 1, dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=starts[1:-1])
    edges = starts.nonzero()[0] if len(keys) else np.zeros(1, dtype=np.intp)
    return Counts(keys[edges[:-1]], edges[1:] - edges[:-1], missing)


def add(parts: Sequence[Counts]) -> Counts:
    """Add the counts of parts of a window; the order and grouping of the parts do not matter.

    >>> add([count(np.array([1.0, 3.0])), count(np.array([3.0]), missing=2)])
    Counts(keys=array([1., 3.]), counts=array([1, 2]), missing=2)
    """
    keys, position = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), dtype=np.int64)
    np.add.at(counts, position, np.concatenate([part.counts for part in parts]))
    return Counts(keys, counts, sum(part.missing for part in parts))
