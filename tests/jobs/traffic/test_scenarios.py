from __future__ import annotations

import numpy as np
import pytest

from jobs.data.feature_encoding import encode, infer_features
from jobs.data.synthetic_census import TARGET, census_like
from jobs.traffic.scenarios import make_traffic

TABLE = census_like(8_000, seed=5).drop(columns=TARGET)
FEATURES = infer_features(TABLE)
ROWS = encode(TABLE, FEATURES)


def test_normal_traffic_is_the_held_out_rows() -> None:
    traffic = make_traffic("normal", ROWS, FEATURES, 500, seed=1)
    known = {row.tobytes() for row in ROWS}
    assert all(row.tobytes() in known for row in traffic.rows)
    assert not traffic.outlier.any()


def test_drift_moves_half_a_deviation_and_fifteen_points_and_nothing_else() -> None:
    normal = make_traffic("normal", ROWS, FEATURES, 8_000, seed=2).rows
    traffic = make_traffic("drift", ROWS, FEATURES, 8_000, seed=2)
    assert traffic.moved == ("age", "workclass")
    shift = (traffic.rows[:, 0] - normal[:, 0]) / np.nanstd(ROWS[:, 0])
    assert shift == pytest.approx(0.5)
    changed = traffic.rows[:, 1] != normal[:, 1]
    assert (changed & ~np.isnan(normal[:, 1])).mean() == pytest.approx(0.15, abs=0.001)
    assert np.array_equal(traffic.rows[:, 2:], normal[:, 2:], equal_nan=True)


def test_outliers_are_the_rows_that_are_marked() -> None:
    normal = make_traffic("normal", ROWS, FEATURES, 4_000, seed=3).rows
    traffic = make_traffic("outliers", ROWS, FEATURES, 4_000, seed=3)
    changed = [not np.array_equal(a, b, equal_nan=True) for a, b in zip(traffic.rows, normal, strict=True)]
    assert np.array_equal(changed, traffic.outlier)
    assert traffic.outlier.mean() == pytest.approx(0.05, abs=0.01)


def test_the_same_seed_makes_the_same_traffic() -> None:
    one, other = (make_traffic("outliers", ROWS, FEATURES, 100, seed=4) for _ in range(2))
    assert np.array_equal(one.rows, other.rows, equal_nan=True)


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(ValueError, match="scenario must be one of normal, outliers, drift"):
        make_traffic("chaos", ROWS, FEATURES, 1, seed=0)


def test_drift_of_one_feature_leaves_the_others_alone() -> None:
    normal = make_traffic("normal", ROWS, FEATURES, 2_000, seed=2).rows
    traffic = make_traffic("feature-drift", ROWS, FEATURES, 2_000, seed=2)
    assert traffic.moved == ("age",)
    assert (traffic.rows[:, 0] - normal[:, 0]) / np.nanstd(ROWS[:, 0]) == pytest.approx(0.5)
    assert np.array_equal(traffic.rows[:, 1:], normal[:, 1:], equal_nan=True)


def test_missing_values_and_unseen_categories_are_where_the_truth_has_them() -> None:
    normal = make_traffic("normal", ROWS, FEATURES, 4_000, seed=3).rows
    traffic = make_traffic("missing", ROWS, FEATURES, 4_000, seed=3)
    assert traffic.missing.mean() == pytest.approx(0.05, abs=0.01)
    assert np.isnan(traffic.rows[traffic.missing][:, :2]).all()
    assert np.array_equal(traffic.rows[~traffic.missing], normal[~traffic.missing], equal_nan=True)
    traffic = make_traffic("unseen", ROWS, FEATURES, 4_000, seed=3)
    assert traffic.unseen.mean() == pytest.approx(0.05, abs=0.01)
    unknown = traffic.rows[:, 1] >= len(FEATURES.categories["workclass"])
    assert np.array_equal(unknown, traffic.unseen)
