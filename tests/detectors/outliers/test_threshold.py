from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from alibi_detect.od import IForest
from alibi_detect.utils.perturbation import inject_outlier_tabular
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstest, truncnorm
from sklearn.metrics import f1_score, precision_score, recall_score

from detectors.outliers.threshold import inject_outliers, labelled_threshold, percentile_threshold

Rows = NDArray[np.float64]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return np.random.default_rng(0).normal([0, 50, -3], [1, 10, 0.1], size=(4_000, 3))


@pytest.mark.parametrize("percent", [50, 95, 99.5])
def test_a_share_of_rows_passes_the_threshold_that_alibi_detect_infers(rows: Rows, percent: float) -> None:
    theirs = IForest(threshold=0.0, n_estimators=10)
    theirs.fit(rows)
    theirs.infer_threshold(rows, threshold_perc=percent)
    assert percentile_threshold(theirs.score(rows), percent) == theirs.threshold


labelled = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({label for _, label in pairs}) == 2
)


@given(labelled)
def test_no_threshold_has_a_larger_f1(pairs: list[tuple[int, bool]]) -> None:
    scores, labels = (np.array(values) for values in zip(*pairs, strict=True))
    every = np.arange(-1, 10)
    f1 = [f1_score(labels, scores > value, zero_division=0.0) for value in every]
    found = labelled_threshold(scores, labels)
    flagged = scores > found.value
    assert found.f1 == pytest.approx(max(f1)) == pytest.approx(f1_score(labels, flagged, zero_division=0.0))
    assert found.precision == pytest.approx(precision_score(labels, flagged, zero_division=0.0))
    assert found.recall == pytest.approx(recall_score(labels, flagged, zero_division=0.0))
    assert found.false_positive_rate == pytest.approx(flagged[~labels].mean())
    equally_good = every[np.isclose(f1, max(f1))]
    flags = [(scores > value).sum() for value in equally_good]
    assert flagged.sum() == min(flags)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [True, True], "the labels mark 2 outliers and 0 other rows; a threshold needs"),
        ([1.0, 2.0], [False, False], "0 outliers and 2 other rows"),
        ([1.0, np.nan], [False, True], "1 of 2 scores are missing"),
        ([1.0, 2.0, 3.0], [False, True], "there are 3 scores and 2 labels"),
        ([], [], "there are no scores; at least one is needed"),
    ],
)
def test_labels_that_set_no_threshold_are_refused(scores: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labelled_threshold(scores, labels)


# Injected outliers.


def theirs(rows: Rows, columns: list[int], percent: int, **options: Any) -> Any:
    random.seed(1)
    np.random.seed(1)
    return inject_outlier_tabular(rows, columns, percent, **options)


def moved(before: Rows, after: Rows, column: int) -> Rows:
    """How far the perturbed values moved, in standard deviations of their column, in float32 precision."""
    distance = np.round((after - before)[:, column] / before[:, column].std(), 4)
    return distance[distance != 0]


@pytest.mark.parametrize(("n_std", "min_std"), [(8.0, 6.0), (2.0, 1.0)])
def test_values_move_as_alibi_detect_moves_them(rows: Rows, n_std: float, min_std: float) -> None:
    columns = [0, 2]
    ours = inject_outliers(rows, columns, 50, n_std, min_std)
    expected = theirs(rows, columns, 50, n_std=n_std, min_std=min_std)
    for column in columns:
        one, other = moved(rows, ours.rows, column), moved(rows, expected.data, column)
        assert len(one) == len(other) == 1_000
        assert ks_2samp(one, other).pvalue > 0.01
        assert np.abs(one).min() == pytest.approx(min_std) == pytest.approx(np.abs(other).min(), rel=1e-3)
        beyond = one[np.abs(one) > min_std * 1.0001]
        truncated = np.abs(beyond) / n_std
        assert kstest(truncated, truncnorm(min_std / n_std, np.inf).cdf).pvalue > 0.01


def test_as_many_rows_are_perturbed_as_by_alibi_detect(rows: Rows) -> None:
    ours, expected = inject_outliers(rows, [0, 1, 2], 10), theirs(rows, [0, 1, 2], 10)
    for column in range(3):
        assert (ours.rows != rows)[:, column].sum() == int(4_000 * 0.1 / 3)
    assert abs(ours.is_outlier.sum() - expected.target.sum()) < 30
    assert np.array_equal(ours.is_outlier, (ours.rows != rows).any(axis=1))


def test_other_columns_and_the_given_rows_stay(rows: Rows) -> None:
    before = rows.copy()
    ours = inject_outliers(rows, [1], 10, rng=3)
    assert np.array_equal(rows, before)
    assert np.array_equal(ours.rows[:, [0, 2]], rows[:, [0, 2]])


def test_a_seed_perturbs_the_same(rows: Rows) -> None:
    one, other, third = (inject_outliers(rows, [0], 10, rng=seed) for seed in (5, 5, 6))
    assert np.array_equal(one.rows, other.rows)
    assert not np.array_equal(one.is_outlier, third.is_outlier)


def test_what_is_missing_stays_missing(rows: Rows) -> None:
    holes = rows.copy()
    holes[::2, 0] = np.nan
    ours = inject_outliers(holes, [0], 100, 8, 6)
    assert np.array_equal(np.isnan(ours.rows), np.isnan(holes))
    assert (np.abs(ours.rows - holes)[1::2, 0] > 5).all()


@pytest.mark.parametrize(("columns", "percent"), [([], 10), ([0, 1, 2], 0.05), ([0], 0), ([0], 101)])
def test_perturbing_no_row_is_refused(rows: Rows, columns: list[int], percent: float) -> None:
    with pytest.raises(ValueError, match="% of 4000 rows over"):
        inject_outliers(rows, columns, percent)
