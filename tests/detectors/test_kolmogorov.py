from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstwo

from detectors.kolmogorov import survival


def assert_as_scipy(distance: NDArray[np.float64], n: NDArray[np.float64]) -> None:
    expected, result = kstwo.sf(distance, n), survival(distance, n)
    assert np.abs(result - expected).max() < 1e-14
    assert np.array_equal(result.astype(np.float32), expected.astype(np.float32))


@pytest.mark.parametrize(("least", "most", "cases"), [(1, 140, 300), (141, 20_000, 3_000)])
def test_the_tail_is_that_of_scipy_to_the_last_float32(least: int, most: int, cases: int) -> None:
    rng = np.random.default_rng(least)
    n = np.round(np.exp(rng.uniform(np.log(least), np.log(most), cases)))
    assert_as_scipy(np.minimum(1, rng.uniform(0.4, 2.5, cases) / np.sqrt(n)), n)


def test_where_one_formula_gives_way_to_another_the_tail_is_scipys() -> None:
    n = np.repeat([139.0, 140, 141, 142, 5_000], 60)
    squares = np.tile(np.linspace(0.3, 4.5, 60), 5)
    assert_as_scipy(np.minimum(1, np.sqrt(squares / n)), n)


@pytest.mark.parametrize("n", [2.0, 100.0, 150.0, 10_000.0])
def test_nothing_is_certain_and_everything_impossible(n: float) -> None:
    distance = np.array([0.0, 0.25 / n, 0.5 / n, 1.0])
    assert survival(distance, np.full(4, n)).tolist() == [1.0, 1.0, 1.0, 0.0]
