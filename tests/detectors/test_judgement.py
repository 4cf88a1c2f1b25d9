from __future__ import annotations

import numpy as np

from detectors.calibration import Calibration, least_effect
from detectors.judgement import Judgement, ranked
from detectors.results import DriftResult


def result(effect: list[float], significant: list[bool]) -> DriftResult:
    n = len(effect)
    nothing, none = np.zeros(n, np.float32), np.zeros(n, dtype=np.int64)
    return DriftResult(
        is_drift=int(any(significant)),
        distance=nothing,
        p_val=nothing,
        threshold=0.05,
        rejected=np.array(significant),
        significant=np.array(significant),
        n=np.full(n, 500),
        effect=np.array(effect),
        psi=np.zeros(n),
        missing=none,
        outside=none,
    )


def calibration(window: int, *effect: float) -> Calibration:
    return Calibration(window, 0.01, np.array(effect), 5_000, 2_000)


def test_a_short_window_has_no_state() -> None:
    assert Judgement(min_n=200).state(result([0.9], [True]), rows=199) == "INSUFFICIENT_DATA"
    assert Judgement(min_n=200).state(result([0.9], [True]), rows=200) == "DRIFT"


def test_a_significant_but_small_difference_is_harmless() -> None:
    assert Judgement(min_effect=0.1).state(result([0.09, 0.5], [True, False]), rows=500) == "OK"


def test_a_large_and_significant_difference_is_drift() -> None:
    assert Judgement(min_effect=0.1).state(result([0.1, 0.0], [True, False]), rows=500) == "DRIFT"


def test_guilty_features_rank_before_others_then_by_effect() -> None:
    judged = result([0.3, 0.1, 0.2, 0.9, 0.4], [True, True, True, False, True])
    guilty = np.array([True, True, True, False, False])
    assert ranked(judged, guilty, ["a", "b", "c", "d", "e"]) == ["a", "c", "b", "e", "d"]


def test_the_columns_of_one_encoded_feature_count_once() -> None:
    judged = result([0.3, 0.1, 0.2], [True, True, True])
    assert ranked(judged, np.ones(3, dtype=bool), ["work", "age", "work"]) == ["work", "age"]


def test_where_it_was_calibrated_a_feature_must_move_further_than_by_chance() -> None:
    judged = result([0.14, 0.3], [True, True])
    calibrations = [calibration(500, 0.15, 0.4)]
    assert Judgement().state(judged, rows=500) == "DRIFT"
    assert Judgement().state(judged, rows=500, calibrations=calibrations) == "OK"
    assert Judgement().guilty(judged, 500, [calibration(500, 0.12, 0.4)]).tolist() == [True, False]


def test_a_calibration_does_not_lower_the_least_effect() -> None:
    assert Judgement(min_effect=0.1).state(result([0.09], [True]), 500, [calibration(500, 0.02)]) == "OK"


def test_a_window_of_a_calibrated_size_is_never_too_short() -> None:
    judged = result([0.5], [True])
    calibrations = [calibration(50, 0.2), calibration(1_000, 0.1)]
    assert Judgement(min_n=200).state(judged, 50, calibrations) == "DRIFT"
    assert Judgement(min_n=200).state(judged, 49, calibrations) == "INSUFFICIENT_DATA"


def test_the_largest_calibrated_window_that_is_filled_counts() -> None:
    calibrations = [calibration(100, 0.2), calibration(1_000, 0.06)]
    assert least_effect(calibrations, 5_000, 1).tolist() == [0.06]
    assert least_effect(calibrations, 999, 1).tolist() == [0.2]
    assert least_effect(calibrations, 25, 1).tolist() == [0.4]
    assert least_effect([], 25, 2).tolist() == [0.0, 0.0]
