"""Traffic with known truth: held-out rows, unchanged or changed on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.data.feature_encoding import Features

SHIFT = 0.5
MOVED = 0.15
OUTLIERS = 0.05
BAD = 0.05
Rows = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Traffic(NamedTuple):
    """Rows of shape (n, features), and the truth about them.

    `outlier`, `missing` and `unseen` have shape (n,). They mark the rows that were made outliers, that got
    missing values, and that got unseen categories. `moved` are the features that drift in all rows.
    """

    rows: Rows
    outlier: Mask
    missing: Mask
    unseen: Mask
    moved: tuple[str, ...] = ()


class _Source(NamedTuple):
    holdout: Rows
    features: Features
    rng: np.random.Generator


def make_traffic(scenario: str, holdout: Rows, features: Features, n: int, seed: int) -> Traffic:
    """Draw `n` rows for a scenario; ValueError for an unknown scenario.

    `normal` and `bursts` are held-out rows. `drift` moves the first numeric feature by half a standard
    deviation, and in 15 % of the rows moves the first categorical feature from its most frequent category to
    its second most frequent one. `feature-drift` moves the first feature only. `outliers` replaces 5 % of the
    rows: every numeric feature is 6 to 8 standard deviations above the mean, and each categorical feature is
    rare in half of them. `missing` removes the values of two features in 5 % of the rows. `unseen` sets an
    unknown category in 5 % of the rows.
    """
    if scenario not in SCENARIOS:
        raise ValueError(f"scenario must be one of {', '.join(SCENARIOS)}, got {scenario!r}")
    rng = np.random.default_rng(seed)
    no_rows = np.zeros(n, dtype=bool)
    traffic = Traffic(holdout[_draw(rng, len(holdout), n)].copy(), no_rows, no_rows.copy(), no_rows.copy())
    return SCENARIOS[scenario](traffic, _Source(holdout, features, rng))


def _draw(rng: np.random.Generator, available: int, n: int) -> NDArray[np.intp]:
    """Draw `n` row numbers; without replacement until all `available` ones were drawn."""
    rounds = [rng.permutation(available) for _ in range(-(-n // available))]
    return np.asarray(np.concatenate(rounds)[:n])


def _normal(traffic: Traffic, source: _Source) -> Traffic:
    return traffic


def _drift(traffic: Traffic, source: _Source) -> Traffic:
    numeric, categorical = source.features.numeric[:1], source.features.categorical[:1]
    return _moved(traffic, source, [*numeric, *categorical])


def _feature_drift(traffic: Traffic, source: _Source) -> Traffic:
    return _moved(traffic, source, [*source.features.numeric, *source.features.categorical][:1])


def _moved(traffic: Traffic, source: _Source, columns: list[int]) -> Traffic:
    rows = traffic.rows
    for column in columns:
        if column in source.features.numeric:
            rows[:, column] += SHIFT * np.nanstd(source.holdout[:, column])
        else:
            first, second = _by_frequency(source.holdout[:, column])[:2]
            movable = np.flatnonzero(rows[:, column] == first)
            chosen = source.rng.choice(movable, min(len(movable), round(MOVED * len(rows))), replace=False)
            rows[chosen, column] = second
    return traffic._replace(moved=tuple(source.features.names[column] for column in columns))


def _outliers(traffic: Traffic, source: _Source) -> Traffic:
    holdout, features, rng = source
    outlier = rng.random(len(traffic.rows)) < OUTLIERS
    rows = traffic.rows[outlier]
    for column in features.numeric:
        values = holdout[:, column]
        distance = rng.uniform(6, 8, len(rows))
        rows[:, column] = (np.nanmean(values) + distance * np.nanstd(values)).round()
    for column in features.categorical:
        codes = _by_frequency(holdout[:, column])
        rare = codes[len(codes) // 2 :]
        chosen = rng.random(len(rows)) < 0.5
        rows[chosen, column] = rng.choice(rare, int(chosen.sum()))
    traffic.rows[outlier] = rows
    return traffic._replace(outlier=outlier)


def _missing(traffic: Traffic, source: _Source) -> Traffic:
    missing = source.rng.random(len(traffic.rows)) < BAD
    columns = [*source.features.numeric[:1], *source.features.categorical[:1]]
    for column in columns:
        traffic.rows[missing, column] = np.nan
    return traffic._replace(missing=missing)


def _unseen(traffic: Traffic, source: _Source) -> Traffic:
    features = source.features
    unseen = source.rng.random(len(traffic.rows)) < BAD
    for column in features.categorical[:1]:
        traffic.rows[unseen, column] = len(features.categories[features.names[column]])
    return traffic._replace(unseen=unseen)


def _by_frequency(codes: Rows) -> Rows:
    """Return the distinct codes of a column, the most frequent first."""
    distinct, counts = np.unique(codes[~np.isnan(codes)], return_counts=True)
    return np.asarray(distinct[np.argsort(-counts, kind="stable")])


SCENARIOS: dict[str, Callable[[Traffic, _Source], Traffic]] = {
    "normal": _normal,
    "outliers": _outliers,
    "drift": _drift,
    "feature-drift": _feature_drift,
    "missing": _missing,
    "unseen": _unseen,
    "bursts": _normal,
}
