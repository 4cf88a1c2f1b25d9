from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
from alibi_detect.od import Mahalanobis as Theirs
from alibi_detect.utils.mapping import ord2ohe
from numpy.typing import NDArray
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import EmpiricalCovariance

from detectors.outliers.category_values import CategoryValues
from detectors.outliers.mahalanobis import Mahalanobis, fit_mahalanobis

Rows = NDArray[np.float64]
FEATURES = 5


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(FEATURES, FEATURES))
    return rng.normal(size=(2_000, FEATURES)) @ mixed + [0, 10, -3, 0.5, 100]


@pytest.fixture(scope="module")
def flagged(rows: Rows) -> Rows:
    """Some of the rows, and some far away from them in one feature."""
    some = rows[:60].copy()
    some[np.arange(0, 60, 3), np.arange(20) % FEATURES] += 6 * rows.std(axis=0)[np.arange(20) % FEATURES]
    return some


def seen(rows: Rows, **options: Any) -> Any:
    """alibi-detect's detector after it scored the rows once, none of them clipped."""
    detector = Theirs(threshold=1.0, start_clip=10**9, **options)
    detector.score(rows)
    return detector


def first_scores(detector: Any, rows: Rows) -> Rows:
    """Score each row as the first after loading."""
    return np.concatenate(
        [copy.deepcopy(detector).predict(row)["data"]["instance_score"] for row in rows[:, None]]
    )


def test_a_row_scores_as_the_first_after_loading_in_alibi_detect(rows: Rows, flagged: Rows) -> None:
    theirs = seen(rows, n_components=FEATURES)
    ours = Mahalanobis(theirs.mean, theirs.C, theirs.threshold, theirs.n_components)
    np.testing.assert_allclose(ours.score(flagged), first_scores(theirs, flagged), rtol=1e-9)


@pytest.mark.parametrize("components", [1, 2, 3, 4])
def test_with_fewer_components_it_scores_nearly_the_same(rows: Rows, flagged: Rows, components: int) -> None:
    theirs = seen(rows, n_components=components)
    ours = Mahalanobis(theirs.mean, theirs.C, theirs.threshold, components).score(flagged)
    expected = first_scores(theirs, flagged)
    assert np.abs(ours / expected - 1).max() < 0.25
    assert np.median(np.abs(ours / expected - 1)) < 0.02


def test_it_is_the_distance_of_scipy(rows: Rows, flagged: Rows) -> None:
    ours = fit_mahalanobis(rows)
    inverse = np.linalg.inv(np.cov(rows, rowvar=False))
    expected = [mahalanobis(row, rows.mean(axis=0), inverse) ** 2 for row in flagged]
    np.testing.assert_allclose(ours.score(flagged), expected, rtol=1e-9)


def test_fitting_finds_the_state_that_alibi_detect_has_after_seeing_the_rows(rows: Rows) -> None:
    theirs = seen(rows)
    ours = fit_mahalanobis(rows)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-10)
    np.testing.assert_allclose(ours.covariance, theirs.C, rtol=1e-8)


def test_the_threshold_passes_the_asked_share_of_the_rows(rows: Rows) -> None:
    assert fit_mahalanobis(rows, percent=98).predict(rows).is_outlier.mean() == 0.02


def test_a_score_does_not_depend_on_the_rows_before_as_alibi_detects_does(rows: Rows, flagged: Rows) -> None:
    theirs = seen(rows, n_components=FEATURES)
    ours = Mahalanobis(theirs.mean, theirs.C, theirs.threshold)
    first, again = theirs.score(flagged), theirs.score(flagged)
    assert not np.allclose(first, again)
    assert np.array_equal(ours.score(flagged), ours.score(flagged))


def test_contributions_add_up_to_the_score(rows: Rows, flagged: Rows) -> None:
    ours = fit_mahalanobis(rows, n_components=3)
    np.testing.assert_allclose(ours.contributions(flagged).sum(axis=1), ours.score(flagged), rtol=1e-9)


def test_of_independent_features_each_adds_its_own_square() -> None:
    ours = Mahalanobis([1.0, 2.0], [[4.0, 0.0], [0.0, 9.0]], 0.0)
    assert ours.contributions([[5.0, 8.0]]).tolist() == [[4.0, 4.0]]


# Categories.


@pytest.fixture(scope="module")
def codes() -> Rows:
    rng = np.random.default_rng(1)
    kind, colour = rng.integers(0, 3, 500), rng.integers(0, 4, 500)
    amount = rng.normal(size=500) + kind
    return np.column_stack([amount, kind, rng.normal(size=500) - colour, colour]).astype(np.float64)


@pytest.fixture(scope="module", params=[False, True], ids=["codes", "one-hot"])
def categorical(request: pytest.FixtureRequest, codes: Rows) -> tuple[Any, Rows]:
    """alibi-detect's detector of rows with categories, and the rows."""
    if not request.param:
        detector, rows = Theirs(1.0, 4, start_clip=10**9, cat_vars={1: 3, 3: 4}), codes
    else:
        rows, columns = ord2ohe(codes, {1: 3, 3: 4})
        detector = Theirs(1.0, 4, start_clip=10**9, cat_vars=columns, ohe=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector.fit(rows, d_type="abdm")
    detector.score(detector.cat2num(rows))
    return detector, rows


def as_ours(theirs: Any) -> Mahalanobis:
    categories = CategoryValues(theirs.d_abs, theirs.cat_vars if theirs.ohe else None)
    return Mahalanobis(theirs.mean, theirs.C, theirs.threshold, theirs.n_components, categories)


def test_categories_become_the_numbers_of_alibi_detect(categorical: tuple[Any, Rows]) -> None:
    theirs, rows = categorical
    ours = as_ours(theirs)
    np.testing.assert_allclose(ours.categories.numbers(rows), theirs.cat2num(rows), rtol=1e-6)
    np.testing.assert_allclose(ours.score(rows[:30]), first_scores(theirs, rows[:30]), rtol=1e-4)


def test_a_category_has_its_share_where_it_stands(categorical: tuple[Any, Rows]) -> None:
    ours, rows = as_ours(categorical[0]), categorical[1]
    shares = ours.contributions(rows)
    assert shares.shape == rows.shape
    assert (shares[rows == 0] == 0).all() or not categorical[0].ohe
    np.testing.assert_allclose(shares.sum(axis=1), ours.score(rows), rtol=1e-9)


@pytest.mark.parametrize("code", [4.0, -1.0, 0.5, np.nan, np.inf])
def test_an_unknown_category_counts_as_the_mean(codes: Rows, code: float) -> None:
    ours = fit_mahalanobis(codes, categories=CategoryValues({1: [0.0, 1.0, 5.0], 3: [0.0, 1.0, 2.0, 3.0]}))
    row = codes[:1].copy()
    row[0, 1] = code
    numbers = np.array([[row[0, 0], ours.mean[1], row[0, 2], row[0, 3]]])
    assert ours.score(row)[0] == pytest.approx(Mahalanobis(ours.mean, ours.covariance, 0.0).score(numbers)[0])
    assert ours.contributions(row)[0, 1] == 0


def test_one_hot_columns_of_which_none_is_set_count_as_the_mean(codes: Rows) -> None:
    rows, columns = ord2ohe(codes, {1: 3, 3: 4})
    values = CategoryValues({1: [0.0, 1.0, 5.0], 3: [0.0, 1.0, 2.0, 3.0]}, columns)
    ours = fit_mahalanobis(rows, categories=values)
    none, missing = rows[:1].copy(), rows[:1].copy()
    none[0, 1:4], missing[0, 1] = 0, np.nan
    assert ours.contributions(none)[0, 1:4].tolist() == [0, 0, 0]
    assert ours.score(none)[0] == ours.score(missing)[0]


# What is missing, extreme or degenerate.


def test_a_missing_value_adds_nothing(rows: Rows) -> None:
    ours = fit_mahalanobis(rows)
    row = rows[:1].copy()
    row[0, 2] = np.nan
    at_mean = row.copy()
    at_mean[0, 2] = ours.mean[2]
    assert ours.score(row)[0] == ours.score(at_mean)[0]
    assert ours.contributions(row)[0, 2] == 0
    assert ours.score(np.full((1, FEATURES), np.nan)).tolist() == [0]


def test_rows_with_something_missing_teach_nothing(rows: Rows) -> None:
    holes = np.vstack((rows, np.full((5, FEATURES), np.nan)))
    assert np.array_equal(fit_mahalanobis(holes).covariance, fit_mahalanobis(rows).covariance)
    with pytest.raises(ValueError, match="1 of 3 rows have no missing value; at least 2 are needed"):
        fit_mahalanobis([[1.0], [np.nan], [np.nan]])


@pytest.mark.parametrize("extreme", [np.inf, -np.inf, 1e300])
def test_an_extreme_value_is_flagged_and_contributes(rows: Rows, extreme: float) -> None:
    ours = fit_mahalanobis(rows)
    row = rows[:1].copy()
    row[0, 3] = extreme
    assert ours.predict(row).is_outlier.tolist() == [1]
    assert np.isfinite(ours.score(row)).all()
    assert np.argmax(ours.contributions(row)) == 3


def test_directions_without_variance_do_not_count_as_in_scikit_learn(rows: Rows, flagged: Rows) -> None:
    def doubled(x: Rows) -> Rows:
        return np.column_stack([x, x[:, 0] - x[:, 1], np.ones(len(x))])

    theirs = EmpiricalCovariance().fit(doubled(rows))
    ours = Mahalanobis(theirs.location_, theirs.covariance_, 0.0)
    np.testing.assert_allclose(ours.score(doubled(flagged)), theirs.mahalanobis(doubled(flagged)), rtol=1e-6)


@pytest.mark.parametrize(
    ("mean", "covariance", "components", "message"),
    [
        ([0.0, 0.0], np.zeros((2, 2)), None, "the covariance is 0; train the detector on rows that differ"),
        (
            [0.0, 0.0],
            np.eye(3),
            None,
            r"mean of shape \(2,\) and a covariance of shape \(3, 3\) do not match",
        ),
        ([0.0, np.nan], np.eye(2), None, "must be finite"),
        ([0.0, 0.0], np.eye(2), 0, "n_components must be at least 1, got 0"),
    ],
)
def test_a_state_that_cannot_score_is_refused(
    mean: Any, covariance: Any, components: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Mahalanobis(mean, covariance, 1.0, components)
