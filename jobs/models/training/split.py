"""Rows shared out, so that nothing is judged on what it was learned from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# More reference rows cost time and memory, and show little more.
MOST_ROWS = 10_000
Rows = NDArray[np.float64]


class Split(NamedTuple):
    """Disjoint positions of rows: models and detectors learn from `reference`; the reference of predictions
    is what a model says of `unseen`; thresholds come from `calibration`; `test` tells how good all are."""

    reference: NDArray[np.intp]
    unseen: NDArray[np.intp]
    calibration: NDArray[np.intp]
    test: NDArray[np.intp]


class Parts(NamedTuple):
    """Rows of one place of a pipeline, each of shape (n, columns), disjoint."""

    reference: Rows
    calibration: Rows
    test: Rows


def learned_from(parts: Split) -> dict[str, NDArray[np.intp]]:
    """Return the parts of which every column must hold a value."""
    return {"reference": parts.reference, "calibration": parts.calibration}


def split(rows: int, seed: int) -> Split:
    """Share out 40, 20, 20 and 20 percent of the rows at random, at most 10,000 to each but the last."""
    order = np.random.default_rng(seed).permutation(rows)
    sizes = [min(MOST_ROWS, int(rows * share)) for share in (0.4, 0.2, 0.2)]
    reference, unseen, calibration, test = np.split(order, np.cumsum(sizes))
    return Split(reference, unseen, calibration, test)
