"""Random draws that belong to a row: the same whenever and beside whatever the row is scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Words = NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)


def row_seeds(rows: NDArray[np.float32]) -> Words:
    """Hash rows of shape (n, columns) by their content: uint64 (n,); 0.0 and -0.0 are one value.

    Column j's bits seed a SplitMix64 whose output j is taken; their sum is mixed once more.
    """
    bits = (np.ascontiguousarray(rows, dtype=np.float32) + np.float32(0)).view(np.uint32)
    places = np.arange(1, bits.shape[1] + 1, dtype=np.uint64)
    return _mixed(_mixed(bits + places * _STEP).sum(axis=1, dtype=np.uint64))


def splitmix64(seeds: Words, count: int) -> Words:
    """Return the first outputs of SplitMix64 from each seed: uint64 (seeds, count).

    Steele, Lea & Flood (2014, OOPSLA). It counts, so that output k needs none before it.

    >>> splitmix64(np.array([0], dtype=np.uint64), 1)[0, 0]
    16294208416658607535
    """
    return _mixed(seeds[:, np.newaxis] + np.arange(1, count + 1, dtype=np.uint64) * _STEP)


def standard_normals(seeds: Words, count: int) -> NDArray[np.float64]:
    """Draw from the standard normal distribution, shape (seeds, count).

    The upper 53 bits of each output are a number strictly between 0 and 1, whose quantile is the draw.
    """
    uniform = ((splitmix64(seeds, count) >> np.uint64(11)) + 0.5) * 2.0**-53
    return np.asarray(ndtri(uniform))


def _mixed(z: Words) -> Words:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
