from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, kstwobign

from detectors.drift.calibration import calibrate
from detectors.drift.judgement import Judgement
from detectors.drift.tabular import TabularDrift
from tests.conftest import CENSUS_CATEGORICAL

Rows = NDArray[np.float64]
JUDGEMENT = Judgement(min_n=1, min_effect=0.0)
WINDOWS = 60


def rows(n: int, seed: int) -> Rows:
    """Two quantities that hang together, one full of ties, one category of many sparse values."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=n)
    shares = np.append(0.8, np.full(30, 0.2 / 30))
    return np.column_stack(
        [first, first + rng.normal(size=n), rng.poisson(2, n), rng.choice(31, n, p=shares)]
    )


def false_alarms(everything: Rows, categorical: tuple[int, ...], window: int, rate: float) -> tuple[int, int]:
    """Count windows called drift by calibrated detectors, over disjoint references, and all windows."""
    alarms = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(everything)
        reference, held_out, rest = np.split(shuffled, [len(shuffled) // 3, 2 * len(shuffled) // 3])
        detector = TabularDrift(reference, categories_per_feature=dict.fromkeys(categorical))
        calibrations = [calibrate(detector, held_out, window, rate, windows=400)]
        for _ in range(WINDOWS):
            drawn = rest[rng.choice(len(rest), window, replace=False)]
            alarms += JUDGEMENT.state(detector.test(drawn), window, calibrations) == "DRIFT"
    return alarms, 8 * WINDOWS


@pytest.mark.parametrize("window", [50, 300])
def test_windows_without_drift_alarm_no_more_often_than_stated(window: int) -> None:
    alarms, windows = false_alarms(rows(15_000, seed=1), (3,), window, rate=0.05)
    assert binom.sf(alarms - 1, windows, 0.05) > 0.01
    assert alarms > 0, "nothing that is never exceeded was measured"


def test_census_windows_without_drift_alarm_no_more_often_than_stated(census: Rows) -> None:
    alarms, windows = false_alarms(census, CENSUS_CATEGORICAL, 300, rate=0.05)
    assert binom.sf(alarms - 1, windows, 0.05) > 0.01


def one_hot(n: int, seed: int) -> Rows:
    """A quantity, and a column for each of 40 categories, most of which a window holds once or never."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 41) ** 2
    category = rng.choice(40, n, p=shares / shares.sum())
    return np.column_stack([rng.normal(size=n), category[:, None] == np.arange(40)])


def test_rare_categories_alarm_no_more_often_than_stated() -> None:
    alarms, windows = false_alarms(one_hot(15_000, seed=5), tuple(range(1, 41)), 300, rate=0.05)
    assert binom.sf(alarms - 1, windows, 0.05) > 0.01


def test_rare_categories_leave_the_thresholds_of_other_features_in_reach() -> None:
    """An effect is at most 1. A shift by half a standard deviation has a distance of about 0.2."""
    everything = one_hot(15_000, seed=6)
    detector = TabularDrift(everything[:5_000], categories_per_feature=dict.fromkeys(range(1, 41)))
    alone = calibrate(TabularDrift(everything[:5_000, :1]), everything[5_000:10_000, :1], 300, windows=1_000)
    together = calibrate(detector, everything[5_000:10_000], 300, windows=1_000)
    assert together.effect.max() < 1.0
    # One feature at 1 % and one of 41 at 1 % together: quantiles of Kolmogorov's distribution.
    wider = kstwobign.isf(0.01 / 41) / kstwobign.isf(0.01)
    assert together.effect[0] < alone.effect[0] * wider * 1.15
    moved = everything[10_000:10_300] + np.append(0.5, np.zeros(40))
    drifted = JUDGEMENT.drifted(detector.test(moved), 300, [together])
    assert drifted.tolist() == [True] + [False] * 40


def test_a_calibrated_detector_still_finds_drift() -> None:
    everything = rows(15_000, seed=2)
    detector = TabularDrift(everything[:5_000], categories_per_feature={3: None})
    calibrations = [calibrate(detector, everything[5_000:10_000], 300, windows=400)]
    moved = everything[10_000:10_300] + np.array([0.5, 0, 0, 0])
    result = detector.test(moved)
    assert Judgement().state(result, 300, calibrations) == "DRIFT"
    assert Judgement().drifted(result, 300, calibrations).tolist() == [True, False, False, False]


def test_the_same_seed_gives_the_same_thresholds() -> None:
    everything = rows(4_000, seed=3)
    detector = TabularDrift(everything[:2_000])
    one, other = (calibrate(detector, everything[2_000:], 100, 0.05, windows=100) for _ in range(2))
    assert np.array_equal(one.effect, other.effect)


def test_fewer_rows_than_a_window_are_refused() -> None:
    detector = TabularDrift(rows(500, seed=4))
    with pytest.raises(ValueError, match="a window of 100 rows needs at least 100 held-out rows, got 99"):
        calibrate(detector, rows(99, seed=5), 100)


def test_too_few_windows_for_the_rate_are_refused() -> None:
    detector = TabularDrift(rows(500, seed=4))
    with pytest.raises(ValueError, match=r"100 windows are too few for a rate of 0.001: draw 5000 or more"):
        calibrate(detector, rows(500, seed=5), 100, rate=0.001, windows=100)
