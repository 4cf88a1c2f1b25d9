"""Splitting rows into disjoint parts, so that nothing is tested on the rows it was trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# More reference rows need more time and memory, and improve little.
MAX_ROWS = 10_000
Rows = NDArray[np.float64]


class Split(NamedTuple):
    """Disjoint positions of rows, one array of shape (rows,) for each part.

    Models and detectors are trained on `reference`. The predictions for `unseen` are the reference of the
    drift detector of predictions. Thresholds are chosen on `calibration`. Everything is tested on `test`.
    """

    reference: NDArray[np.intp]
    unseen: NDArray[np.intp]
    calibration: NDArray[np.intp]
    test: NDArray[np.intp]


class Parts(NamedTuple):
    """Disjoint rows at one stage of a pipeline, each array of shape (n, columns)."""

    reference: Rows
    calibration: Rows
    test: Rows


def training_parts(parts: Split) -> dict[str, NDArray[np.intp]]:
    """Return the parts in which every column must have a value."""
    return {"reference": parts.reference, "calibration": parts.calibration}


def split(rows: int, seed: int) -> Split:
    """Split the rows at random: 40, 20, 20 and 20 percent, at most 10,000 in each part but the last."""
    order = np.random.default_rng(seed).permutation(rows)
    sizes = [min(MAX_ROWS, int(rows * share)) for share in (0.4, 0.2, 0.2)]
    reference, unseen, calibration, test = np.split(order, np.cumsum(sizes))
    return Split(reference, unseen, calibration, test)
