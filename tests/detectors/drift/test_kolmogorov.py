from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstwo

from detectors.drift.kolmogorov import survival


def assert_as_scipy(distance: NDArray[np.float64], n: NDArray[np.float64]) -> None:
    expected, result = kstwo.sf(distance, n), survival(distance, n)
    assert np.abs(result - expected).max() < 2e-14
    assert np.array_equal(result.astype(np.float32), expected.astype(np.float32))


@pytest.mark.parametrize(("least", "most", "cases"), [(1, 20, 3_000), (2, 200, 3_000), (141, 20_000, 900)])
def test_the_tail_is_that_of_scipy_to_the_last_float32(least: int, most: int, cases: int) -> None:
    rng = np.random.default_rng(least)
    n = np.round(np.exp(rng.uniform(np.log(least), np.log(most), cases)))
    distance = np.minimum(1, rng.uniform(0.05, 2.5, cases) / np.sqrt(n))
    whole = rng.random(cases) < 0.3
    distance[whole] = np.round(distance[whole] * 2 * n[whole]) / 2 / n[whole]
    assert_as_scipy(np.minimum(1, distance), n)


def test_where_one_formula_gives_way_to_another_the_tail_is_scipys() -> None:
    n = np.repeat([16.0, 17, 139, 140, 141, 142, 5_000, 100_000], 400)
    squares = np.tile(np.linspace(0.001, 6, 400), 8)
    quick = (n < 1_000) | (squares < 2.2)
    assert_as_scipy(np.minimum(1, np.sqrt(squares / n))[quick], n[quick])


@pytest.mark.parametrize("n", [2.0, 100.0, 150.0, 10_000.0])
def test_nothing_is_certain_and_everything_impossible(n: float) -> None:
    distance = np.array([0.0, 0.25 / n, 0.5 / n, 1.0])
    assert survival(distance, np.full(4, n)).tolist() == [1.0, 1.0, 1.0, 0.0]


def test_the_smallest_float32_is_not_taken_for_impossible() -> None:
    n = np.full(3, 2_000.0)
    distance = np.sqrt(np.array([50.0, 52.9, 53.1]) / n)
    assert np.array_equal(survival(distance, n).astype(np.float32), kstwo.sf(distance, n).astype(np.float32))
    assert survival(distance, n).astype(np.float32)[0] > 0
