"""Rules over rates: errors, latency, outliers, no data. Each looks at the latest moments of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from detectors.binomial import significantly_above
from operators.alerts.alert import iso
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Severity, Unknown
from operators.core.errors import Reason
from operators.metrics.tally import BOUNDS, Tally

_HIGHEST_FIRST: tuple[Severity, ...] = ("critical", "warning")
ERRORS, LATENCY, OUTLIERS, NO_DATA = "WeirErrors", "WeirLatency", "WeirOutliers", "WeirNoData"


class RateRule(NamedTuple):
    """A share of what came in the last `over` seconds, surely above a level."""

    levels: Mapping[Severity, float]
    over: float


class LatencyRule(NamedTuple):
    """The 99th percentile of the requests of the last `over` seconds, above a level in milliseconds.

    It is surely above where the share of slower requests surely is above 1 %.
    """

    levels: Mapping[Severity, float]
    over: float


class RateRules(NamedTuple):
    """The rules of a pipeline; None where there is none.

    `outliers` by step, `any_outliers` for steps that are not among these, `no_data` in seconds.
    """

    errors: RateRule | None
    latency: LatencyRule | None
    outliers: Mapping[str, RateRule]
    any_outliers: RateRule | None
    no_data: float | None

    @property
    def longest(self) -> float:
        """For how many seconds rates are needed."""
        rules = [self.errors, self.latency, self.any_outliers, *self.outliers.values()]
        return max((rule.over for rule in rules if rule), default=0.0)


class Slice(NamedTuple):
    """What a pipeline did between two times in milliseconds since 1970."""

    since: int
    until: int
    tally: Tally


def evaluate_rates(
    rules: RateRules, slices: Sequence[Slice], last: int, now: int, standing: Mapping[AlertKey, Severity]
) -> Iterator[tuple[AlertKey, Finding | Unknown | None]]:
    """Yield what each rule finds; `last` is when the latest request came, in milliseconds since 1970.

    `standing` are the alerts that fire: they go on while their share is above the level, surely or not.
    """
    if rules.errors:
        span = _latest(slices, rules.errors.over, now)
        yield AlertKey(ERRORS), _errors(rules.errors, *span, standing.get(AlertKey(ERRORS)))
    if rules.latency:
        span = _latest(slices, rules.latency.over, now)
        yield AlertKey(LATENCY), _latency(rules.latency, *span, standing.get(AlertKey(LATENCY)))
    flagging = {name for one in slices for name, step in one.tally.steps.items() if step.outliers is not None}
    for step in sorted(flagging | rules.outliers.keys()):
        if rule := rules.outliers.get(step, rules.any_outliers):
            about, span = AlertKey(OUTLIERS, step), _latest(slices, rule.over, now)
            yield about, _outliers(step, rule, *span, standing.get(about))
    if rules.no_data is not None:
        yield AlertKey(NO_DATA), _no_data(rules.no_data, last, now)


def _errors(rule: RateRule, span: str, tally: Tally, standing: Severity | None) -> Finding | Unknown | None:
    severity = _severity(rule.levels, tally.failed, tally.requests, standing)
    if not isinstance(severity, str):
        return severity
    counts = [
        (n, reason, step)
        for step, by in tally.errors.items()
        for reason, n in by.items()
        if reason != Reason.MONITOR_FAILED
    ]
    told = [f"{n} {reason}{f' in {step}' if step else ''}" for n, reason, step in sorted(counts)[:-6:-1]]
    share = f"{tally.failed / tally.requests:.1%} of {tally.requests:,} requests"
    summary = f"{share} got an error instead of an answer"
    return Finding(severity, {"summary": summary, "errors": ", ".join(told), "window": span})


def _latency(
    rule: LatencyRule, span: str, tally: Tally, standing: Severity | None
) -> Finding | Unknown | None:
    p99 = quantile(0.99, tally.buckets) * 1000
    slower = {level: _slower(tally.buckets, ms / 1000) for level, ms in rule.levels.items()}
    for severity in _HIGHEST_FIRST:
        if severity in slower and _above(slower[severity], tally.requests, 0.01, severity, standing):
            busiest = max(tally.steps, key=lambda step: tally.steps[step].microseconds, default="none")
            summary = f"99 % of {tally.requests:,} requests took up to {p99:,.0f} ms"
            limit = f"more than {rule.levels[severity]:g} ms"
            return Finding(
                severity, {"summary": f"{summary}, {limit}", "busiest_step": busiest, "window": span}
            )
    return UNKNOWN if tally.requests and p99 > min(rule.levels.values()) else None


def _outliers(
    step: str, rule: RateRule, span: str, tally: Tally, standing: Severity | None
) -> Finding | Unknown | None:
    done = tally.step(step)
    flagged = done.outliers or 0
    severity = _severity(rule.levels, flagged, done.rows, standing)
    if not isinstance(severity, str):
        return severity
    summary = f"{flagged / done.rows:.1%} of {done.rows:,} rows are outliers to {step}"
    return Finding(severity, {"summary": summary, "window": span})


def _no_data(after: float, last: int, now: int) -> Finding | None:
    if now - last < after * 1000:
        return None
    span = f"{iso(last)}/{iso(now)}"
    return Finding("critical", {"summary": f"no request came since {iso(last)}", "window": span})


def _severity(
    levels: Mapping[Severity, float], part: int, of: int, standing: Severity | None
) -> Severity | Unknown | None:
    """Judge a share: nothing at all is nothing wrong; above a level, but maybe by chance, is not known."""
    for severity in _HIGHEST_FIRST:
        if severity in levels and _above(part, of, levels[severity], severity, standing):
            return severity
    return UNKNOWN if part > min(levels.values()) * of else None


def _above(part: int, of: int, level: float, severity: Severity, standing: Severity | None) -> bool:
    """Tell whether a share is above a level: surely, or where as bad an alert stands already, at all."""
    stands = standing is not None and _HIGHEST_FIRST.index(standing) <= _HIGHEST_FIRST.index(severity)
    return part > level * of if stands else significantly_above(part, of, level)


def _slower(buckets: Sequence[int], seconds: float) -> int:
    """Count the requests that took longer, as if those of one bucket were spread evenly."""
    slower = 0.0
    for n, (low, high) in zip(buckets, pairwise((0.0, *BOUNDS, inf)), strict=True):
        if low >= seconds:
            slower += n
        elif high > seconds:
            slower += n * (high - seconds) / (high - low) if high < inf else n
    return int(slower)


def _latest(slices: Iterable[Slice], over: float, now: int) -> tuple[str, Tally]:
    """Add up the slices that ended within so many seconds."""
    within = [one for one in slices if one.until > now - over * 1000]
    span = f"{iso(within[0].since)}/{iso(within[-1].until)}" if within else ""
    return span, Tally.total(one.tally for one in within)


def quantile(share: float, buckets: Sequence[int]) -> float:
    """Estimate a quantile in seconds within its bucket, as Prometheus' `histogram_quantile` does.

    >>> quantile(0.5, [0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0])
    0.175
    """
    wanted, below = share * sum(buckets), 0
    for n, (low, high) in zip(buckets, pairwise((0.0, *BOUNDS)), strict=False):
        if n and below + n >= wanted:
            return low + (high - low) * (wanted - below) / n
        below += n
    return BOUNDS[-1]
