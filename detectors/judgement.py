"""What a verdict is worth: state and guilty features, beside the arithmetic that alone says `is_drift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.calibration import Calibration, least_effect
from detectors.results import DriftResult

State = Literal["OK", "DRIFT", "VIOLATION", "INSUFFICIENT_DATA", "SUPERSEDED"]


class Judgement(NamedTuple):
    """Below `min_n` rows a window says nothing; a significant difference below `min_effect` is harmless.

    On census data, windows drawn from the reference's own distribution make Bonferroni-corrected tests
    fire on 23 % of windows of 100 rows, 14 % of 300 and 6 % of 1,000 (docs/detectors.md). An effect of 0.1
    is a distance of 0.1 between distribution functions, or a Cramér's V of 0.1 (Cohen's "small"). Where the
    detector was calibrated, what is significant is learned instead of computed: a feature must move further
    than windows without drift do. Windows of a calibrated size are never too short.
    """

    min_n: int = 200
    min_effect: float = 0.1

    def state(self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()) -> State:
        """Judge a window of so many rows."""
        if rows < min([self.min_n, *(one.window for one in calibrations)]):
            return "INSUFFICIENT_DATA"
        return "DRIFT" if bool(self.guilty(result, rows, calibrations).any()) else "OK"

    def guilty(
        self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()
    ) -> NDArray[np.bool_]:
        """Tell which columns moved significantly and far enough: shape (features,)."""
        if not calibrations:
            return np.asarray(result.significant & (result.effect >= self.min_effect))
        least = least_effect(calibrations, rows, len(result.effect))
        return np.asarray(result.effect >= np.maximum(self.min_effect, least))


def order(result: DriftResult, guilty: NDArray[np.bool_]) -> list[int]:
    """Return the columns, the most moved first: guilty ones, then significant ones, each by effect."""
    return [int(i) for i in np.lexsort((-result.effect, ~result.significant, ~guilty))]


def ranked(result: DriftResult, guilty: NDArray[np.bool_], features: Sequence[str]) -> list[str]:
    """Name the features that moved most first.

    `features` names each column's feature, shape (columns,): the columns of one encoded category share
    theirs, and the feature counts as its most moved column.
    """
    return list(dict.fromkeys(features[i] for i in order(result, guilty)))
