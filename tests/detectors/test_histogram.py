from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.drift.chi_square import ChiSquare
from detectors.drift.ks import KolmogorovSmirnov

values = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=80)


@given(values, values)
def test_bins_hold_what_numpy_counts_between_their_edges(reference: list[float], window: list[float]) -> None:
    ks = KolmogorovSmirnov(reference)
    histogram = ks.histogram(ks.count(window))
    assert histogram.edges is not None
    for sample, shares in ((reference, histogram.reference), (window, histogram.window)):
        bins = np.searchsorted(histogram.edges, sample, "left")
        expected = np.bincount(bins, minlength=len(shares)) / len(sample)
        assert np.allclose(shares, expected, atol=1e-12)
    assert len(histogram.reference) <= 10


def test_an_extreme_value_does_not_stretch_the_bins() -> None:
    rng = np.random.default_rng(0)
    reference = np.append(rng.normal(size=5_000), 1e12)
    histogram = KolmogorovSmirnov(reference).histogram(KolmogorovSmirnov(reference).count(reference))
    assert len(histogram.reference) == 10
    assert histogram.reference.max() < 0.3


def test_infinite_values_leave_bins() -> None:
    reference = np.concatenate((np.full(50, -np.inf), np.arange(100.0), np.full(50, np.inf)))
    ks = KolmogorovSmirnov(reference)
    histogram = ks.histogram(ks.count(reference))
    assert np.isclose(histogram.reference.sum(), 1)
    assert np.allclose(histogram.reference, histogram.window)


def test_few_values_have_a_bin_each() -> None:
    ks = KolmogorovSmirnov([0.0] * 6 + [1.0] * 3 + [2.0])
    histogram = ks.histogram(ks.count([0.0, 2.0, 2.0, 2.0]))
    assert histogram.edges is not None
    assert histogram.edges.tolist() == [0.0, 1.0]
    assert histogram.reference.tolist() == [0.6, 0.3, 0.1]
    assert histogram.window.tolist() == [0.25, 0.0, 0.75]


def test_the_most_frequent_categories_are_shown_and_the_others_are_one() -> None:
    test = ChiSquare(np.repeat(np.arange(20.0), np.arange(20, 0, -1)))
    histogram = test.histogram(test.count([19.0] * 8 + [99.0] * 2))
    assert histogram.codes is not None
    assert {19.0, 99.0, 0.0, 1.0} <= set(histogram.codes.tolist())
    assert len(histogram.window) == 10
    assert np.isclose(histogram.window.sum(), 1)
    assert np.isclose(histogram.reference.sum(), 1)
    assert histogram.window[list(histogram.codes).index(19.0)] == 0.8
