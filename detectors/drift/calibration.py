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
# The effects of each feature are divided by this quantile of them, so that features have one scale.
_TYPICAL = 0.95
# Confidence that the false-alarm rate is at most the stated one, given the number of simulated windows.
_CONFIDENCE = 0.95
# The smallest scale of a feature's effects; one or two rows of a window can cause smaller ones.
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
    includes the uncertainty about the held-out rows; otherwise it would be too low if there are few.

    The effects of each feature are divided by their 95 % quantile, and the largest quotient of each window
    counts, as in the minP method of Westfall & Young (1993, Resampling-Based Multiple Testing). The rate is
    therefore valid for all features together, whatever their correlation. The threshold is an upper 95 %
    confidence limit of the quantile 1 - rate (order statistics, Hahn & Meeker 1991, Statistical Intervals,
    chapter 5).
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
    return np.array([detector.effect(detector.count(_draw(rows, window, rng))) for _ in range(windows)])


def thresholds(effects: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return the thresholds that at most a share `rate` of the windows reach, shape (features,).

    `effects` has shape (windows, features). A window counts if any feature reaches its threshold.
    """
    rank = _rank(rate, len(effects))
    typical = np.maximum(np.quantile(effects, _TYPICAL, axis=0), _LEAST)
    largest = np.sort((effects / typical).max(axis=1))
    return np.asarray(typical * max(1.0, largest[rank - 1]))


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
