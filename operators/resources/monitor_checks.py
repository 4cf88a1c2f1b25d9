"""Checks of a Monitor beyond its schema: its own values, and its steps against its pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from operators.core.errors import DeploymentError
from operators.core.names import check_name
from operators.resources.durations import seconds_of
from operators.resources.monitor_schema import (
    LEAST_SHARDED_ROWS,
    DriftRules,
    Levels,
    Monitor,
    MonitorSpec,
    QualityRules,
    RateLimits,
)
from operators.resources.pipeline_checks import check_support
from operators.resources.seldon_schema import Batch, Pipeline

_LARGEST = 2**32 - 1
# Rates are kept for this time, in seconds.
_LONGEST_OVER = 3600.0
# The last bucket of the latency histogram begins here, in milliseconds.
_LONGEST_LATENCY = 10_000.0


def check_monitor(monitor: Monitor) -> Iterator[str]:
    """Yield every error of a Monitor, each beginning with its path."""
    yield from check_name(monitor.metadata.name)
    yield from check_support(monitor)
    yield from _alerts(monitor.spec)
    seen: set[str] = set()
    for at, rules in _sections(monitor):
        yield from _numbers(at, rules)
        if rules.step in seen:
            yield f"{at}.step: step {rules.step} occurs twice"
        seen.add(rules.step)


def check_monitors(
    monitors: Sequence[tuple[str, Monitor]], pipelines: Mapping[str, Pipeline]
) -> Iterator[str]:
    """Yield every error of Monitors that concerns their pipelines, each beginning with the Monitor's place.

    `monitors` are pairs of a place and a Monitor. A Monitor is not checked if its pipeline is not in
    `pipelines`, because the pipeline is invalid or missing.
    """
    taken: dict[str, str] = {}
    for place, monitor in monitors:
        name = monitor.spec.pipeline
        if name in taken:
            yield (
                f"{place}: spec.pipeline: pipeline {name} already has a Monitor ({taken[name]}); merge them "
                "into one"
            )
        elif name in pipelines:
            yield from (f"{place}: {error}" for error in _steps(monitor, pipelines[name]))
        taken.setdefault(name, place)


def _steps(monitor: Monitor, pipeline: Pipeline) -> Iterator[str]:
    batches = {step.name: step.batch for step in pipeline.spec.steps}
    named = [(f"spec.outliers[{i}]", one.step) for i, one in enumerate(monitor.spec.outliers)]
    named += [(at, rules.step) for at, rules in _sections(monitor)]
    for at, step in named:
        if step not in batches:
            existing = ", ".join(batches)
            yield f"{at}.step: pipeline {pipeline.metadata.name} has no step {step}; it has {existing}"
    for at, rules in _sections(monitor):
        if rules.step in batches and not batches[rules.step].is_batched:
            yield (
                f"{at}.step: step {rules.step} has no batch, so there are no windows to judge; set its "
                "batch.size in the pipeline"
            )
        elif rules.step in batches and rules.sharded:
            yield from (f"{at}.sharded: step {rules.step} {why}" for why in _sharding(batches[rules.step]))


def _sharding(batch: Batch) -> Iterator[str]:
    """Yield why the windows of a step cannot be counted in parallel."""
    if batch.rolling:
        yield "has rolling windows, which cannot be sharded; leave out sharded, or batch.rolling"
    if 0 < batch.size < LEAST_SHARDED_ROWS:
        yield f"has windows of {batch.size} rows; windows of {LEAST_SHARDED_ROWS} rows or more can be sharded"


def _alerts(spec: MonitorSpec) -> Iterator[str]:
    for i, drift in enumerate(spec.drift):
        if drift.severity and not 0 < drift.severity.critical <= 1:
            level = drift.severity.critical
            yield f"spec.drift[{i}].severity.critical must be an effect size above 0 and up to 1, got {level}"
    steps: list[str] = []
    limits: list[tuple[str, RateLimits]] = [("spec.errors", spec.errors)] if spec.errors else []
    for i, outliers in enumerate(spec.outliers):
        if outliers.step in steps:
            yield f"spec.outliers[{i}].step: step {outliers.step} occurs twice"
        steps.append(outliers.step)
        limits.append((f"spec.outliers[{i}]", outliers))
    for at, limit in limits:
        yield from _levels(f"{at}.rate", limit.rate, most=1.0)
        yield from _duration(f"{at}.over", limit.over, most=_LONGEST_OVER)
    if spec.latency:
        yield from _levels("spec.latency.p99_ms", spec.latency.p99_ms, most=_LONGEST_LATENCY)
        yield from _duration("spec.latency.over", spec.latency.over, most=_LONGEST_OVER)
    if spec.no_data:
        yield from _duration("spec.no_data.after", spec.no_data.after or "nothing")
    yield from _duration("spec.resend", spec.resend)
    for i, feature in enumerate(spec.redact):
        if not feature or feature in spec.redact[:i]:
            yield f"spec.redact[{i}] must be a feature that is not listed before, got {feature!r}"
    if spec.runbook and not spec.runbook.startswith(("http://", "https://")):
        yield f"spec.runbook must be an http or https URL, got {spec.runbook!r}"


def _levels(at: str, levels: Levels | None, most: float = inf) -> Iterator[str]:
    if levels is None:
        return
    given = [level for level in (levels.warning, levels.critical) if level is not None]
    if not given:
        yield f"{at} needs a level: warning, critical, or both"
    for name in ("warning", "critical"):
        level = getattr(levels, name)
        if level is not None and not 0 < level < most:
            limit = f" and below {most:g}" if most < inf else ""
            yield f"{at}.{name} must be above 0{limit}, got {level}"
    if len(given) > 1 and given[0] >= given[1]:
        yield f"{at}.warning must be below {at}.critical, got {given[0]} and {given[1]}"


def _duration(at: str, text: str, most: float = inf) -> Iterator[str]:
    if not text:
        return
    try:
        seconds = seconds_of(text)
    except DeploymentError as error:
        yield f"{at}: {error}"
    else:
        if not 10 <= seconds <= most:
            limit = f" to {most / 60:g}m" if most < inf else " or more"
            yield f"{at} must be 10s{limit}, got {text}"


def _sections(monitor: Monitor) -> Iterator[tuple[str, DriftRules | QualityRules]]:
    yield from ((f"spec.drift[{i}]", rules) for i, rules in enumerate(monitor.spec.drift))
    yield from ((f"spec.quality[{i}]", rules) for i, rules in enumerate(monitor.spec.quality))


def _numbers(at: str, rules: DriftRules | QualityRules) -> Iterator[str]:
    for name in ("min_n", "confirm", "resolve"):
        value = getattr(rules, name)
        if value is not None and not 1 <= value <= _LARGEST:
            yield f"{at}.{name} must be a whole number from 1 to {_LARGEST}, got {value}"
    if isinstance(rules, QualityRules):
        if rules.tolerance is not None and not 0 <= rules.tolerance < 1:
            yield f"{at}.tolerance must be a share from 0 to below 1, got {rules.tolerance}"
    elif rules.min_effect is not None and not 0 <= rules.min_effect <= 1:
        yield f"{at}.min_effect must be a number from 0 to 1, got {rules.min_effect}"
