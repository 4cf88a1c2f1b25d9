from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from detectors.chi_square import ChiSquare

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
    assert test.test([0.0, np.nan, 1.0]) == test.test([0.0, 1.0])


def test_a_window_without_any_value_shows_nothing() -> None:
    assert ChiSquare([0.0, 1.0]).test([np.nan, np.nan]) == (0.0, 1.0, 0, 0.0)


def test_a_reference_without_any_known_category_is_refused() -> None:
    with pytest.raises(ValueError, match="known category"):
        ChiSquare([5.0, 6.0], categories=[0, 1])
