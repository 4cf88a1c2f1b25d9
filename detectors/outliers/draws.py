"""Random draws that depend only on the content of a row, not on when or with which rows it is scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Words = NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)


def row_seeds(rows: NDArray[np.float32]) -> Words:
    """Hash rows of shape (n, columns) by their content: uint64 (n,); 0.0 and -0.0 are equal.

    The bits of column j seed a SplitMix64; its output j is used. The sum of these outputs is mixed again.
    """
    bits = (np.ascontiguousarray(rows, dtype=np.float32) + np.float32(0)).view(np.uint32)
    positions = np.arange(1, bits.shape[1] + 1, dtype=np.uint64)
    return _mix(_mix(bits + positions * _STEP).sum(axis=1, dtype=np.uint64))


def splitmix64(seeds: Words, count: int) -> Words:
    """Return the first `count` outputs of SplitMix64 from each seed: uint64 (seeds, count).

    Steele, Lea & Flood (2014, OOPSLA). Its state is a counter: output k does not depend on earlier outputs.

    >>> splitmix64(np.array([0], dtype=np.uint64), 1)[0, 0]
    16294208416658607535
    """
    return _mix(seeds[:, np.newaxis] + np.arange(1, count + 1, dtype=np.uint64) * _STEP)


def standard_normals(seeds: Words, count: int) -> NDArray[np.float64]:
    """Draw from the standard normal distribution: float64 (seeds, count).

    The upper 53 bits of each output give a number strictly between 0 and 1; the draw is the quantile of it.
    """
    uniform = ((splitmix64(seeds, count) >> np.uint64(11)) + 0.5) * 2.0**-53
    return np.asarray(ndtri(uniform))


def _mix(z: Words) -> Words:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
