"""Rules over a pipeline's recent rates: errors, latency, outliers, no data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from detectors.binomial import significantly_above
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Severity, Unknown
from operators.core.errors import Reason
from operators.core.timestamps import iso_milliseconds
from operators.metrics.tally import BOUNDS, Tally

_HIGHEST_FIRST: tuple[Severity, ...] = ("critical", "warning")
ERRORS, LATENCY, OUTLIERS, NO_DATA = "WeirErrors", "WeirLatency", "WeirOutliers", "WeirNoData"


class RateRule(NamedTuple):
    """A share over the last `over` seconds that is significantly above a level, a share in [0, 1]."""

    levels: Mapping[Severity, float]
    over: float


class LatencyRule(NamedTuple):
    """The 99th percentile of latency over the last `over` seconds, above a level in milliseconds.

    It is significantly above if the share of slower requests is significantly above 1 %.
    """

    levels: Mapping[Severity, float]
    over: float


class RateRules(NamedTuple):
    """The rate rules of a pipeline; None disables a rule.

    `outliers` contains rules by step, `any_outliers` is the rule of all other steps. `no_data` is in seconds.
    """

    errors: RateRule | None
    latency: LatencyRule | None
    outliers: Mapping[str, RateRule]
    any_outliers: RateRule | None
    no_data: float | None

    @property
    def longest(self) -> float:
        """The longest period of a rule in seconds: for how long slices must be kept."""
        rules = [self.errors, self.latency, self.any_outliers, *self.outliers.values()]
        return max((rule.over for rule in rules if rule), default=0.0)


class Slice(NamedTuple):
    """The counts of a pipeline between two times in milliseconds since 1970."""

    since: int
    until: int
    tally: Tally


def evaluate_rates(
    rules: RateRules, slices: Sequence[Slice], last: int, now: int, active: Mapping[AlertKey, Severity]
) -> Iterator[tuple[AlertKey, Finding | Unknown | None]]:
    """Yield the result of each rule: a finding, None, or UNKNOWN.

    `last` is the time of the latest request, `now` that of the clock, in milliseconds since 1970. `active`
    are the firing alerts: they keep firing while their share is above the level, even if not significantly.
    """
    if rules.errors:
        span = _latest(slices, rules.errors.over, now)
        yield AlertKey(ERRORS), _errors(rules.errors, *span, active.get(AlertKey(ERRORS)))
    if rules.latency:
        span = _latest(slices, rules.latency.over, now)
        yield AlertKey(LATENCY), _latency(rules.latency, *span, active.get(AlertKey(LATENCY)))
    flagging = {
        name for part in slices for name, step in part.tally.steps.items() if step.outliers is not None
    }
    for step in sorted(flagging | rules.outliers.keys()):
        if rule := rules.outliers.get(step, rules.any_outliers):
            key, span = AlertKey(OUTLIERS, step), _latest(slices, rule.over, now)
            yield key, _outliers(step, rule, *span, active.get(key))
    if rules.no_data is not None:
        yield AlertKey(NO_DATA), _no_data(rules.no_data, last, now)


def _errors(rule: RateRule, span: str, tally: Tally, active: Severity | None) -> Finding | Unknown | None:
    severity = _severity(rule.levels, tally.failed, tally.requests, active)
    if not isinstance(severity, str):
        return severity
    counts = [
        (n, reason, step)
        for step, reasons in tally.errors.items()
        for reason, n in reasons.items()
        if reason != Reason.MONITOR_FAILED
    ]
    top_errors = [
        f"{n} {reason}{f' in {step}' if step else ''}" for n, reason, step in sorted(counts)[:-6:-1]
    ]
    share = f"{tally.failed / tally.requests:.1%} of {tally.requests:,} requests"
    summary = f"{share} got an error instead of an answer"
    return Finding(severity, {"summary": summary, "errors": ", ".join(top_errors), "window": span})


def _latency(rule: LatencyRule, span: str, tally: Tally, active: Severity | None) -> Finding | Unknown | None:
    p99 = quantile(0.99, tally.buckets) * 1000
    slower = {level: _slower(tally.buckets, ms / 1000) for level, ms in rule.levels.items()}
    for severity in _HIGHEST_FIRST:
        if severity in slower and _exceeds(slower[severity], tally.requests, 0.01, severity, active):
            busiest = max(tally.steps, key=lambda step: tally.steps[step].microseconds, default="none")
            summary = f"99 % of {tally.requests:,} requests took up to {p99:,.0f} ms"
            limit = f"more than {rule.levels[severity]:g} ms"
            return Finding(
                severity, {"summary": f"{summary}, {limit}", "busiest_step": busiest, "window": span}
            )
    return UNKNOWN if tally.requests and p99 > min(rule.levels.values()) else None


def _outliers(
    step: str, rule: RateRule, span: str, tally: Tally, active: Severity | None
) -> Finding | Unknown | None:
    counts = tally.step(step)
    flagged = counts.outliers or 0
    severity = _severity(rule.levels, flagged, counts.rows, active)
    if not isinstance(severity, str):
        return severity
    summary = f"{flagged / counts.rows:.1%} of {counts.rows:,} rows are outliers to {step}"
    return Finding(severity, {"summary": summary, "window": span})


def _no_data(after: float, last: int, now: int) -> Finding | None:
    if now - last < after * 1000:
        return None
    span = f"{iso_milliseconds(last)}/{iso_milliseconds(now)}"
    return Finding("critical", {"summary": f"no request came since {iso_milliseconds(last)}", "window": span})


def _severity(
    levels: Mapping[Severity, float], count: int, total: int, active: Severity | None
) -> Severity | Unknown | None:
    """Return the severity of a share; UNKNOWN if it exceeds the lowest level, but not significantly."""
    for severity in _HIGHEST_FIRST:
        if severity in levels and _exceeds(count, total, levels[severity], severity, active):
            return severity
    return UNKNOWN if count > min(levels.values()) * total else None


def _exceeds(count: int, total: int, level: float, severity: Severity, active: Severity | None) -> bool:
    """Return whether a share exceeds a level.

    To fire, the excess must be significant. If an alert of this or a higher severity fires already, any
    excess is enough.
    """
    keeps_firing = active is not None and _HIGHEST_FIRST.index(active) <= _HIGHEST_FIRST.index(severity)
    return count > level * total if keeps_firing else significantly_above(count, total, level)


def _slower(buckets: Sequence[int], seconds: float) -> int:
    """Count the requests that took longer, as if those of each bucket were evenly distributed in it."""
    slower = 0.0
    for n, (low, high) in zip(buckets, pairwise((0.0, *BOUNDS, inf)), strict=True):
        if low >= seconds:
            slower += n
        elif high > seconds:
            slower += n * (high - seconds) / (high - low) if high < inf else n
    return int(slower)


def _latest(slices: Iterable[Slice], over: float, now: int) -> tuple[str, Tally]:
    """Return the time span and the sum of the slices that ended within the last `over` seconds."""
    recent = [part for part in slices if part.until > now - over * 1000]
    span = f"{iso_milliseconds(recent[0].since)}/{iso_milliseconds(recent[-1].until)}" if recent else ""
    return span, Tally.total(part.tally for part in recent)


def quantile(share: float, buckets: Sequence[int]) -> float:
    """Estimate a quantile in seconds within its bucket, as Prometheus' `histogram_quantile` does.

    >>> quantile(0.5, [0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0])
    0.175
    """
    rank, below = share * sum(buckets), 0
    for n, (low, high) in zip(buckets, pairwise((0.0, *BOUNDS)), strict=False):
        if n and below + n >= rank:
            return low + (high - low) * (rank - below) / n
        below += n
    return BOUNDS[-1]
