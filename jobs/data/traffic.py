"""Traffic with known truth: rows that were kept from training, as they are, drifted, or with outliers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.data.features import Features

SCENARIOS = ("normal", "outliers", "drift")
SHIFT = 0.5
MOVED = 0.15
OUTLIERS = 0.05


class Traffic(NamedTuple):
    """Rows of shape (n, features), which of them were made outliers, and which features were moved."""

    rows: NDArray[np.float64]
    outlier: NDArray[np.bool_]
    moved: tuple[str, ...]


def make_traffic(
    scenario: str, holdout: NDArray[np.float64], features: Features, n: int, seed: int
) -> Traffic:
    """Draw rows for a scenario.

    `normal` is the held-out data. `drift` moves the first numeric feature by half a standard deviation and
    15 points of the first categorical feature's mix from its most to its second most frequent category.
    `outliers` replaces 5 % of the rows by ones with every quantity 6 to 8 standard deviations above the mean
    and rare categories in half of the others.
    """
    if scenario not in SCENARIOS:
        raise ValueError(f"scenario must be one of {', '.join(SCENARIOS)}, got {scenario!r}")
    rng = np.random.default_rng(seed)
    rows = holdout[_draw(rng, len(holdout), n)].copy()
    outlier = np.zeros(n, dtype=bool)
    moved: tuple[str, ...] = ()
    if scenario == "drift":
        moved = _drift(rows, holdout, features, rng)
    if scenario == "outliers":
        outlier = rng.random(n) < OUTLIERS
        rows[outlier] = _outliers(rows[outlier], holdout, features, rng)
    return Traffic(rows, outlier, moved)


def _draw(rng: np.random.Generator, available: int, n: int) -> NDArray[np.intp]:
    """Draw without replacement as far as the rows go."""
    rounds = [rng.permutation(available) for _ in range(-(-n // available))]
    return np.asarray(np.concatenate(rounds)[:n])


def _drift(
    rows: NDArray[np.float64], holdout: NDArray[np.float64], features: Features, rng: np.random.Generator
) -> tuple[str, ...]:
    moved = []
    for quantity in features.numeric[:1]:
        rows[:, quantity] += SHIFT * np.nanstd(holdout[:, quantity])
        moved.append(features.names[quantity])
    for category in features.categorical[:1]:
        first, second = _by_frequency(holdout[:, category])[:2]
        movable = np.flatnonzero(rows[:, category] == first)
        rows[rng.choice(movable, min(len(movable), round(MOVED * len(rows))), replace=False), category] = (
            second
        )
        moved.append(features.names[category])
    return tuple(moved)


def _outliers(
    rows: NDArray[np.float64], holdout: NDArray[np.float64], features: Features, rng: np.random.Generator
) -> NDArray[np.float64]:
    for quantity in features.numeric:
        known = holdout[:, quantity]
        distance = rng.uniform(6, 8, len(rows))
        rows[:, quantity] = (np.nanmean(known) + distance * np.nanstd(known)).round()
    for category in features.categorical:
        codes = _by_frequency(holdout[:, category])
        rare = codes[len(codes) // 2 :]
        chosen = rng.random(len(rows)) < 0.5
        rows[chosen, category] = rng.choice(rare, int(chosen.sum()))
    return rows


def _by_frequency(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the codes of a column, the most frequent first."""
    distinct, counts = np.unique(codes[~np.isnan(codes)], return_counts=True)
    return np.asarray(distinct[np.argsort(-counts, kind="stable")])
