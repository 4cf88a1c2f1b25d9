"""Checks of a detector's input rows: their width, and values that float32 cannot represent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = float(np.finfo(np.float32).max)


def require_width(x: ArrayLike, width: int) -> NDArray[Any]:
    """Return the rows unchanged, as an array of shape (n, width).

    Raises ValueError for rows of another width.
    """
    rows = np.asarray(x)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f"expected rows of {width} features, got shape {rows.shape}")
    return rows


def float32_rows(x: ArrayLike, width: int) -> NDArray[np.float32]:
    """Return rows of shape (n, width) as scikit-learn's trees read them; too large values become infinite.

    Raises ValueError for rows of another width.
    """
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(require_width(x, width), dtype=np.float32)


def bounded(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return rows as float64, clipped to the range of float32; NaN stays NaN."""
    return np.clip(np.asarray(rows, dtype=np.float64), -LARGEST, LARGEST)
