from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from alibi_detect.od import IForest
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest as Estimator

from detectors.outliers.isolation_forest import IsolationForest

Rows = NDArray[np.float64]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return np.random.default_rng(0).normal(size=(3_000, 8))


@pytest.fixture(scope="module")
def estimator(rows: Rows) -> Estimator:
    return Estimator(n_estimators=100, random_state=0).fit(rows)


@pytest.mark.parametrize("n", [0, 1, 2, 10, 500, 3_000])
def test_scores_are_scikit_learns_at_every_batch_size(rows: Rows, estimator: Estimator, n: int) -> None:
    score = IsolationForest(estimator, 0.0).score(rows[:n])
    assert score.dtype == np.float64
    assert np.array_equal(score, -estimator.decision_function(rows[:n]) if n else np.zeros(0))


@pytest.mark.parametrize(
    "options", [{"max_features": 3}, {"max_samples": 1}, {"max_samples": 2}, {"contamination": 0.1}]
)
def test_scores_are_scikit_learns_whatever_the_forest(rows: Rows, options: dict[str, Any]) -> None:
    estimator = Estimator(n_estimators=20, random_state=0, **options).fit(rows)
    assert np.array_equal(IsolationForest(estimator, 0.0).score(rows), -estimator.decision_function(rows))


def test_flags_are_alibi_detects(rows: Rows) -> None:
    theirs = IForest(threshold=0.0)
    theirs.fit(rows)
    theirs.infer_threshold(rows, threshold_perc=95)
    ours = IsolationForest(theirs.isolationforest, theirs.threshold)
    expected = np.concatenate(
        [theirs.predict(part)["data"]["is_outlier"] for part in np.split(rows[:400], 4)]
    )
    assert np.array_equal(ours.predict(rows[:400]).is_outlier, expected)
    assert expected.sum() > 0


@pytest.mark.parametrize("column", [0, 7])
def test_missing_values_go_the_way_scikit_learn_sends_them(
    rows: Rows, estimator: Estimator, column: int
) -> None:
    holes = rows[:50].copy()
    holes[::2, column] = np.nan
    score = IsolationForest(estimator, 0.0).score(holes)
    assert np.array_equal(score, -estimator.decision_function(holes))


def test_values_on_a_split_fall_on_scikit_learns_side(estimator: Estimator) -> None:
    thresholds = np.concatenate([t.tree_.threshold[t.tree_.feature >= 0] for t in estimator.estimators_])
    edges = np.repeat(thresholds[:400, None], 8, axis=1)
    score = IsolationForest(estimator, 0.0).score(edges)
    assert np.array_equal(score, -estimator.decision_function(edges))


@pytest.mark.parametrize("extreme", [np.inf, -np.inf, 1e300, 1e38])
def test_extreme_values_score_the_same_at_every_batch_size(
    rows: Rows, estimator: Estimator, extreme: float
) -> None:
    flagged = rows[:501].copy()
    flagged[0, 3] = extreme
    with np.errstate(over="ignore"):
        many = IsolationForest(estimator, 0.0).score(flagged)
    assert IsolationForest(estimator, 0.0).score(flagged[:1])[0] == pytest.approx(many[0], abs=1e-15)


def test_rows_of_another_width_are_refused(estimator: Estimator) -> None:
    with pytest.raises(ValueError, match=r"expected rows of 8 features, got shape \(3, 5\)"):
        IsolationForest(estimator, 0.0).score(np.zeros((3, 5)))


def test_a_row_scores_the_same_in_any_company(rows: Rows, estimator: Estimator) -> None:
    ours = IsolationForest(estimator, 0.0)
    assert ours.score(rows[:1])[0] == ours.score(rows[:300])[0]


def test_the_estimator_survives_pickling(rows: Rows, estimator: Estimator) -> None:
    again = IsolationForest(pickle.loads(pickle.dumps(estimator)), 0.0)
    assert np.array_equal(again.score(rows[:20]), IsolationForest(estimator, 0.0).score(rows[:20]))
