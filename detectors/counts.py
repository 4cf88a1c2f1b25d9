"""How often each value of a feature came: what is kept of a window, and what adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Values that the reference never held and that differ among themselves are told apart up to so many.
MOST_UNKNOWN = 1_000


class Counts(NamedTuple):
    """Distinct keys of one feature in ascending order with how often each came, both of shape (k,).

    A key is a cell between reference values (:mod:`detectors.drift.ks`) or a category's code
    (:mod:`detectors.drift.chi_square`). `missing` counts the rows without a value, which have no key.
    """

    keys: NDArray[np.float64]
    counts: NDArray[np.int64]
    missing: int = 0

    @property
    def n(self) -> int:
        """Number of values."""
        return int(self.counts.sum())


def count(keys: NDArray[np.float64], missing: int = 0) -> Counts:
    """Count keys of shape (n,) in ascending order."""
    starts = np.ones(len(keys) + 1, dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=starts[1:-1])
    edges = starts.nonzero()[0] if len(keys) else np.zeros(1, dtype=np.intp)
    return Counts(keys[edges[:-1]], edges[1:] - edges[:-1], missing)


def add(parts: Sequence[Counts]) -> Counts:
    """Add the counts of parts of a window; neither order nor grouping of the parts matters.

    >>> add([count(np.array([1.0, 3.0])), count(np.array([3.0]), missing=2)])
    Counts(keys=array([1., 3.]), counts=array([1, 2]), missing=2)
    """
    keys, position = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), dtype=np.int64)
    np.add.at(counts, position, np.concatenate([part.counts for part in parts]))
    return Counts(keys, counts, sum(part.missing for part in parts))
