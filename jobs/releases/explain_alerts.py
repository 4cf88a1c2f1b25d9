"""Explains the alerts of a release: which can fire, at which level, and which levels are defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from operators.alerts.finding import Severity
from operators.alerts.rate_rules import ERRORS, LATENCY, NO_DATA, OUTLIERS, RateRule
from operators.alerts.rules import PipelineRules, alert_rules
from operators.control.documents import monitor_of
from operators.control.release import Release
from operators.kafka.topics import Topics
from operators.models.settings import DATA_QUALITY
from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Pipeline


def explain_alerts(release: Release, pipeline: Pipeline, topics: Topics) -> Iterator[str]:
    """Yield a line on how alerts are published, then a line for each alert that can fire."""
    monitor = monitor_of(release)
    rules = alert_rules(release.name, monitor, topics)
    yield f"{topics.alerts}, repeated every {rules.lifecycle.resend:g} s while an alert fires"
    yield from _rate_alerts(rules, monitor)
    for step in pipeline.spec.steps:
        if step.batch.is_batched:
            quality = release.artifacts[step.name].runtime == DATA_QUALITY
            rule = rules.of_step(step.name, quality=quality)
            effect = rule.critical_effect
            critical = "" if effect is None else f", critical from effect {effect:g}"
            yield f"{rule.alert} {step.name}: warning when confirmed{critical}"


def _rate_alerts(rules: PipelineRules, monitor: Monitor | None) -> Iterator[str]:
    rates = rules.rates
    if rates.errors:
        source = "" if monitor and monitor.spec.errors else " (by default)"
        yield f"{ERRORS}: {_share(rates.errors, 'of the requests fail')}{source}"
    for step, rule in rates.outliers.items():
        yield f"{OUTLIERS} {step}: {_share(rule, 'of its rows are outliers')}"
    if rates.any_outliers:
        steps = "every other step" if rates.outliers else "every step"
        share = _share(rates.any_outliers, "of its rows are outliers")
        yield f"{OUTLIERS}, {steps} that flags rows: {share} (by default)"
    if rates.latency:
        levels = _levels(rates.latency.levels, " ms")
        yield f"{LATENCY}: 99th percentile of {rates.latency.over:g} s significantly above {levels}"
    else:
        yield f"{LATENCY}: none (by default)"
    if rates.no_data is not None:
        yield f"{NO_DATA}: critical when no request arrived for {rates.no_data:g} s"
    else:
        yield f"{NO_DATA}: none (by default)"


def _share(rule: RateRule, what: str) -> str:
    levels = _levels({severity: 100 * level for severity, level in rule.levels.items()}, " %")
    return f"significantly more than {levels} {what} in {rule.over:g} s"


def _levels(levels: Mapping[Severity, float], unit: str) -> str:
    return ", ".join(f"{level:g}{unit} ({severity})" for severity, level in levels.items())
