"""What a verdict is worth: state and guilty features, beside the arithmetic that alone says `is_drift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from detectors.drift.calibration import Calibration, least_effect
from detectors.results import DriftResult

State = Literal["OK", "DRIFT", "VIOLATION", "INSUFFICIENT_DATA", "SUPERSEDED"]
# With this share of the expected values or more, chance moves an effect by less than a sixth further.
_ENOUGH = 0.75
# At most so many windows that miss no more values than the reference does have a feature with too few.
_LEVEL = 0.01


class Judgement(NamedTuple):
    """Below `min_n` rows a window says nothing; a significant difference below `min_effect` is harmless.

    On census data, windows drawn from the reference's own distribution make Bonferroni-corrected tests
    fire on 23 % of windows of 100 rows, 14 % of 300 and 6 % of 1,000 (docs/detectors.md). An effect of 0.1
    is a distance of 0.1 between distribution functions, or a Cramér's V of 0.1 (Cohen's "small"). Where the
    detector was calibrated, what is significant is learned instead of computed: a feature must move further
    than windows without drift do. Windows of a calibrated size are never too short.

    The same holds for each feature: one with fewer than `min_n` values cannot be judged, where the reference
    leads to expect more.
    """

    min_n: int = 200
    min_effect: float = 0.1

    def state(self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()) -> State:
        """Judge a window of so many rows: drift of one feature counts, whatever the others miss."""
        if rows < self.least_rows(calibrations):
            return "INSUFFICIENT_DATA"
        if self.guilty(result, rows, calibrations).any():
            return "DRIFT"
        return "INSUFFICIENT_DATA" if self.insufficient(result, rows, calibrations).any() else "OK"

    def least_rows(self, calibrations: Sequence[Calibration] = ()) -> int:
        """Return how many rows a window needs to be judged."""
        return min([self.min_n, *(one.window for one in calibrations)])

    def insufficient(
        self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()
    ) -> NDArray[np.bool_]:
        """Return which columns have too few values to be judged: shape (features,).

        They have fewer values than a window needs rows, and fewer than three quarters of those that the
        reference leads to expect, with `reference_missing` as the share of missing values. A column that is
        often missing in the reference has few values by chance too: the one-sided exact binomial test
        (Clopper & Pearson 1934, Biometrika 26) must exclude that, its level 0.01 divided by the number of
        columns (Bonferroni).
        """
        n, share = result.n, np.broadcast_to(result.reference_missing, result.n.shape)
        few = (n < self.least_rows(calibrations)) & (n < _ENOUGH * (1 - share) * rows)
        if not few.any():
            return few
        by_chance = binom.sf(result.missing - 1, np.maximum(rows, 1), share)
        return np.asarray(few & (by_chance < _LEVEL / len(n)))

    def guilty(
        self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()
    ) -> NDArray[np.bool_]:
        """Tell which columns moved significantly and far enough: shape (features,).

        A column with too few values is not guilty: of few, chance alone moves the effect far.
        """
        enough = ~self.insufficient(result, rows, calibrations)
        if not calibrations:
            return np.asarray(enough & result.significant & (result.effect >= self.min_effect))
        least = least_effect(calibrations, rows, len(result.effect))
        return np.asarray(enough & (result.effect >= np.maximum(self.min_effect, least)))


def order(
    result: DriftResult, guilty: NDArray[np.bool_], insufficient: NDArray[np.bool_] | bool = False
) -> list[int]:
    """Return the columns as a reader needs them: guilty ones, those with too few values, then significant
    ones, each by effect."""
    too_few = np.broadcast_to(insufficient, guilty.shape)
    return [int(i) for i in np.lexsort((-result.effect, ~result.significant, ~too_few, ~guilty))]


def ranked(
    result: DriftResult,
    guilty: NDArray[np.bool_],
    features: Sequence[str],
    insufficient: NDArray[np.bool_] | bool = False,
) -> list[str]:
    """Name the features in the `order` of their columns.

    `features` names each column's feature, shape (columns,): the columns of one encoded category share
    theirs, and the feature counts as its most moved column.
    """
    return list(dict.fromkeys(features[i] for i in order(result, guilty, insufficient)))
