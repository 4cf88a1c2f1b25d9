from __future__ import annotations

import numpy as np

from detectors.judgement import Judgement, ranked
from detectors.results import DriftResult


def result(effect: list[float], rejected: list[bool]) -> DriftResult:
    n = len(effect)
    return DriftResult(
        int(any(rejected)),
        np.zeros(n, np.float32),
        np.zeros(n, np.float32),
        0.05,
        np.full(n, 500),
        np.array(effect),
        np.array(rejected),
    )


def test_a_short_window_has_no_state() -> None:
    assert Judgement(min_n=200).state(result([0.9], [True]), rows=199) == "INSUFFICIENT_DATA"
    assert Judgement(min_n=200).state(result([0.9], [True]), rows=200) == "DRIFT"


def test_a_significant_but_small_difference_is_harmless() -> None:
    assert Judgement(min_effect=0.1).state(result([0.09, 0.5], [True, False]), rows=500) == "OK"


def test_a_large_and_significant_difference_is_drift() -> None:
    assert Judgement(min_effect=0.1).state(result([0.1, 0.0], [True, False]), rows=500) == "DRIFT"


def test_rejected_features_rank_before_others_then_by_effect() -> None:
    judged = result([0.3, 0.1, 0.2, 0.9], [True, True, True, False])
    assert ranked(judged, ["a", "b", "c", "d"]) == ["a", "c", "b", "d"]


def test_the_columns_of_one_encoded_feature_count_once() -> None:
    judged = result([0.3, 0.1, 0.2], [True, True, True])
    assert ranked(judged, ["work", "age", "work"]) == ["work", "age"]
