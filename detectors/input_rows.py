"""Rows that a detector takes: of the width it was trained on, finite where its arithmetic must be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = float(np.finfo(np.float32).max)


def of_width(x: ArrayLike, width: int) -> NDArray[Any]:
    """Return rows of shape (n, width) as they are; ValueError for rows of another width."""
    rows = np.asarray(x)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f"expected rows of {width} features, got shape {rows.shape}")
    return rows


def bounded(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return float64 rows in which what float32 cannot hold counts as its largest; NaN stay."""
    return np.clip(np.asarray(rows, dtype=np.float64), -LARGEST, LARGEST)
