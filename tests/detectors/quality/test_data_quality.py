from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from detectors.counts import Counts
from detectors.quality.data_quality import Feature, Quality, quality_of
from detectors.quality.issues import ISSUES

AGE = Feature("age", 17, 90, missing=0.05)
WORK = Feature("work", categories=("Private", "State"))
QUALITY = Quality([AGE, WORK])

issues_of = st.lists(st.tuples(*[st.integers(0, 4)] * 2), min_size=1, max_size=60).map(
    lambda rows: np.array(rows, dtype=np.uint8)
)


def window(rows: int, bad: int, code: int, feature: int = 0) -> list[Counts]:
    """Counts of a window with so many values of one issue."""
    issues = np.zeros((rows, 2), dtype=np.uint8)
    issues[:bad, feature] = code
    return QUALITY.count(issues)


def assert_same(one: list[Counts], other: list[Counts]) -> None:
    for mine, yours in zip(one, other, strict=True):
        assert mine.keys.tolist() == yours.keys.tolist()
        assert mine.counts.tolist() == yours.counts.tolist()


def test_every_value_of_every_feature_has_a_code() -> None:
    age = np.array([30, None, 200, "x"], dtype=object)
    issues = QUALITY.check([age, np.array([0.0, np.nan, 7.0, 0.5])])
    assert issues.tolist() == [[0, 0], [1, 1], [2, 3], [4, 4]]
    assert issues.dtype == np.uint8


def test_another_number_of_columns_is_an_error() -> None:
    with pytest.raises(ValueError, match="there are 1 columns for 2 features"):
        QUALITY.check([np.zeros(3)])
    with pytest.raises(ValueError, match=r"codes have shape \[3, 1\] for 2 features"):
        QUALITY.count(np.zeros((3, 1), dtype=np.uint8))


@given(issues_of)
def test_counts_hold_every_row_once_under_its_issue(issues: NDArray[np.uint8]) -> None:
    counts = QUALITY.count(issues)
    assert [one.n for one in counts] == [len(issues)] * 2
    for column, one in zip(issues.T, counts, strict=True):
        keys, expected = np.unique(column, return_counts=True)
        assert one.keys.tolist() == keys.tolist()
        assert one.counts.tolist() == expected.tolist()


@given(issues_of, st.data())
def test_parts_of_a_window_add_up_in_any_order_of_rows(issues: NDArray[np.uint8], data: Any) -> None:
    whole = QUALITY.count(issues)
    mixed = issues[data.draw(st.permutations(range(len(issues))))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(issues)), max_size=4)))
    assert_same(QUALITY.add([QUALITY.count(part) for part in np.split(mixed, cuts)]), whole)


@given(issues_of, st.floats(0, 0.99))
def test_the_order_of_rows_does_not_matter_to_the_verdict(
    issues: NDArray[np.uint8], tolerance: float
) -> None:
    one, other = (QUALITY.judge(QUALITY.count(rows), tolerance) for rows in (issues, issues[::-1]))
    assert all(np.array_equal(mine, yours) for mine, yours in zip(one, other, strict=True))


@given(issues_of, st.floats(0, 0.99))
def test_a_violation_is_the_verdict_of_an_exact_binomial_test_at_its_part_of_one_percent(
    issues: NDArray[np.uint8], tolerance: float
) -> None:
    result = QUALITY.judge(QUALITY.count(issues), tolerance)
    for f, feature in enumerate((AGE, WORK)):
        for i in range(4):
            found = int((issues[:, f] == i + 1).sum())
            allowed = min(1.0, tolerance + (feature.missing if i == 0 else 0))
            p = binomtest(found, len(issues), allowed, "greater").pvalue
            assert result.counts[f, i] == found
            assert result.shares[f, i] == found / len(issues)
            assert result.violates[f, i] == (found / len(issues) > allowed and p < 0.01 / 6)


@pytest.mark.parametrize("rows", [5, 20, 100, 200])
@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_one_odd_value_in_a_short_window_is_no_violation(rows: int, code: int) -> None:
    assert not QUALITY.judge(window(rows, 1, code), tolerance=0.01).is_violation


@pytest.mark.parametrize("code", [2, 3, 4])
def test_more_than_tolerated_is_a_violation_of_the_feature_and_issue(code: int) -> None:
    result = QUALITY.judge(window(1_000, 30, code, feature=1), tolerance=0.01)
    assert np.argwhere(result.violates).tolist() == [[1, code - 1]]
    assert result.is_violation == 1
    assert not QUALITY.judge(window(1_000, 30, code, feature=1), tolerance=0.05).is_violation


def test_missing_values_are_measured_against_those_of_the_reference() -> None:
    assert not QUALITY.judge(window(1_000, 60, code=1), tolerance=0.01).is_violation
    assert QUALITY.judge(window(1_000, 60, code=1, feature=1), tolerance=0.01).is_violation
    assert QUALITY.judge(window(1_000, 100, code=1), tolerance=0.01).is_violation


def test_with_no_tolerance_every_value_counts() -> None:
    assert QUALITY.judge(window(10_000, 1, code=2), tolerance=0).is_violation
    assert not QUALITY.judge(window(10_000, 0, code=2), tolerance=0).is_violation


@pytest.mark.parametrize("rows", [3, 50, 500])
def test_at_most_one_window_in_a_hundred_violates_where_all_shares_are_what_they_may_be(rows: int) -> None:
    features = [Feature(str(i), missing=0.02) for i in range(8)]
    quality, rng, violations = Quality(features), np.random.default_rng(rows), 0
    for _ in range(3_000):
        issues = rng.choice([0, 1, 2, 4], size=(rows, 8), p=[0.95, 0.03, 0.01, 0.01])
        violations += quality.judge(quality.count(issues), tolerance=0.01).is_violation
    assert violations <= 3_000 * 0.01


def test_a_feature_that_the_reference_never_held_may_miss_all_values() -> None:
    quality = quality_of([[np.nan, 1.0]], ["gone", "there"])
    issues = quality.check([np.full(500, np.nan), np.ones(500)])
    assert not quality.judge(quality.count(issues), tolerance=0.01).is_violation


def test_the_worst_features_are_those_that_violate_then_those_closest_to_it() -> None:
    quality = Quality([Feature(name) for name in "abcd"])
    issues = np.zeros((1_000, 4), dtype=np.uint8)
    issues[:8, 1], issues[:50, 2], issues[:300, 3] = 2, 4, 1
    assert quality.judge(quality.count(issues), tolerance=0.01).worst().tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("tolerance", [-0.01, 1.0, float("nan")])
def test_a_tolerance_that_is_no_share_is_an_error(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must be a share from 0 to below 1"):
        QUALITY.judge(window(10, 0, 1), tolerance)


def test_the_reference_gives_ranges_categories_and_shares_of_missing_values() -> None:
    rows = np.array([[17.0, 0], [90, 1], [np.nan, 1], [np.inf, np.nan]])
    assert quality_of(rows, ["age", "work"], {"work": ["Private", "State"]}).features == (
        Feature("age", 17, 90, None, 0.25),
        Feature("work", categories=("Private", "State"), missing=0.25),
    )


@given(st.lists(st.lists(st.floats(allow_infinity=False), min_size=3, max_size=3), min_size=1, max_size=30))
def test_a_reference_has_no_issues_but_its_own_missing_values(rows: list[list[float]]) -> None:
    table = np.array(rows)
    issues = quality_of(table, ["a", "b", "c"]).check(list(table.T))
    assert np.array_equal(issues, np.isnan(table))


@pytest.mark.parametrize(
    ("rows", "names", "categories", "message"),
    [
        ([[1.0]], ["a", "b"], {}, r"reference rows have shape \[1, 1\], but there are 2 names"),
        ([], [], {}, r"reference rows have shape \[0\]"),
        (np.zeros((0, 1)), ["a"], {}, r"reference rows have shape \[0, 1\]"),
        ([[1.0]], ["a"], {"b": ["x"]}, "categories are given for 'b', which is not a feature"),
    ],
)
def test_names_and_reference_that_do_not_go_together_are_an_error(
    rows: Any, names: list[str], categories: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        quality_of(rows, names, categories)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "there must be at least one feature"),
        ([AGE, AGE], "feature 'age' is listed twice; names must be unique"),
        ([Feature("a", 2, 1)], "feature 'a': the range is from 2 to 1; low must not be above high"),
        ([Feature("a", float("nan"), 1)], "the range is from nan to 1"),
        ([Feature("a", float("inf"))], "the range is from inf to inf"),
        ([Feature("a", missing=1.5)], "the share of missing values is 1.5"),
        ([Feature("a", missing=float("nan"))], "the share of missing values is nan"),
        ([Feature("a", categories=())], "categories must be unique texts, at least one"),
        ([Feature("a", categories=("x", "x"))], "categories must be unique texts, at least one"),
    ],
)
def test_features_that_make_no_sense_are_refused(features: list[Feature], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Quality(features)


def test_it_survives_pickling_and_answers_the_same_again() -> None:
    columns = [np.array([30.0, 500.0]), np.array(["State", "Mars"], dtype=object)]
    again = pickle.loads(pickle.dumps(QUALITY))
    assert again.features == QUALITY.features
    assert again.check(columns).tolist() == QUALITY.check(columns).tolist() == [[0, 0], [2, 3]]
    assert columns[0].tolist() == [30, 500]


def test_the_issues_have_the_order_of_their_codes() -> None:
    for code, issue in enumerate(ISSUES, start=1):
        counts = QUALITY.judge(window(10, 3, code), tolerance=0.01).counts
        assert counts[0, ISSUES.index(issue)] == 3
        assert counts.sum() == 3
