from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from alibi_detect.cd import ChiSquareDrift, KSDrift
from alibi_detect.cd import TabularDrift as AlibiTabularDrift
from numpy.typing import NDArray

from detectors.drift.tabular import TabularDrift
from jobs.data.feature_encoding import encode, infer_features
from jobs.data.synthetic_census import TARGET, census_like
from tests.conftest import CENSUS_CATEGORICAL

Rows = NDArray[np.float64]
CATEGORIES: Any = dict.fromkeys(CENSUS_CATEGORICAL)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module", params=["census", "generated"])
def complete(request: pytest.FixtureRequest) -> Rows:
    """Rows without missing values, shuffled: alibi-detect has no answer for the others."""
    if request.param == "census":
        rows = request.getfixturevalue("census")
    else:
        table = census_like(16_000, seed=3).drop(columns=TARGET)
        rows = encode(table, infer_features(table))
    rows = rows[~np.isnan(rows).any(axis=1)]
    return np.random.default_rng(0).permutation(rows)


def assert_same(ours: TabularDrift, theirs: Any, window: Rows) -> None:
    expected = theirs.predict(window)["data"]
    result = ours.test(window)
    assert result.is_drift == expected["is_drift"]
    assert np.array_equal(result.p_val, expected["p_val"])
    assert np.array_equal(result.distance, expected["distance"])
    assert np.array_equal(result.threshold, expected["threshold"])


@pytest.mark.parametrize("correction", ["bonferroni", "fdr"])
@pytest.mark.parametrize("size", [1, 2, 20, 100, 500, 3_000])
def test_census_windows_are_judged_as_alibi_detect_does(complete: Rows, size: int, correction: str) -> None:
    reference, rest = complete[:10_000], complete[10_000:]
    ours = TabularDrift(reference, categories_per_feature=CATEGORIES, correction=correction)
    theirs = AlibiTabularDrift(reference, categories_per_feature=CATEGORIES, correction=correction)
    rng = np.random.default_rng(size)
    for _ in range(6):
        window = rest[rng.choice(len(rest), size, replace=False)]
        assert_same(ours, theirs, window)
        moved = window.copy()
        moved[:, 0] += 3
        moved[: size // 4, 1] = 99
        assert_same(ours, theirs, moved)


def test_declared_categories_are_taken_as_alibi_detect_takes_them() -> None:
    rng = np.random.default_rng(1)
    reference, window = rng.integers(0, 4, (500, 2)), rng.integers(0, 5, (80, 2))
    declared: Any = {0: [0, 1, 2, 3], 1: [0, 1, 2]}
    ours = TabularDrift(reference, categories_per_feature=declared)
    assert_same(ours, ChiSquareDrift(reference, categories_per_feature=declared), window.astype(float))


def test_numeric_features_alone_are_judged_as_ks_drift_does() -> None:
    rng = np.random.default_rng(2)
    reference, window = rng.normal(size=(300, 4)).astype(np.float32), rng.normal(0.3, 1, size=(50, 4))
    assert_same(TabularDrift(reference), KSDrift(reference), window.astype(np.float32))


def test_a_missing_value_leaves_the_other_features_and_rows_alone(complete: Rows) -> None:
    ours = TabularDrift(complete[:5_000], categories_per_feature=CATEGORIES)
    window = complete[6_000:6_400].copy()
    whole = ours.test(window)
    window[3, 0] = np.nan
    window[5, 1] = np.nan
    result = ours.test(window)
    assert result.n.tolist() == [399, 399] + [400] * 10
    assert np.isfinite(result.p_val).all()
    assert np.array_equal(result.p_val[2:], whole.p_val[2:])
    assert result.p_val[0] == ours.test(np.delete(window, 3, axis=0)).p_val[0]


def test_the_reference_against_itself_is_no_drift(complete: Rows) -> None:
    result = TabularDrift(complete[:2_000], categories_per_feature=CATEGORIES).test(complete[:2_000])
    assert result.is_drift == 0
    assert result.effect.max() == 0


def test_the_order_of_rows_does_not_matter(complete: Rows) -> None:
    ours = TabularDrift(complete[:2_000], categories_per_feature=CATEGORIES)
    window = complete[3_000:3_300]
    assert np.array_equal(ours.test(window).p_val, ours.test(window[::-1]).p_val)


def test_a_window_without_rows_shows_nothing() -> None:
    ours = TabularDrift(np.zeros((5, 2)), categories_per_feature={1: None})
    result = ours.test(np.zeros((0, 2)))
    assert (result.is_drift, result.p_val.tolist(), result.distance.tolist()) == (0, [1, 1], [0, 0])
    assert result.n.tolist() == result.missing.tolist() == [0, 0]


def test_a_window_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="the window has 3 features, the reference 2"):
        TabularDrift(np.zeros((5, 2))).test(np.zeros((4, 3)))


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(ValueError, match="correction must be one of bonferroni, fdr, got 'holm'"):
        TabularDrift(np.zeros((5, 2)), correction="holm")


def test_a_categorical_feature_that_is_no_column_is_refused() -> None:
    with pytest.raises(ValueError, match="names feature 4, x_ref has 2 columns"):
        TabularDrift(np.zeros((5, 2)), categories_per_feature={4: None})
