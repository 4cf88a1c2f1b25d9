"""Finding and replacing unusable numbers: infinities, and numbers beyond the largest float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.input_rows import LARGEST

Rows = NDArray[np.float64]


class Unusable(NamedTuple):
    """The unusable values of one column: their number, the first one, and its row."""

    column: str
    times: int
    example: float
    row: int

    def __str__(self) -> str:
        """Return a clause: the column, the number of unusable values, the first of them and its row."""
        values = "1 value that is" if self.times == 1 else f"{self.times:,} values that are"
        return (
            f"column {self.column!r} contains {values} infinite or beyond {LARGEST:.1e}, first "
            f"{self.example:g} in row {self.row} (counted from 0)"
        )


def unusable(values: Rows) -> NDArray[np.bool_]:
    """Return a mask of the values that are infinite or beyond the largest float32.

    Neither tree models nor requests can contain such values.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(values) > LARGEST)


def usable(rows: Rows) -> Rows:
    """Return rows with NaN, as for a missing value, in place of unusable values."""
    return np.where(unusable(rows), np.nan, rows)


def unusable_as_infinity(rows: Rows) -> Rows:
    """Return rows with infinity in place of unusable values: it is not missing and not in any range."""
    return np.where(unusable(rows), np.inf, rows)


def find_unusable(
    rows: Rows, columns: Sequence[str], numbers: Sequence[int] | None = None
) -> Iterator[Unusable]:
    """Yield the unusable values of each column that has any.

    `numbers` are the rows' numbers in their table; the default is 0, 1, 2, …
    """
    for name, values, mask in zip(columns, rows.T, unusable(rows).T, strict=True):
        positions = np.flatnonzero(mask)
        if len(positions):
            first = int(positions[0])
            yield Unusable(
                name, len(positions), float(values[first]), first if numbers is None else numbers[first]
            )
