from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from detectors.drift.ks import KolmogorovSmirnov
from detectors.results import FeatureResult

few_values = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=60)
any_values = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60)


def assert_as_scipy(reference: list[float], window: list[float]) -> None:
    result = KolmogorovSmirnov(reference).test(window)
    if len(reference) == len(window) == 1:
        assert result.p_val == 1
        return
    expected = ks_2samp(reference, window, method="asymp")
    assert result.distance == np.float32(expected.statistic)
    assert result.p_val == np.float32(expected.pvalue)


@given(few_values, few_values)
def test_windows_full_of_ties_are_tested_as_scipy_does(reference: list[float], window: list[float]) -> None:
    assert_as_scipy(reference, window)


@given(any_values, any_values)
def test_continuous_windows_are_tested_as_scipy_does(reference: list[float], window: list[float]) -> None:
    assert_as_scipy(reference, window)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_large_samples_are_tested_as_scipy_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=10_000).round(int(rng.integers(0, 4)))
    window = rng.normal(rng.normal(scale=0.1), size=int(rng.integers(1, 3_000))).round(2)
    assert_as_scipy(reference.tolist(), window.tolist())


@given(few_values, few_values, few_values)
def test_counts_of_parts_add_up_to_those_of_the_whole(
    reference: list[float], one: list[float], other: list[float]
) -> None:
    ks = KolmogorovSmirnov(reference)
    whole, parts = ks.count(one + other), ks.add([ks.count(other), ks.count(one)])
    assert np.array_equal(parts.keys, whole.keys)
    assert np.array_equal(parts.counts, whole.counts)


def test_missing_values_are_no_members_of_the_sample() -> None:
    ks = KolmogorovSmirnov([1.0, 2.0, np.nan, 3.0])
    assert ks.test([1.0, np.nan, 5.0])._replace(missing=0) == ks.test([1.0, 5.0])
    assert ks.test([1.0, np.nan, 5.0])[2] == 2
    assert ks.test([1.0, np.nan, 5.0]).missing == 1


def test_a_window_without_any_value_shows_nothing() -> None:
    assert KolmogorovSmirnov([1.0, 2.0]).test([np.nan]) == FeatureResult.without_values(missing=1)


def test_values_beyond_the_reference_are_counted() -> None:
    assert KolmogorovSmirnov([1.0, 2.0, 5.0]).test([0.9, 1.0, 3.0, 5.0, 5.1, np.inf]).unseen == 3


def test_a_reference_without_any_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        KolmogorovSmirnov([np.nan])


def test_the_window_is_left_as_it_was() -> None:
    window = np.array([3.0, np.nan, 1.0])
    KolmogorovSmirnov([1.0, 2.0]).test(window)
    assert np.array_equal(window, [3.0, np.nan, 1.0], equal_nan=True)
