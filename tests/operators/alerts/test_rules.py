from __future__ import annotations

from typing import Any

from operators.alerts.rules import StepRule, alert_rules
from operators.kafka.topics import Topics
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor

TOPICS = Topics("weir", "default")


def monitor(**spec: Any) -> Monitor:
    document = {"apiVersion": "weir/v1alpha1", "kind": "Monitor", "metadata": {"name": "m"}}
    parsed = parse_document({**document, "spec": {"pipeline": "p", **spec}})
    assert isinstance(parsed, Monitor)
    return parsed


def test_without_a_monitor_stated_defaults_hold() -> None:
    rules = alert_rules("p", None, TOPICS)
    assert rules == alert_rules("p", monitor(), TOPICS)
    assert rules.rates.errors == ({"warning": 0.01, "critical": 0.1}, 60.0)
    assert rules.rates.any_outliers == ({"warning": 0.15, "critical": 0.5}, 60.0)
    assert (rules.rates.latency, rules.rates.no_data, rules.lifecycle.resend) == (None, None, 300.0)
    assert rules.lifecycle.labels == {"job": "weir.default", "pipeline": "p"}
    assert rules.of_step("drift", quality=False) == StepRule("WeirDrift", 0.3)
    assert rules.of_step("quality", quality=True) == StepRule("WeirDataQuality", None)


def test_a_monitor_replaces_the_defaults_that_it_names_and_no_others() -> None:
    rules = alert_rules(
        "p",
        monitor(
            drift=[{"step": "a", "of": "predictions"}, {"step": "b", "severity": {"critical": 0.5}}],
            outliers=[{"step": "o", "rate": {"critical": 0.2}}, {"step": "q", "over": "5m"}],
            errors={"over": "90s"},
            latency={"p99_ms": {"warning": 500}},
            no_data={"after": "10m"},
            resend="1m",
            runbook="https://wiki/x",
        ),
        TOPICS,
    )
    assert rules.of_step("a", quality=False) == StepRule("WeirPredictionDrift", 0.3)
    assert rules.of_step("b", quality=False) == StepRule("WeirDrift", 0.5)
    assert rules.rates.outliers == {
        "o": ({"critical": 0.2}, 60.0),
        "q": ({"warning": 0.15, "critical": 0.5}, 300.0),
    }
    assert rules.rates.errors == ({"warning": 0.01, "critical": 0.1}, 90.0)
    assert rules.rates.latency == ({"warning": 500}, 60.0)
    assert rules.rates.no_data == 600.0
    assert (rules.lifecycle.resend, rules.lifecycle.runbook) == (60.0, "https://wiki/x")
