from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.drift.chi_square import ChiSquare
from detectors.drift.pooling import LEAST_EXPECTED, pooled

rows = st.integers(1, 8).flatmap(
    lambda k: st.tuples(
        st.lists(st.integers(0, 500), min_size=k, max_size=k).filter(any),
        st.lists(st.integers(0, 60), min_size=k, max_size=k).filter(any),
    )
)


@given(rows)
def test_pooling_loses_no_observation(rows: tuple[list[int], list[int]]) -> None:
    table = np.array(rows, dtype=float)
    assert np.array_equal(pooled(table).sum(axis=1), table.sum(axis=1))


@given(rows)
def test_what_is_left_expects_enough_or_is_two_columns(rows: tuple[list[int], list[int]]) -> None:
    table = np.array(rows, dtype=float)
    reference, window = pooled(table)
    expected = reference / reference.sum() * window.sum()
    assert len(expected) <= 2 or (expected >= LEAST_EXPECTED - 1e-9).all()


def test_a_table_without_sparse_categories_is_left_alone() -> None:
    table = np.array([[500.0, 300.0, 200.0], [50.0, 25.0, 25.0]])
    assert pooled(table) is table


def test_a_single_stranger_among_many_rows_is_not_significant() -> None:
    reference = np.repeat([0.0, 1.0], [9_000, 1_000])
    window = np.append(np.repeat([0.0, 1.0], [450, 49]), 7.0)
    result = ChiSquare(reference).test(window)
    assert result.p_val < 0.001
    assert result.pooled_p_val > 0.5


def test_a_flood_of_a_rare_category_is_significant_and_large() -> None:
    reference = np.repeat([0.0, 1.0, 2.0], [9_000, 998, 2])
    window = np.repeat([0.0, 1.0, 2.0], [360, 40, 100])
    result = ChiSquare(reference).test(window)
    assert result.pooled_p_val < 1e-20
    assert result.effect > 0.2


def test_a_category_new_to_a_reference_of_one_is_not_pooled_away() -> None:
    result = ChiSquare([3.0] * 1_000).test([3.0] * 150 + [4.0] * 50)
    assert result.pooled_p_val < 1e-20
    assert result.effect > 0.3


def test_sparse_categories_do_not_cry_wolf() -> None:
    rng = np.random.default_rng(0)
    shares = np.append(0.9, np.full(40, 0.1 / 40))
    codes = rng.choice(41, size=(1, 10_000), p=shares)[0].astype(float)
    test = ChiSquare(codes)
    windows = [test.test(rng.choice(41, size=300, p=shares)) for _ in range(500)]
    assert np.mean([result.pooled_p_val < 0.01 for result in windows]) < 0.02
    assert np.mean([result.p_val < 0.01 for result in windows]) > 0.02
