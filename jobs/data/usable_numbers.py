"""Numbers that no reference can hold: infinities, and what is beyond the largest float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.input_rows import LARGEST

Rows = NDArray[np.float64]


class Unusable(NamedTuple):
    """The values of one column that were left out: how many, one of them, and the row of the first."""

    column: str
    times: int
    example: float
    row: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        values = "1 value that is" if self.times == 1 else f"{self.times:,} values that are"
        return (
            f"column {self.column!r} holds {values} infinite or beyond {LARGEST:.1e}, first {self.example:g} "
            f"in row {self.row} (counted from 0)"
        )


def unusable(values: Rows) -> NDArray[np.bool_]:
    """Tell which values are infinite or beyond the largest float32, which trees and requests cannot hold."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(values) > LARGEST)


def usable(rows: Rows) -> Rows:
    """Return rows with NaN, as if missing, in the place of what is not usable."""
    return np.where(unusable(rows), np.nan, rows)


def endless(rows: Rows) -> Rows:
    """Return rows with infinity in the place of what is not usable: it is neither missing nor in a range."""
    return np.where(unusable(rows), np.inf, rows)


def left_out(rows: Rows, columns: Sequence[str], numbers: Sequence[int] | None = None) -> Iterator[Unusable]:
    """Yield what is not usable, for each column that has any; `numbers` are the rows' own, else from 0 on."""
    for name, values, odd in zip(columns, rows.T, unusable(rows).T, strict=True):
        at = np.flatnonzero(odd)
        if len(at):
            first = int(at[0])
            yield Unusable(name, len(at), float(values[first]), first if numbers is None else numbers[first])
