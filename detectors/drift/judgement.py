"""Judgement of a window: its state and its drifted features, besides the raw test result `is_drift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from detectors.drift.calibration import Calibration, least_effect
from detectors.results import DriftResult

State = Literal["OK", "DRIFT", "VIOLATION", "INSUFFICIENT_DATA", "SUPERSEDED"]
# With this share of the expected values or more, the effect of chance is less than a sixth larger.
_ENOUGH = 0.75
# The highest share of false alarms of `insufficient`: windows with no more missing values than the reference.
_LEVEL = 0.01


class Judgement(NamedTuple):
    """Rules for the state of a window.

    A window with fewer than `min_n` rows has insufficient data. A significant difference with an effect below
    `min_effect` is not drift.

    On census data without drift, the Bonferroni-corrected tests fire on 23 % of windows of 100 rows, 14 % of
    300 and 6 % of 1,000 (docs/detectors.md). An effect of 0.1 is a distance of 0.1 between distribution
    functions, or a Cramér's V of 0.1 (Cohen's "small").

    A calibrated detector learns what is significant instead of computing it: the effect of a feature must be
    larger than in windows without drift. Windows of a calibrated size always have sufficient data.

    A feature with fewer than `min_n` values cannot be judged either, if more are expected from the reference.
    """

    min_n: int = 200
    min_effect: float = 0.1

    def state(self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()) -> State:
        """Return the state of a window of `rows` rows.

        Drift of one feature is enough, even if other features have too few values.
        """
        if rows < self.least_rows(calibrations):
            return "INSUFFICIENT_DATA"
        if self.drifted(result, rows, calibrations).any():
            return "DRIFT"
        return "INSUFFICIENT_DATA" if self.insufficient(result, rows, calibrations).any() else "OK"

    def least_rows(self, calibrations: Sequence[Calibration] = ()) -> int:
        """Return the smallest number of rows with which a window is judged."""
        return min([self.min_n, *(calibration.window for calibration in calibrations)])

    def insufficient(
        self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()
    ) -> NDArray[np.bool_]:
        """Return which columns have too few values to be judged, shape (features,).

        Such a column has fewer values than `least_rows`, and fewer than three quarters of the expected ones,
        `(1 - reference_missing)·rows`. A column with many missing values in the reference can have few values
        by chance. A one-sided exact binomial test (Clopper & Pearson 1934, Biometrika 26) must therefore
        reject chance; its level of 0.01 is divided by the number of columns (Bonferroni).
        """
        n, share = result.n, np.broadcast_to(result.reference_missing, result.n.shape)
        few = (n < self.least_rows(calibrations)) & (n < _ENOUGH * (1 - share) * rows)
        if not few.any():
            return few
        by_chance = binom.sf(result.missing - 1, np.maximum(rows, 1), share)
        return np.asarray(few & (by_chance < _LEVEL / len(n)))

    def drifted(
        self, result: DriftResult, rows: int, calibrations: Sequence[Calibration] = ()
    ) -> NDArray[np.bool_]:
        """Return which columns drifted: significantly and with a sufficient effect, shape (features,).

        A column with too few values is not drifted, because chance alone can cause a large effect there.
        """
        enough = ~self.insufficient(result, rows, calibrations)
        if not calibrations:
            return np.asarray(enough & result.significant & (result.effect >= self.min_effect))
        least = least_effect(calibrations, rows, len(result.effect))
        return np.asarray(enough & (result.effect >= np.maximum(self.min_effect, least)))


def column_order(
    result: DriftResult, drifted: NDArray[np.bool_], insufficient: NDArray[np.bool_] | bool = False
) -> list[int]:
    """Return the columns' positions in the order of their importance.

    Guilty columns are first, then those with too few values, then significant ones, then all others. Within
    each group the largest effect is first.
    """
    too_few = np.broadcast_to(insufficient, drifted.shape)
    return [int(i) for i in np.lexsort((-result.effect, ~result.significant, ~too_few, ~drifted))]


def ranked_features(
    result: DriftResult,
    drifted: NDArray[np.bool_],
    features: Sequence[str],
    insufficient: NDArray[np.bool_] | bool = False,
) -> list[str]:
    """Return the names of the features in the `column_order` of their columns, each name once.

    `features`, shape (columns,), is the name of each column's feature. The columns of one encoded category
    share their feature; its position is that of its first column in the order.
    """
    return list(dict.fromkeys(features[i] for i in column_order(result, drifted, insufficient)))
