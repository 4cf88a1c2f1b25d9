"""Comparing a new detector with the old one on rows that neither was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scipy.stats import binom

from detectors.drift.calibration import ENOUGH_WINDOWS, Calibration
from detectors.drift.judgement import Judgement
from jobs.data.usable_numbers import find_unusable
from jobs.models.calibrate import false_alarms
from jobs.models.retraining.refit import parts_of
from jobs.models.retraining.replay import MonitorInput
from jobs.models.training.drift import hot_deck
from jobs.models.training.options import Options
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.step import Step

_DRAWS = 200
# Significance level of the test that a detector's false-alarm rate exceeds the stated one.
_SIGNIFICANCE = 0.01
# The share of outliers may differ from the wanted one by this factor, in both directions.
_MAX_RATIO = 3.0
# The most frequent reasons why requests are left out that are reported.
_MAX_REASONS = 3


class Check(NamedTuple):
    """A check of a new detector; a failed check is a reason not to apply it."""

    step: str
    passed: bool
    message: str


def compare(monitor: MonitorInput, new: Step, options: Options) -> Iterator[Check]:
    """Yield the checks of a new detector against the old one."""
    yield from _left_out(monitor)
    old = monitor.step
    if isinstance(old, DriftModel) and isinstance(new, DriftModel):
        yield from _drift(monitor, old, new, options)
    elif isinstance(old, OutlierModel) and isinstance(new, OutlierModel):
        yield _outlier(monitor, old, new, options)
    elif isinstance(old, DataQualityModel) and isinstance(new, DataQualityModel):
        yield from _quality(monitor, old, new)


def _left_out(monitor: MonitorInput) -> Iterator[Check]:
    """Yield which requests and values are not part of any reference."""
    for why, times in Counter(monitor.refused).most_common(_MAX_REASONS):
        requests = "1 request is" if times == 1 else f"{times:,} requests are"
        yield Check(monitor.name, True, f"{requests} left out: {why}")
    if isinstance(monitor.step, DataQualityModel):
        return
    names = monitor.step.columns or [str(i) for i in range(len(monitor.columns))]
    for unusable in find_unusable(monitor.read, names):
        yield Check(monitor.name, True, f"{unusable}: left out")


def _drift(monitor: MonitorInput, old: DriftModel, new: DriftModel, options: Options) -> Iterator[Check]:
    test = parts_of(monitor, options).test
    n = new.detector.n_reference
    window = monitor.window or Judgement().min_n
    enough = n >= ENOUGH_WINDOWS * window
    yield Check(monitor.name, enough, f"{n:,} reference rows for windows of {window:,} (at least 10 windows)")
    yield from (Check(monitor.name, False, line) for line in _became_constant(old, new))
    if len(test) < window:
        yield Check(monitor.name, False, f"{len(test):,} test rows do not fill a window of {window:,}")
        return
    before = false_alarms(old.detector, test, window, old.calibrations, _DRAWS).state
    after = false_alarms(new.detector, test, window, new.calibrations, _DRAWS).state
    rate = _stated(new.calibrations, window)
    passed = rate is None or bool(binom.sf(round(after * _DRAWS) - 1, _DRAWS, rate) > _SIGNIFICANCE)
    stated = "not calibrated" if rate is None else f"{rate:.1%} stated"
    message = (
        f"DRIFT in {before:.1%} of test windows with the old detector, {after:.1%} with the new ({stated})"
    )
    yield Check(monitor.name, passed, message)


def _outlier(monitor: MonitorInput, old: OutlierModel, new: OutlierModel, options: Options) -> Check:
    parts = parts_of(monitor, options)
    test = hot_deck(parts.test, options.seed, parts.reference)
    before, after = (float(step.detector.predict(test).is_outlier.mean()) for step in (old, new))
    wanted = options.outlier_percent / 100
    passed = wanted / _MAX_RATIO <= after <= wanted * _MAX_RATIO
    message = (
        f"{before:.1%} of test rows flagged by the old detector, {after:.1%} by the new ({wanted:.1%} wanted)"
    )
    return Check(monitor.name, passed, message)


def _quality(monitor: MonitorInput, old: DataQualityModel, new: DataQualityModel) -> Iterator[Check]:
    for name, before, after in zip(
        [feature.name for feature in old.quality.features],
        old.quality.features,
        new.quality.features,
        strict=True,
    ):
        change = []
        if (before.low, before.high) != (after.low, after.high):
            change.append(f"range {before.low:g} to {before.high:g} becomes {after.low:g} to {after.high:g}")
        added = set(after.categories or ()) - set(before.categories or ())
        if added:
            change.append(f"new categories {', '.join(sorted(added))}")
        more_missing = after.missing > before.missing + 0.05
        if more_missing:
            change.append(f"{after.missing:.1%} missing instead of {before.missing:.1%}")
        if change:
            yield Check(monitor.name, not more_missing, f"{name}: {'; '.join(change)}")


def _became_constant(old: DriftModel, new: DriftModel) -> Iterator[str]:
    for i, column in enumerate(new.columns):
        if new.detector.distinct(i) == 1 < old.detector.distinct(i):
            yield f"{column} has a single value in recent traffic; it had several before"


def _stated(calibrations: Sequence[Calibration], window: int) -> float | None:
    return next((one.rate for one in calibrations if one.window == window), None)
