from __future__ import annotations

from typing import Any

import yaml

from jobs.releases.explain_alerts import explain_alerts
from operators.control.release import Artifact, Release
from operators.kafka.topics import Topics
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Pipeline
from tests.support.paths import EXAMPLES

PIPELINE: dict[str, Any] = {
    "apiVersion": "mlops.seldon.io/v1alpha1",
    "kind": "Pipeline",
    "metadata": {"name": "p"},
    "spec": {"steps": [{"name": "d", "batch": {"size": 9}}, {"name": "q", "batch": {"size": 9}}]},
}


def explained(monitor: dict[str, Any] | None) -> list[str]:
    pipeline = parse_document(PIPELINE)
    assert isinstance(pipeline, Pipeline)
    release = Release(
        name="p",
        generation=1,
        pipeline=PIPELINE,
        models=[],
        monitor=monitor,
        artifacts={"d": Artifact("d", "x"), "q": Artifact("q", "x", runtime="weir.DataQuality")},
        topics=[],
        created_at="",
    )
    return list(explain_alerts(release, pipeline, Topics()))


def test_defaults_are_marked_as_such() -> None:
    assert explained(None) == [
        "weir.default.alerts, repeated every 300 s while an alert fires",
        "WeirErrors: significantly more than 1 % (warning), 10 % (critical) of the requests fail in 60 s "
        "(by default)",
        "WeirOutliers, every step that flags rows: significantly more than 15 % (warning), 50 % (critical) "
        "of its rows are outliers in 60 s (by default)",
        "WeirLatency: none (by default)",
        "WeirNoData: none (by default)",
        "WeirDrift d: warning when confirmed, critical from effect 0.3",
        "WeirDataQuality q: warning when confirmed",
    ]


def test_what_the_monitor_declares_is_not_by_default() -> None:
    example = EXAMPLES / "income" / "monitor.yaml"
    lines = explained(yaml.safe_load(example.read_text("utf-8")))
    assert [line.split(":")[0] for line in lines if line.endswith("(by default)")] == [
        "WeirOutliers, every other step that flags rows",
        "WeirNoData",
    ]
    assert "WeirLatency: 99th percentile of 60 s significantly above 2000 ms (warning)" in lines
