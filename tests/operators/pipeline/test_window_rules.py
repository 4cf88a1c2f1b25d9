from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from operators.models.runtimes.batched import WindowRules
from operators.pipeline.window_rules import effective_rules
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor

JOB = WindowRules(Judgement(200, 0.1), Confirmation(2, 2), 0.01)


def monitor(**spec: Any) -> Monitor:
    parsed = parse_document(
        {
            "apiVersion": "weir/v1alpha1",
            "kind": "Monitor",
            "metadata": {"name": "m"},
            "spec": {"pipeline": "p", **spec},
        }
    )
    assert isinstance(parsed, Monitor)
    return parsed


def test_without_a_monitor_the_jobs_rules_hold() -> None:
    assert effective_rules(None, "d", JOB) == JOB


def test_a_step_that_the_monitor_does_not_name_keeps_the_jobs_rules() -> None:
    assert effective_rules(monitor(drift=[{"step": "d", "min_n": 5}]), "other", JOB) == JOB


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"min_n": 50}, JOB._replace(judgement=Judgement(50, 0.1))),
        ({"min_effect": 0}, JOB._replace(judgement=Judgement(200, 0))),
        ({"confirm": 5}, JOB._replace(confirmation=Confirmation(5, 2))),
        ({"resolve": 1}, JOB._replace(confirmation=Confirmation(2, 1))),
        ({}, JOB),
        (
            {"min_n": 1, "min_effect": 1.0, "confirm": 3, "resolve": 4},
            WindowRules(Judgement(1, 1.0), Confirmation(3, 4), 0.01),
        ),
    ],
)
def test_a_drift_steps_own_rules_win_over_the_jobs(rule: dict[str, Any], expected: WindowRules) -> None:
    assert effective_rules(monitor(drift=[{"step": "d", **rule}]), "d", JOB) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"tolerance": 0}, JOB._replace(tolerance=0)),
        ({"min_n": 50, "confirm": 1}, WindowRules(Judgement(50, 0.1), Confirmation(1, 2), 0.01)),
        ({}, JOB),
    ],
)
def test_a_quality_steps_own_rules_win_over_the_jobs(rule: dict[str, Any], expected: WindowRules) -> None:
    both = monitor(drift=[{"step": "d", "min_n": 7}], quality=[{"step": "q", **rule}])
    assert effective_rules(both, "q", JOB) == expected


def test_a_monitor_survives_its_record() -> None:
    whole = monitor(drift=[{"step": "d", "min_n": 7}], quality=[{"step": "q", "tolerance": 0.5}])
    record = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(whole)))
    assert parse_document(record) == whole
    assert record["spec"] == {
        "pipeline": "p",
        "drift": [{"step": "d", "min_n": 7}],
        "quality": [{"step": "q", "tolerance": 0.5}],
    }
