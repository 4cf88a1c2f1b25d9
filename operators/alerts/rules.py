"""The rules of a pipeline's alerts: those of its Monitor, and defaults for what the Monitor omits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from operators.alerts.finding import Severity
from operators.alerts.lifecycle import Lifecycle
from operators.alerts.rate_rules import LatencyRule, RateRule, RateRules
from operators.core.redaction import Redaction
from operators.kafka.topics import Topics
from operators.resources.durations import seconds_of
from operators.resources.monitor_schema import DriftRules, Levels, Monitor, MonitorSpec, RateLimits

DRIFT, PREDICTION_DRIFT, DATA_QUALITY = "WeirDrift", "WeirPredictionDrift", "WeirDataQuality"
OVER, RESEND = 60.0, 300.0
DEFAULT_ERRORS = RateRule({"warning": 0.01, "critical": 0.1}, OVER)
# Detectors are trained to flag about 5 % of their training rows.
DEFAULT_OUTLIERS = RateRule({"warning": 0.15, "critical": 0.5}, OVER)
DEFAULT_CRITICAL_EFFECT = 0.3


class StepRule(NamedTuple):
    """The alert name of a batched step's findings, and the effect size from which they are critical."""

    alert: str
    critical_effect: float | None


class PipelineRules(NamedTuple):
    """All alert rules of one pipeline.

    `predictions` are the steps that watch predictions, `critical_effects` the effect sizes by step from which
    drift is critical, `redaction` the features whose names do not appear in alerts and reports.
    """

    lifecycle: Lifecycle
    rates: RateRules
    predictions: frozenset[str]
    critical_effects: Mapping[str, float]
    redaction: Redaction = Redaction()

    def of_step(self, step: str, *, quality: bool) -> StepRule:
        """Return the rule of a batched step."""
        if quality:
            return StepRule(DATA_QUALITY, None)
        alert = PREDICTION_DRIFT if step in self.predictions else DRIFT
        return StepRule(alert, self.critical_effects.get(step, DEFAULT_CRITICAL_EFFECT))


def alert_rules(pipeline: str, monitor: Monitor | None, topics: Topics) -> PipelineRules:
    """Return the alert rules of a pipeline; `monitor` None means all defaults."""
    labels = {"job": f"{topics.prefix}.{topics.namespace}", "pipeline": pipeline}
    spec = monitor.spec if monitor else MonitorSpec(pipeline=pipeline)
    latency = (
        LatencyRule(_levels(spec.latency.p99_ms), _seconds(spec.latency.over, OVER)) if spec.latency else None
    )
    rates = RateRules(
        _rate(spec.errors, DEFAULT_ERRORS) if spec.errors else DEFAULT_ERRORS,
        latency,
        {limits.step: _rate(limits, DEFAULT_OUTLIERS) for limits in spec.outliers},
        DEFAULT_OUTLIERS,
        seconds_of(spec.no_data.after) if spec.no_data else None,
    )
    return PipelineRules(
        Lifecycle(labels, _seconds(spec.resend, RESEND), spec.runbook),
        rates,
        frozenset(drift.step for drift in spec.drift if drift.of == "predictions"),
        {drift.step: effect for drift in spec.drift if (effect := _critical_effect(drift)) is not None},
        Redaction(spec.redact),
    )


def _critical_effect(drift: DriftRules) -> float | None:
    return drift.severity.critical if drift.severity else None


def _rate(limits: RateLimits, default: RateRule) -> RateRule:
    levels = _levels(limits.rate) if limits.rate else default.levels
    return RateRule(levels, _seconds(limits.over, default.over))


def _levels(levels: Levels) -> dict[Severity, float]:
    given: dict[Severity, float | None] = {"warning": levels.warning, "critical": levels.critical}
    return {severity: level for severity, level in given.items() if level is not None}


def _seconds(text: str, default: float) -> float:
    return seconds_of(text) if text else default
