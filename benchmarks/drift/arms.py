"""The compared ways to call a window drift, all applied to the same windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.drift.populations import Population, Split
from detectors.drift.calibration import Calibration, drawn_effects, thresholds
from detectors.drift.judgement import Judgement
from detectors.drift.tabular import TabularDrift
from detectors.results import DriftResult

DRAWS = 2_000


class Arm(NamedTuple):
    """One way to call a window drift: `is_drift`, if `min_effect` is None, or a state.

    `level` is the stated share of false alarms: the level of the tests, or the rate of the calibration.
    """

    name: str
    level: float
    min_effect: float | None = None
    calibrated: bool = False

    def calls(self, result: DriftResult, rows: int, calibrations: Mapping[float, Calibration]) -> bool:
        """Return whether the window of this result is called drift."""
        if self.min_effect is None:
            return bool(result.is_drift)
        judgement = Judgement(min_n=min(rows, Judgement().min_n), min_effect=self.min_effect)
        learned = [calibrations[self.level]] if self.calibrated else []
        return judgement.state(result, rows, learned) == "DRIFT"


_DEFAULT = Judgement().min_effect
ARMS = (
    Arm("is_drift", 0.05),
    Arm("DRIFT", 0.05, _DEFAULT),
    Arm("calibrated .01", 0.01, _DEFAULT, True),
    Arm("calibrated .05", 0.05, _DEFAULT, True),
    Arm("calibrated .01, min_effect 0", 0.01, 0.0, True),
    Arm("calibrated .05, min_effect 0", 0.05, 0.0, True),
)


def detector_of(population: Population, split: Split) -> TabularDrift:
    """Return the detector of a split's reference."""
    return TabularDrift(
        split.reference, categories_per_feature=dict.fromkeys(population.features.categorical)
    )


def calibrations_of(detector: TabularDrift, split: Split, size: int) -> dict[float, Calibration]:
    """Calibrate a detector for windows of a size at all rates, as `calibrate` does, from the same draws."""
    effects = drawn_effects(detector, split.pool, size, DRAWS)
    return {
        rate: Calibration(size, rate, thresholds(effects, rate), len(split.pool), DRAWS)
        for rate in {arm.level for arm in ARMS if arm.calibrated}
    }
