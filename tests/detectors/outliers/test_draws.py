from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from detectors.outliers.draws import row_seeds, splitmix64, standard_normals


def test_the_generator_gives_the_published_outputs() -> None:
    """The sequence of seed 1234567 that implementations of SplitMix64 check themselves with."""
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert splitmix64(np.array([1234567], dtype=np.uint64), 5).tolist() == [expected]


@pytest.mark.parametrize("kind", ["of one row", "of neighbouring rows"])
def test_draws_are_standard_normal(kind: str) -> None:
    rows = np.arange(20_000, dtype=np.float32)[:, np.newaxis]
    if kind == "of one row":
        draws = standard_normals(row_seeds(rows[:1]), 20_000)[0]
    else:
        draws = standard_normals(row_seeds(rows), 1)[:, 0]
    assert kstest(draws, "norm").pvalue > 0.01
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 3 / np.sqrt(len(draws))


def test_every_row_has_a_seed_of_its_own() -> None:
    ones = np.eye(200, dtype=np.float32)
    codes = np.array([[i, j] for i in range(100) for j in range(100)], dtype=np.float32)
    assert len(set(row_seeds(ones).tolist())) == 200
    assert len(set(row_seeds(codes).tolist())) == 10_000


def test_a_seed_depends_on_values_and_not_on_their_sign_of_zero() -> None:
    zero, minus, other = np.array([[0.0, 1.0], [-0.0, 1.0], [1e-45, 1.0]], dtype=np.float32)
    assert row_seeds(zero[None]) == row_seeds(minus[None])
    assert row_seeds(zero[None]) != row_seeds(other[None])


def test_draws_are_finite_even_of_the_extreme_outputs() -> None:
    draws = standard_normals(np.arange(100_000, dtype=np.uint64), 10)
    assert np.isfinite(draws).all()
