from __future__ import annotations

import numpy as np
import pytest
from alibi_detect.cd import KSDrift

from detectors.drift.calibration import Calibration, least_effect
from detectors.drift.judgement import Judgement, ranked_features
from detectors.drift.tabular import TabularDrift
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
        unseen=none,
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


def test_drifted_features_rank_before_others_then_by_effect() -> None:
    judged = result([0.3, 0.1, 0.2, 0.9, 0.4], [True, True, True, False, True])
    drifted = np.array([True, True, True, False, False])
    assert ranked_features(judged, drifted, ["a", "b", "c", "d", "e"]) == ["a", "c", "b", "e", "d"]


def test_the_columns_of_one_encoded_feature_count_once() -> None:
    judged = result([0.3, 0.1, 0.2], [True, True, True])
    assert ranked_features(judged, np.ones(3, dtype=bool), ["work", "age", "work"]) == ["work", "age"]


def test_where_it_was_calibrated_a_feature_must_move_further_than_by_chance() -> None:
    judged = result([0.14, 0.3], [True, True])
    calibrations = [calibration(500, 0.15, 0.4)]
    assert Judgement().state(judged, rows=500) == "DRIFT"
    assert Judgement().state(judged, rows=500, calibrations=calibrations) == "OK"
    assert Judgement().drifted(judged, 500, [calibration(500, 0.12, 0.4)]).tolist() == [True, False]


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


RNG = np.random.default_rng(0)


def with_missing(
    present: int, rows: int, reference_missing: float = 0.0, other: float = 0.0
) -> tuple[TabularDrift, DriftResult]:
    """Test a window of a feature with so many values beside a complete one that moved by `other`."""
    reference = RNG.normal(size=(20_000, 2))
    reference[RNG.random(len(reference)) < reference_missing, 0] = np.nan
    window = RNG.normal(size=(rows, 2)) + np.array([0, other])
    window[present:, 0] = np.nan
    detector = TabularDrift(reference)
    return detector, detector.test(window)


@pytest.mark.parametrize("present", [0, 1, 50, 199])
def test_a_feature_with_too_few_values_cannot_be_judged(present: int) -> None:
    _, judged = with_missing(present, 500)
    assert Judgement().insufficient(judged, 500).tolist() == [True, False]
    assert Judgement().state(judged, 500) == "INSUFFICIENT_DATA"


@pytest.mark.parametrize("present", [200, 300, 500])
def test_a_feature_with_enough_values_is_judged(present: int) -> None:
    _, judged = with_missing(present, 500)
    assert Judgement().state(judged, 500) == "OK"


@pytest.mark.parametrize("present", [0, 199])
def test_drift_of_another_feature_counts_whatever_is_missing(present: int) -> None:
    _, judged = with_missing(present, 500, other=1.0)
    assert Judgement().state(judged, 500) == "DRIFT"
    assert Judgement().drifted(judged, 500).tolist() == [False, True]


def test_few_values_have_not_drifted_however_far_they_moved() -> None:
    judged = TabularDrift(RNG.normal(size=(5_000, 1))).test(
        np.where(np.arange(500) < 60, 9.0, np.nan)[:, None]
    )
    assert judged.is_drift == 1, "the arithmetic stays what it is"
    assert Judgement().drifted(judged, 500).tolist() == [False]
    assert Judgement().state(judged, 500) == "INSUFFICIENT_DATA"


def test_a_window_that_is_just_long_enough_may_miss_some_values() -> None:
    assert Judgement(min_n=200).state(with_missing(199, 200)[1], 200) == "OK"
    assert Judgement(min_n=200).state(with_missing(150, 200)[1], 200) == "OK"
    assert Judgement(min_n=200).state(with_missing(149, 200)[1], 200) == "INSUFFICIENT_DATA"


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99, 0.998])
def test_a_feature_that_is_often_missing_in_the_reference_leaves_windows_their_verdict(share: float) -> None:
    detector, _ = with_missing(0, 500, share)
    assert detector.reference_missing[0] == pytest.approx(share, abs=0.02)
    states = []
    for _ in range(300):
        window = RNG.normal(size=(500, 2))
        window[RNG.random(500) < share, 0] = np.nan
        states.append(Judgement().state(detector.test(window), 500))
    assert states.count("INSUFFICIENT_DATA") <= 9, (
        "1 % of windows at most: above 9 of 300 by a chance of 0.1 %"
    )


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.98])
def test_a_feature_that_is_often_missing_is_missed_all_the_same_where_it_is_gone(share: float) -> None:
    _, judged = with_missing(0, 500, share)
    assert Judgement().state(judged, 500) == "INSUFFICIENT_DATA"


def test_a_feature_that_is_seldom_there_may_be_missing_in_a_window() -> None:
    assert Judgement().state(with_missing(0, 500, 0.998)[1], 500) == "OK"


def test_values_that_are_missing_leave_the_arithmetic_that_of_alibi_detect() -> None:
    reference, window = RNG.normal(size=(1_000, 2)), RNG.normal(size=(400, 2)) + np.array([0, 1])
    theirs = KSDrift(reference[:, 1:], p_val=0.025).predict(window[:, 1:], drift_type="feature")["data"]
    window[:, 0] = np.nan
    judged = TabularDrift(reference).test(window)
    assert (judged.is_drift, judged.p_val[1], judged.distance[1]) == (
        theirs["is_drift"][0],
        theirs["p_val"][0],
        theirs["distance"][0],
    )
    assert (judged.p_val[0], judged.distance[0]) == (1, 0)


def test_where_it_was_calibrated_as_many_values_are_enough_as_rows() -> None:
    calibrations = [calibration(50, 0.2, 0.2)]
    assert Judgement().state(with_missing(50, 500)[1], 500, calibrations) == "OK"
    assert Judgement().state(with_missing(49, 500)[1], 500, calibrations) == "INSUFFICIENT_DATA"


def test_features_without_values_rank_behind_drifted_ones_and_before_the_others() -> None:
    judged = result([0.3, 0.0, 0.2, 0.9], [True, False, True, False])
    drifted, insufficient = np.array([True, False, False, False]), np.array([False, True, False, False])
    assert ranked_features(judged, drifted, ["a", "b", "c", "d"], insufficient) == ["a", "b", "c", "d"]
