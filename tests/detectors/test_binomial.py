from __future__ import annotations

import pytest
from scipy.stats import binomtest

from detectors.binomial import significantly_above


@pytest.mark.parametrize("of", [1, 20, 137, 10_000])
@pytest.mark.parametrize("share", [0.01, 0.15, 0.9])
def test_it_is_the_one_sided_binomial_test(of: int, share: float) -> None:
    for part in range(0, of + 1, max(1, of // 50)):
        expected = binomtest(part, of, share, alternative="greater").pvalue < 0.001
        assert significantly_above(part, of, share) == expected, part


def test_nothing_is_surely_nothing() -> None:
    assert not significantly_above(0, 0, 0.01)
