from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest as Estimator

from detectors.outliers.isolation_paths import IsolationPaths, average_path

Rows = NDArray[np.float64]
FEATURES = 6


@pytest.fixture(scope="module")
def rows() -> Rows:
    return np.random.default_rng(0).normal(size=(1_000, FEATURES))


FORESTS: list[dict[str, Any]] = [
    {},
    {"max_features": 0.5},
    {"max_samples": 1.0, "n_estimators": 20},
    {"bootstrap": True},
    {"max_samples": 2},
]


@pytest.fixture(scope="module", params=FORESTS, ids=str)
def estimator(request: pytest.FixtureRequest, rows: Rows) -> Estimator:
    return Estimator(random_state=0, **request.param).fit(rows)


def path_lengths(estimator: Estimator, rows: Rows) -> Rows:
    """Undo what scikit-learn makes of mean path lengths: its score is -2^(-h / c(n))."""
    average = float(average_path(int(estimator.max_samples_)))
    return -np.log2(-estimator.score_samples(rows)) * average


def test_contributions_add_up_to_the_shortening_of_the_path(estimator: Estimator, rows: Rows) -> None:
    paths = IsolationPaths(estimator)
    shortened = paths.contributions(rows).sum(axis=1)
    np.testing.assert_allclose(paths.expected - shortened, path_lengths(estimator, rows), atol=1e-9)


def test_missing_and_infinite_values_go_the_way_scikit_learn_sends_them(
    estimator: Estimator, rows: Rows
) -> None:
    holes = rows[:300].copy()
    holes[::3, 0], holes[1::3, 2], holes[2::3, 5] = np.nan, np.inf, -1e300
    paths = IsolationPaths(estimator)
    with np.errstate(over="ignore"):
        expected = path_lengths(estimator, holes)
    shortened = paths.contributions(holes).sum(axis=1)
    np.testing.assert_allclose(paths.expected - shortened, expected, atol=1e-9)


def test_a_forest_grown_on_missing_values_sends_them_its_own_way(rows: Rows) -> None:
    holes = rows.copy()
    holes[::4, 1] = np.nan
    estimator = Estimator(random_state=0).fit(holes)
    paths = IsolationPaths(estimator)
    shortened = paths.contributions(holes).sum(axis=1)
    np.testing.assert_allclose(paths.expected - shortened, path_lengths(estimator, holes), atol=1e-9)


def test_what_is_expected_is_the_mean_path_of_the_rows_that_the_trees_grew_on(rows: Rows) -> None:
    estimator = Estimator(random_state=0, n_estimators=30).fit(rows)
    lengths = []
    for tree, chosen in zip(estimator.estimators_, estimator.estimators_samples_, strict=True):
        grown_on = rows[chosen].astype(np.float32)
        leaves = tree.tree_.apply(grown_on)
        depths = np.asarray(tree.tree_.decision_path(grown_on).sum(axis=1)).ravel() - 1
        lengths.append((depths + average_path(tree.tree_.n_node_samples[leaves])).mean())
    assert IsolationPaths(estimator).expected == pytest.approx(np.mean(lengths), rel=1e-12)


@pytest.mark.parametrize("feature", range(FEATURES))
def test_the_feature_of_an_extreme_value_contributes_most(rows: Rows, feature: int) -> None:
    paths = IsolationPaths(Estimator(random_state=0).fit(rows))
    flagged = rows[(np.abs(rows) < 1.5).all(axis=1)][:200].copy()
    flagged[:, feature] = 6.0
    contributions = paths.contributions(flagged)
    assert (np.argmax(contributions, axis=1) == feature).all()
    assert (contributions[:, feature] > 0).all()


def test_a_feature_that_no_tree_splits_on_contributes_nothing(rows: Rows) -> None:
    constant = np.column_stack([rows, np.ones(len(rows))])
    paths = IsolationPaths(Estimator(random_state=0).fit(constant))
    assert (paths.contributions(constant)[:, FEATURES] == 0).all()


def test_rows_all_alike_are_isolated_by_nothing() -> None:
    alike = np.ones((20, 3))
    paths = IsolationPaths(Estimator(random_state=0).fit(alike))
    assert (paths.contributions(alike + 1) == 0).all()


def test_a_row_has_the_same_contributions_in_any_company(rows: Rows) -> None:
    paths = IsolationPaths(Estimator(random_state=0).fit(rows))
    many = np.tile(rows, (3, 1))
    np.testing.assert_allclose(paths.contributions(many)[-1:], paths.contributions(rows[-1:]), atol=1e-12)
