"""The rules of Prometheus: what promtool thinks of them, and whether they ask for what there is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from jobs.flink.paths import ROOT
from operators.alerts.rate_rules import ERRORS, LATENCY, NO_DATA, OUTLIERS
from operators.alerts.rules import DATA_QUALITY, DRIFT
from tests.support.servers import require

RULES = ROOT / "flink-conf" / "prometheus" / "rules.yaml"


def test_they_fire_when_they_should_and_only_then() -> None:
    here = Path(__file__).parent / "rules_test.yaml"
    command = [require("promtool", package="prometheus"), "test", "rules", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_ask_for_metrics_that_are_documented() -> None:
    names = set(re.findall(r"flink_taskmanager_job_task_operator_weir_(\w+)", RULES.read_text("utf-8")))
    documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.M))
    assert names <= documented


def test_each_alert_that_weir_publishes_on_kafka_has_a_rule_of_the_same_name() -> None:
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    named = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    assert {ERRORS, LATENCY, OUTLIERS, NO_DATA, DRIFT, DATA_QUALITY} <= named
