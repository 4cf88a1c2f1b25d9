from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.contingency import association

from detectors.drift.effect import cramers_v


def test_samples_of_one_size_give_the_textbook_value() -> None:
    reference, window = [70_000, 30_000], [55_000, 45_000]
    expected = association(np.array([reference, window]), method="cramer")
    assert cramers_v(reference, window) == pytest.approx(expected, abs=1e-3)


def test_a_small_window_shows_the_effect_of_a_large_one() -> None:
    large = cramers_v([70_000, 30_000], [55_000, 45_000])
    assert cramers_v([70_000, 30_000], [550, 450]) == pytest.approx(large, abs=2e-3)


def test_pure_chance_shows_little_effect_however_many_the_categories() -> None:
    rng = np.random.default_rng(0)
    shares = np.full(40, 1 / 40)
    reference = rng.multinomial(10_000, shares)
    effects = [cramers_v(reference, rng.multinomial(500, shares)) for _ in range(200)]
    assert np.median(effects) < 0.05
    assert np.quantile(effects, 0.95) < 0.1
