from __future__ import annotations

import numpy as np
from scipy.stats import kstwo

from detectors.kolmogorov import survival


def test_the_tail_is_that_of_scipy_to_the_last_float32() -> None:
    rng = np.random.default_rng(0)
    n = np.round(np.exp(rng.uniform(np.log(2), np.log(200_000), 2_000)))
    distance = np.minimum(1, rng.uniform(0.4, 2, 2_000) / np.sqrt(n))
    expected = kstwo.sf(distance, n)
    result = survival(distance, n)
    assert np.abs(result - expected).max() < 1e-14
    assert np.array_equal(result.astype(np.float32), expected.astype(np.float32))


def test_nothing_is_certain_and_everything_impossible() -> None:
    assert survival(np.array([0.0, 1.0]), np.array([500.0, 500.0])).tolist() == [1.0, 0.0]
