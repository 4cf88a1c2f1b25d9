"""How far windows without drift move from a reference, learned from rows that were held out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from detectors.drift.tabular import TabularDrift

# Fewer windows than these in a reference, or held out, and one sample's luck decides.
ENOUGH_WINDOWS = 10
# The effects of a feature are put on one scale with the others by this quantile of theirs.
_TYPICAL = 0.95
# So sure that no more windows than stated pass the threshold, as far as the number simulated goes.
_CONFIDENCE = 0.95
# No effect that a window could show by a row or two.
_LEAST = 1e-3


class Calibration(NamedTuple):
    """What an effect must reach in a window of `window` rows, per feature, shape (features,).

    At most a share `rate` of windows without drift then has any feature that reaches its own. `rows` were
    held out, `windows` drawn from them.
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
    """Draw windows from rows that are disjoint from the reference, and see how far they move from it.

    Parameters
    ----------
    held_out:
        Rows without drift, shape (n, features), n at least `window`: they stand for all that is to come, so
        the more the better (ten windows or more).
    window:
        Rows of the windows that will be judged.
    rate:
        Share of windows without drift that may be called drift.
    windows:
        How many to draw.

    Notes
    -----
    Each window is drawn with replacement from a fresh resample of the held-out rows: that puts the
    uncertainty about the rows themselves into the threshold, without which few rows would promise too much.
    Of each window the largest effect counts, every feature's in units of its own 95 % quantile, as in the
    minP method of Westfall & Young (1993, Resampling-Based Multiple Testing): so the rate holds for all
    features together, however they hang together. The threshold is an upper 95 % confidence limit of the
    quantile 1 - rate (order statistics, Hahn & Meeker 1991, Statistical Intervals, chapter 5).
    """
    _rank(rate, windows)
    effects = drawn_effects(detector, held_out, window, windows, seed)
    return Calibration(window, rate, seldom_reached(effects, rate), len(np.asarray(held_out)), windows)


def drawn_effects(
    detector: TabularDrift, held_out: ArrayLike, window: int, windows: int, seed: int = 0
) -> NDArray[np.float64]:
    """Return the effects of the windows that `calibrate` draws, shape (windows, features)."""
    rows = np.asarray(held_out, dtype=np.float64)
    if len(rows) < window or window < 1:
        raise ValueError(f"a window of {window} rows needs as many held-out rows, got {len(rows)}")
    rng = np.random.default_rng(seed)
    return np.array([detector.effect(detector.count(_drawn(rows, window, rng))) for _ in range(windows)])


def seldom_reached(effects: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return what at most a share `rate` of such windows reach in any feature, shape (features,)."""
    rank = _rank(rate, len(effects))
    typical = np.maximum(np.quantile(effects, _TYPICAL, axis=0), _LEAST)
    largest = np.sort((effects / typical).max(axis=1))
    return np.asarray(typical * max(1.0, largest[rank - 1]))


def least_effect(calibrations: Sequence[Calibration], rows: int, features: int) -> NDArray[np.float64]:
    """Return what each feature's effect must reach in a window of so many rows, shape (features,).

    The largest calibrated window that the rows fill counts. Of fewer rows than any, chance moves them
    further, by the root of the ratio. Without calibration: 0.
    """
    if not calibrations:
        return np.zeros(features)
    by_window = sorted(calibrations, key=lambda one: one.window)
    best = ([one for one in by_window if one.window <= rows] or by_window[:1])[-1]
    return np.asarray(best.effect * max(1.0, np.sqrt(best.window / max(1, rows))))


def _drawn(rows: NDArray[np.float64], window: int, rng: np.random.Generator) -> NDArray[np.float64]:
    resampled = rng.integers(len(rows), size=len(rows))
    drawn: NDArray[np.float64] = rows[resampled[rng.integers(len(rows), size=window)]]
    return drawn


def _rank(rate: float, windows: int) -> int:
    if not 0 < rate < 1:
        raise ValueError(f"rate must be between 0 and 1, got {rate}")
    rank = int(binom.ppf(_CONFIDENCE, windows, 1 - rate)) + 1
    if rank > windows:
        raise ValueError(
            f"{windows} windows are too few for a rate of {rate}: draw {round(5 / rate)} or more"
        )
    return rank
