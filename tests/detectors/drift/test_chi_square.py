from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from detectors.counts import MOST_UNKNOWN
from detectors.drift.chi_square import ChiSquare
from detectors.results import FeatureResult

codes = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=80)


@given(codes, codes)
def test_windows_are_tested_as_scipy_does(reference: list[float], window: list[float]) -> None:
    every = sorted(set(reference) | set(window))
    table = [[values.count(code) for code in every] for values in (reference, window)]
    expected = chi2_contingency(table)
    result = ChiSquare(reference).test(window)
    assert result.distance == pytest.approx(np.float32(expected.statistic), rel=1e-7)
    assert result.p_val == pytest.approx(np.float32(expected.pvalue), rel=1e-6)


def test_two_categories_get_yates_correction() -> None:
    expected = chi2_contingency([[50, 50], [20, 5]], correction=True)
    result = ChiSquare([0] * 50 + [1] * 50).test([0] * 20 + [1] * 5)
    assert result.distance == np.float32(expected.statistic)


def test_a_declared_category_that_nobody_has_changes_nothing() -> None:
    reference, window = [0.0] * 30 + [1.0] * 20, [0.0] * 5 + [1.0] * 9
    assert ChiSquare(reference, range(20)).test(window) == ChiSquare(reference).test(window)


def test_an_unseen_category_counts_as_one_more() -> None:
    expected = chi2_contingency([[30, 20, 0], [5, 5, 4]])
    result = ChiSquare([0.0] * 30 + [1.0] * 20).test([0.0] * 5 + [1.0] * 5 + [7.0] * 4)
    assert result.p_val == np.float32(expected.pvalue)


def test_a_single_category_shows_nothing() -> None:
    result = ChiSquare([2.0] * 10).test([2.0] * 3)
    assert (result.distance, result.p_val) == (0.0, 1.0)


def test_missing_values_are_no_members_of_the_sample() -> None:
    test = ChiSquare([0.0, 0.0, 1.0, np.nan])
    assert test.test([0.0, np.nan, 1.0])._replace(missing=0) == test.test([0.0, 1.0])
    assert test.test([0.0, np.nan, 1.0]).missing == 1


def test_a_window_without_any_value_shows_nothing() -> None:
    assert ChiSquare([0.0, 1.0]).test([np.nan, np.nan]) == FeatureResult.without_values(missing=2)


def test_unknown_categories_are_counted() -> None:
    assert ChiSquare([0.0, 0.0, 1.0], categories=[0, 1, 2]).test([0.0, 2.0, 3.0, 3.0]).unseen == 2


@given(codes, st.lists(st.integers(0, 9).map(float), max_size=40), st.lists(st.integers(0, 9).map(float)))
def test_counts_of_parts_are_tested_as_the_whole(
    reference: list[float], one: list[float], other: list[float]
) -> None:
    test = ChiSquare(reference)
    assert test.judge(test.add([test.count(other), test.count(one)])) == test.test(one + other)


def test_a_flood_of_unknown_categories_takes_bounded_memory() -> None:
    test = ChiSquare([0.0, 1.0])
    rng = np.random.default_rng(0)
    flood = np.append(rng.permutation(50_000) + 2.0, 0.0)
    parts = [test.count(part) for part in np.array_split(flood, 7)]
    whole = test.count(flood)
    assert len(whole.keys) == MOST_UNKNOWN + 2
    assert test.judge(test.add(parts)) == test.judge(test.add(parts[::-1])) == test.judge(whole)
    assert test.judge(whole).unseen == 50_000


def test_a_reference_without_any_known_category_is_refused() -> None:
    with pytest.raises(ValueError, match="known category"):
        ChiSquare([5.0, 6.0], categories=[0, 1])
