"""The old detector and the new one on rows that neither learned from: is the new one fit to go live?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scipy.stats import binom

from detectors.drift.calibration import ENOUGH_WINDOWS, Calibration
from detectors.drift.judgement import Judgement
from jobs.data.usable_numbers import left_out
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
_LEVEL = 0.01
# A share of outliers so many times the one that was asked for is none that was asked for.
_TIMES = 3.0
# So many reasons are told why requests are left out.
_TOLD = 3


class Check(NamedTuple):
    """One finding about a new detector; one that failed is a reason not to apply it."""

    step: str
    passed: bool
    told: str


def compare(watched: MonitorInput, new: Step, options: Options) -> Iterator[Check]:
    """Yield what can be said of a new detector beside the old one."""
    yield from _left_out(watched)
    old = watched.step
    if isinstance(old, DriftModel) and isinstance(new, DriftModel):
        yield from _drift(watched, old, new, options)
    elif isinstance(old, OutlierModel) and isinstance(new, OutlierModel):
        yield _outlier(watched, old, new, options)
    elif isinstance(old, DataQualityModel) and isinstance(new, DataQualityModel):
        yield from _quality(watched, old, new)


def _left_out(watched: MonitorInput) -> Iterator[Check]:
    """Tell which requests and values are no part of any reference."""
    for why, times in Counter(watched.refused).most_common(_TOLD):
        requests = "1 request is" if times == 1 else f"{times:,} requests are"
        yield Check(watched.name, True, f"{requests} left out: {why}")
    if isinstance(watched.step, DataQualityModel):
        return
    named = watched.step.columns or [str(i) for i in range(len(watched.columns))]
    for one in left_out(watched.read, named):
        yield Check(watched.name, True, f"{one}: left out")


def _drift(watched: MonitorInput, old: DriftModel, new: DriftModel, options: Options) -> Iterator[Check]:
    test = parts_of(watched, options).test
    n = new.detector.n_reference
    window = watched.window or Judgement().min_n
    enough = n >= ENOUGH_WINDOWS * window
    yield Check(watched.name, enough, f"{n:,} reference rows for windows of {window:,} (10 windows or more)")
    yield from (Check(watched.name, False, line) for line in _constant(old, new))
    if len(test) < window:
        yield Check(watched.name, False, f"{len(test):,} test rows do not fill a window of {window:,}")
        return
    before = false_alarms(old.detector, test, window, old.calibrations, _DRAWS).state
    after = false_alarms(new.detector, test, window, new.calibrations, _DRAWS).state
    rate = _stated(new.calibrations, window)
    fine = rate is None or bool(binom.sf(round(after * _DRAWS) - 1, _DRAWS, rate) > _LEVEL)
    stated = "not calibrated" if rate is None else f"{rate:.1%} stated"
    told = f"DRIFT in {before:.1%} of test windows with the old detector, {after:.1%} with the new ({stated})"
    yield Check(watched.name, fine, told)


def _outlier(watched: MonitorInput, old: OutlierModel, new: OutlierModel, options: Options) -> Check:
    parts = parts_of(watched, options)
    test = hot_deck(parts.test, options.seed, parts.reference)
    before, after = (float(step.detector.predict(test).is_outlier.mean()) for step in (old, new))
    wanted = options.outlier_percent / 100
    fine = wanted / _TIMES <= after <= wanted * _TIMES
    told = (
        f"{before:.1%} of test rows flagged by the old detector, {after:.1%} by the new ({wanted:.1%} wanted)"
    )
    return Check(watched.name, fine, told)


def _quality(watched: MonitorInput, old: DataQualityModel, new: DataQualityModel) -> Iterator[Check]:
    for name, before, after in zip(
        [one.name for one in old.quality.features], old.quality.features, new.quality.features, strict=True
    ):
        change = []
        if (before.low, before.high) != (after.low, after.high):
            change.append(f"range {before.low:g} to {before.high:g} becomes {after.low:g} to {after.high:g}")
        fresh = set(after.categories or ()) - set(before.categories or ())
        if fresh:
            change.append(f"new categories {', '.join(sorted(fresh))}")
        more = after.missing > before.missing + 0.05
        if more:
            change.append(f"{after.missing:.1%} missing instead of {before.missing:.1%}")
        if change:
            yield Check(watched.name, not more, f"{name}: {'; '.join(change)}")


def _constant(old: DriftModel, new: DriftModel) -> Iterator[str]:
    for i, column in enumerate(new.columns):
        if new.detector.distinct(i) == 1 < old.detector.distinct(i):
            yield f"{column} has a single value in recent traffic, and had several before"


def _stated(calibrations: Sequence[Calibration], window: int) -> float | None:
    return next((one.rate for one in calibrations if one.window == window), None)
