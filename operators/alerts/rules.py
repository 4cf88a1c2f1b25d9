"""Which rules hold for a pipeline's alerts: its Monitor's, and stated defaults for what that leaves out."""

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
# Detectors are trained to flag about a twentieth of what they know.
DEFAULT_OUTLIERS = RateRule({"warning": 0.15, "critical": 0.5}, OVER)
DEFAULT_CRITICAL_EFFECT = 0.3


class StepRule(NamedTuple):
    """What a batched step's confirmed finding is called, and from which effect size on it is critical."""

    alert: str
    critical_effect: float | None


class PipelineRules(NamedTuple):
    """Everything that alerts of a pipeline go by."""

    lifecycle: Lifecycle
    rates: RateRules
    predictions: frozenset[str]
    critical_effects: Mapping[str, float]
    hides: Redaction = Redaction()

    def of_step(self, step: str, *, quality: bool) -> StepRule:
        """Return the rule of a batched step."""
        if quality:
            return StepRule(DATA_QUALITY, None)
        alert = PREDICTION_DRIFT if step in self.predictions else DRIFT
        return StepRule(alert, self.critical_effects.get(step, DEFAULT_CRITICAL_EFFECT))


def alert_rules(pipeline: str, monitor: Monitor | None, topics: Topics) -> PipelineRules:
    """Return the rules in force for a pipeline with this Monitor, or without any."""
    labels = {"job": f"{topics.prefix}.{topics.namespace}", "pipeline": pipeline}
    spec = monitor.spec if monitor else MonitorSpec(pipeline=pipeline)
    latency = (
        LatencyRule(_levels(spec.latency.p99_ms), _seconds(spec.latency.over, OVER)) if spec.latency else None
    )
    rates = RateRules(
        _rate(spec.errors, DEFAULT_ERRORS) if spec.errors else DEFAULT_ERRORS,
        latency,
        {one.step: _rate(one, DEFAULT_OUTLIERS) for one in spec.outliers},
        DEFAULT_OUTLIERS,
        seconds_of(spec.no_data.after) if spec.no_data else None,
    )
    return PipelineRules(
        Lifecycle(labels, _seconds(spec.resend, RESEND), spec.runbook),
        rates,
        frozenset(one.step for one in spec.drift if one.of == "predictions"),
        {one.step: effect for one in spec.drift if (effect := _critical_effect(one)) is not None},
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
