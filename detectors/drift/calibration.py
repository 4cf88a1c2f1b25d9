"""Calibration: how far windows without drift differ from a reference, learned from held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from detectors.drift.tabular import TabularDrift

# A reference, or the held-out rows, should have this many windows; with fewer, chance in one sample decides.
ENOUGH_WINDOWS = 10
# The largest effects of a feature, of which its tail is estimated: this share of them, but enough of them.
_TAIL, _ENOUGH_PEAKS, _MAX_TAIL = 0.05, 50, 0.25
# Confidence that the false-alarm rate is at most the stated one, given the number of simulated windows.
_CONFIDENCE = 0.95
# A category of which a window contains fewer than this number on average is rare.
_FEW = 5
# The smallest mean excess of a feature's effects, for features whose effects are all equal.
_LEAST = 1e-3


class Calibration(NamedTuple):
    """The thresholds of the features' effects, for windows of `window` rows.

    `effect`, shape (features,), is the threshold of each feature. In at most a share `rate` of windows
    without drift, any feature reaches its threshold. `windows` windows were drawn from `rows` held-out rows.
    """

    window: int
    rate: float
    effect: NDArray[np.float64]
    rows: int
    windows: int


def calibrate(
    detector: TabularDrift,
    held_out: ArrayLike,
    window: int,
    rate: float = 0.01,
    windows: int = 2_000,
    seed: int = 0,
) -> Calibration:
    """Measure how far windows of held-out rows differ from the reference, and derive thresholds.

    Parameters
    ----------
    held_out:
        Rows without drift that are not in the reference, shape (n, features), n at least `window`. They
        represent all future rows, so more are better (ten windows or more).
    window:
        Number of rows of the windows that will be judged.
    rate:
        Allowed share of windows without drift that are called drift.
    windows:
        Number of windows to draw.

    Notes
    -----
    Each window is drawn with replacement from a new resample of the held-out rows. The threshold thus
    includes the uncertainty about the held-out rows; otherwise it would be too low if there are few. Rare
    categories are counted once more than the held-out rows contain them (Laplace's rule of succession),
    because future rows may contain those that these happen to miss.

    The effects of each feature are put on one scale, that of their tail: their excess above a high quantile,
    divided by the mean excess of those above it (an exponential tail, as in the peaks over threshold of
    Davison & Smith 1990, J. R. Statist. Soc. B 52). A category that is rare, with no effect in most windows
    and a large one in a few, thus does not raise the thresholds of other features. The largest scaled effect
    of each window counts, as in the minP method of Westfall & Young (1993, Resampling-Based Multiple
    Testing). The rate is therefore valid for all features together, whatever their correlation. The threshold
    is an upper 95 % confidence limit of the quantile 1 - rate (order statistics, Hahn & Meeker 1991,
    Statistical Intervals, chapter 5).
    """
    _rank(rate, windows)
    effects = drawn_effects(detector, held_out, window, windows, seed)
    return Calibration(window, rate, thresholds(effects, rate), len(np.asarray(held_out)), windows)


def drawn_effects(
    detector: TabularDrift, held_out: ArrayLike, window: int, windows: int, seed: int = 0
) -> NDArray[np.float64]:
    """Return the effects of the windows that `calibrate` draws, shape (windows, features)."""
    rows = np.asarray(held_out, dtype=np.float64)
    if len(rows) < window or window < 1:
        raise ValueError(f"a window of {window} rows needs at least {window} held-out rows, got {len(rows)}")
    rng = np.random.default_rng(seed)
    pool = _with_rare_categories(detector, rows, window, rng)
    return np.array([detector.effect(detector.count(_draw(pool, window, rng))) for _ in range(windows)])


def thresholds(effects: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return the thresholds that at most a share `rate` of the windows reach, shape (features,).

    `effects` has shape (windows, features). A window counts if any feature reaches its threshold.
    """
    rank = _rank(rate, len(effects))
    tail = min(_MAX_TAIL, max(_TAIL, _ENOUGH_PEAKS / len(effects)))
    high = np.quantile(effects, 1 - tail, axis=0)
    peaks = effects > high
    excess = np.where(peaks, effects - high, 0.0).sum(axis=0) / np.maximum(1, peaks.sum(axis=0))
    scale = np.maximum(excess, _LEAST)
    largest = np.sort(((effects - high) / scale).max(axis=1))
    return np.asarray(high + scale * largest[rank - 1])


def least_effect(calibrations: Sequence[Calibration], rows: int, features: int) -> NDArray[np.float64]:
    """Return the threshold of each feature's effect in a window of `rows` rows, shape (features,).

    It is that of the largest calibrated window with at most `rows` rows. If all calibrated windows are
    larger, chance has a larger effect: the threshold of the smallest is multiplied by the square root of
    window / rows. Without calibrations the threshold is 0.
    """
    if not calibrations:
        return np.zeros(features)
    by_window = sorted(calibrations, key=lambda calibration: calibration.window)
    best = ([one for one in by_window if one.window <= rows] or by_window[:1])[-1]
    return np.asarray(best.effect * max(1.0, np.sqrt(best.window / max(1, rows))))


def _with_rare_categories(
    detector: TabularDrift, rows: NDArray[np.float64], window: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add one row for each category of which a window contains few, or which is in no row.

    A feature that is not binary may have categories that are neither in the reference nor in the rows.
    """
    added = []
    for feature in sorted(detector.categorical):
        column = rows[:, feature]
        codes = np.union1d(detector.categories(feature), column[~np.isnan(column)])
        if len(codes) != 2:
            codes = np.append(codes, codes[-1] + 1)
        counts = np.array([(column == code).sum() for code in codes])
        for code in codes[counts * window < _FEW * len(rows)]:
            row = rows[rng.integers(len(rows))].copy()
            row[feature] = code
            added.append(row)
    return np.vstack([rows, *added])


def _draw(rows: NDArray[np.float64], window: int, rng: np.random.Generator) -> NDArray[np.float64]:
    resampled = rng.integers(len(rows), size=len(rows))
    drawn: NDArray[np.float64] = rows[resampled[rng.integers(len(rows), size=window)]]
    return drawn


def _rank(rate: float, windows: int) -> int:
    """Return the rank, from 1, of the window that is the upper confidence limit of the quantile 1 - rate."""
    if not 0 < rate < 1:
        raise ValueError(f"rate must be between 0 and 1, got {rate}")
    rank = int(binom.ppf(_CONFIDENCE, windows, 1 - rate)) + 1
    if rank > windows:
        raise ValueError(
            f"{windows} windows are too few for a rate of {rate}: draw {round(5 / rate)} or more"
        )
    return rank
