"""Thousands of windows, judged here and by alibi-detect 0.11.4: equal to the last float32."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from alibi_detect.cd import TabularDrift as Theirs
from numpy.typing import NDArray

from detectors.drift.tabular import TabularDrift

Rows = NDArray[np.float64]
REFERENCES, WINDOWS = 60, 50


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Case(NamedTuple):
    reference: Rows
    windows: list[Rows]
    categories: dict[int, Any]


COLUMNS = {
    "continuous": lambda rng, n: rng.normal(size=n),
    "whole": lambda rng, n: rng.poisson(3, n),
    "mostly zero": lambda rng, n: rng.exponential(size=n) * (rng.random(n) < 0.1),
    "constant": lambda rng, n: np.full(n, 7),
    "huge and tiny": lambda rng, n: rng.choice([-1e300, 1e-300, 0.0, 1e300], n),
    "infinite": lambda rng, n: rng.choice([-np.inf, 0.5, np.inf], n),
    "two categories": lambda rng, n: rng.integers(0, 2, n),
    "rare categories": lambda rng, n: np.minimum(rng.geometric(0.4, n), 12),
    "declared categories": lambda rng, n: rng.integers(0, 5, n),
    "one category": lambda rng, n: np.full(n, 3),
}
DECLARED = {"two categories": 2, "rare categories": 13, "declared categories": 5, "one category": 4}


def a_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    names = rng.permutation(list(COLUMNS))[: rng.integers(1, len(COLUMNS) + 1)].tolist()

    def rows(n: int) -> Rows:
        return np.column_stack([COLUMNS[name](rng, n).astype(float) for name in names])

    reference = rows(int(rng.integers(13, 600)))
    declared = bool(rng.random() < 0.5)
    categorical = {i: DECLARED[name] for i, name in enumerate(names) if name in DECLARED}
    if declared:  # alibi-detect crashes on a category that nobody has
        for column, codes in categorical.items():
            reference[:codes, column] = range(codes)
    windows = []
    for _ in range(WINDOWS):
        window = rows(int(np.exp(rng.uniform(0, np.log(900)))))
        moved = rng.random(len(names)) < 0.3
        window[:, moved] = window[:, moved] + rng.integers(-1, 3, int(moved.sum()))
        windows.append(window)
    return Case(reference, windows, {i: list(range(k)) if declared else None for i, k in categorical.items()})


@pytest.mark.parametrize("seed", range(REFERENCES))
def test_random_windows_are_judged_as_alibi_detect_does(seed: int) -> None:
    reference, windows, categories = a_case(seed)
    options: Any = {
        "p_val": (0.05, 0.3)[seed % 2],
        "correction": ("bonferroni", "fdr")[seed // 2 % 2],
        "categories_per_feature": categories,
    }
    ours, theirs = TabularDrift(reference, **options), Theirs(reference, **options)
    for window in windows:
        result, expected = ours.test(window), theirs.predict(window)["data"]
        assert np.array_equal(result.distance, expected["distance"])
        assert np.array_equal(result.p_val, expected["p_val"])
        assert np.array_equal(result.threshold, expected["threshold"])
        assert result.is_drift == expected["is_drift"]
        by_feature = theirs.predict(window, drift_type="feature")["data"]["is_drift"]
        assert np.array_equal(result.p_val < ours.p_val, by_feature)


def test_a_huge_window_is_judged_as_alibi_detect_does() -> None:
    rng = np.random.default_rng(1)
    reference = np.column_stack([rng.normal(size=30_000), rng.integers(0, 9, 30_000)])
    window = np.column_stack([rng.normal(0.005, 1, size=300_000), rng.integers(0, 9, 300_000)])
    options: Any = {"categories_per_feature": {1: None}}
    expected = Theirs(reference, **options).predict(window)["data"]
    result = TabularDrift(reference, **options).test(window)
    assert np.array_equal(result.distance, expected["distance"])
    assert np.array_equal(result.p_val, expected["p_val"])


def test_a_huge_window_counted_in_parts_is_the_same_window() -> None:
    rng = np.random.default_rng(2)
    reference = np.column_stack([rng.normal(size=2_000).round(2), rng.integers(0, 9, 2_000)])
    window = np.column_stack([rng.normal(size=100_000).round(2), rng.integers(0, 11, 100_000)])
    ours = TabularDrift(reference, categories_per_feature={1: None})
    counts = ours.add([ours.count(part) for part in np.array_split(window, 33)])
    for part, whole in zip(ours.judge(counts), ours.test(window), strict=True):
        assert np.array_equal(part, whole)
    values = np.unique(reference[:, 0]).size
    assert counts[0].keys.size <= 2 * values + 1


def test_where_alibi_detect_crashes_there_is_an_answer() -> None:
    reference, window = np.array([[0.0]] * 30 + [[1.0]] * 20), np.array([[0.0]] * 5 + [[1.0]] * 9)
    declared: Any = {0: [0, 1, 2]}
    with pytest.raises(ValueError, match="zero element"):
        Theirs(reference, categories_per_feature=declared).predict(window)
    expected = Theirs(reference, categories_per_feature={0: [0, 1]}).predict(window)["data"]
    assert TabularDrift(reference, categories_per_feature=declared).test(window).p_val == expected["p_val"]


def test_where_alibi_detect_takes_missing_values_for_the_largest_there_is_an_answer() -> None:
    rng = np.random.default_rng(3)
    reference, window = rng.normal(size=(500, 1)), rng.normal(size=(100, 1))
    holed = np.vstack([window, np.full((30, 1), np.nan)])
    theirs = Theirs(reference)
    assert theirs.predict(holed)["data"]["is_drift"] == 1
    result, expected = TabularDrift(reference).test(holed), theirs.predict(window)["data"]
    assert (result.is_drift, result.missing.tolist()) == (0, [30])
    assert result.p_val == expected["p_val"]
