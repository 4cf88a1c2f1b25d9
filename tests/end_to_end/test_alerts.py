"""Alerts fire when traffic goes wrong, survive a killed TaskManager, and resolve when it recovers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from kafka import KafkaConsumer, TopicPartition

from jobs.client import request_body
from jobs.data.features import Features
from jobs.data.traffic import make_traffic
from jobs.releasing.deleting import Resource, delete
from jobs.stack.stack import Stack
from tests.end_to_end.deployment import Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project
from tests.servers import Alertmanager, alertmanager, weir

pytestmark = pytest.mark.cluster
NAME, SIZE = "watched", 300
SPEC: dict[str, Any] = {
    "steps": [
        {"name": "income"},
        {"name": "income-preprocess"},
        {"name": "income-outlier", "inputs": ["income-preprocess"]},
        {"name": "income-drift", "batch": {"size": SIZE}},
        {"name": "income-quality", "batch": {"size": SIZE}},
    ],
    "output": {"steps": ["income", "income-outlier"]},
}
MONITOR: dict[str, Any] = {
    "apiVersion": "weir/v1alpha1",
    "kind": "Monitor",
    "metadata": {"name": "alerts"},
    "spec": {
        "pipeline": NAME,
        "drift": [{"step": "income-drift", "confirm": 2, "resolve": 2, "severity": {"critical": 0.9}}],
        "quality": [{"step": "income-quality", "confirm": 1, "resolve": 1}],
        "outliers": [{"step": "income-outlier", "rate": {"warning": 0.15}, "over": "10s"}],
        "errors": {"rate": {"critical": 0.02}, "over": "10s"},
        "no_data": {"after": "20s"},
        "resend": "10m",
        "runbook": "https://wiki/weir",
    },
}
Told = dict[str, Any]


class Watched:
    """A job whose alerts are read, and traffic for it."""

    def __init__(self, job: Deployment, models: Path, manager: Alertmanager) -> None:
        self.job = job
        self.manager = manager
        self._holdout = np.nan_to_num(np.load(models / "holdout.npy"))
        self._features = msgspec.json.decode((models / "features.json").read_bytes(), type=Features)

    def send(self, scenario: str, requests: int, seed: int = 1, junk: int = 0) -> None:
        """Send requests, and wait until each is answered."""
        rows = make_traffic(scenario, self._holdout, self._features, requests, seed).rows
        with self.job.client(NAME) as client:
            keys = [client.send(request_body(row[None], "r")) for row in rows]
            keys += [client.send(b"junk") for _ in range(junk)]
            client.producer.flush()
            await_answers(client, keys)

    def alerts(self, name: str, wanted: int) -> list[Told]:
        """Wait for so many records of an alert, in the order in which they were told."""
        return self._read(lambda found: len(self._named(found, name)) >= wanted, name)

    def until(self, name: str, status: str) -> Told:
        """Wait until the latest record of an alert has a status."""

        def enough(found: list[Any]) -> bool:
            told = self._named(found, name)
            return bool(told) and told[-1]["status"] == status

        return self._read(enough, name)[-1]

    def _read(self, enough: Callable[[list[Any]], bool], name: str) -> list[Told]:
        return self._named(self.job.records(self.job.topics.alerts, enough), name)

    def _named(self, records: list[Any], name: str) -> list[Told]:
        told = [msgspec.json.decode(record.value) for record in records]
        return [one for one in told if one["labels"]["alertname"] == name]


@pytest.fixture(scope="module")
def watched(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    project = Project(tmp_path_factory.mktemp("alerts"), models)
    project.write(NAME, SPEC)
    (project.manifests / "monitor.yaml").write_text(yaml.safe_dump(MONITOR))
    settings = ["--parallelism", "2"]
    bridge = ["alert-bridge", "--bootstrap-servers", stack.bootstrap_servers, "--namespace", "alerts"]
    with (
        running(stack, project.manifests, project.models, "alerts", settings) as job,
        alertmanager(project.folder / "alertmanager") as manager,
        weir(*bridge, "--alertmanager", manager.url, log=project.folder / "bridge.log"),
    ):
        yield Watched(job, project.models, manager)


def test_drift_is_told_once_with_its_culprits_over_a_kill_and_resolves(watched: Watched) -> None:
    watched.send("normal", 2 * SIZE)
    watched.job.reports("income-drift", 2)
    watched.send("drift", 2 * SIZE)
    (fired,) = watched.alerts("WeirDrift", 1)
    assert fired["status"] == "firing"
    assert fired["labels"] == {
        "alertname": "WeirDrift",
        "job": "weir.alerts",
        "pipeline": NAME,
        "step": "income-drift",
        "severity": "warning",
    }
    told = fired["annotations"]
    assert told["features"].startswith(("age (effect", "workclass (effect"))
    assert told["window_number"] == "4"
    assert told["runbook_url"] == "https://wiki/weir#weirdrift"
    await_true(lambda: "WeirDrift" in watched.manager.active(), "Alertmanager has it")
    managed = watched.manager.active()["WeirDrift"]
    assert managed["fingerprint"] == fired["fingerprint"], "computed as Alertmanager does"
    assert managed["labels"] == fired["labels"]
    assert managed["annotations"]["features"] == told["features"]
    reports = watched.job.reports("income-drift", 4)
    assert [one["parameters"]["confirmed"] for one in reports] == [False, False, False, True]

    (victim,) = watched.job.stack.taskmanagers
    os.kill(victim, signal.SIGKILL)
    watched.job.stack.start_taskmanager()
    watched.send("drift", SIZE, seed=2)
    watched.job.reports("income-drift", 5)
    watched.send("normal", 2 * SIZE, seed=3)
    resolved = watched.until("WeirDrift", "resolved")
    assert [one["status"] for one in watched.alerts("WeirDrift", 2)] == ["firing", "resolved"]
    await_true(lambda: "WeirDrift" not in watched.manager.active(), "Alertmanager knows that it is over")
    assert resolved["fingerprint"] == fired["fingerprint"]
    assert resolved["startsAt"] == fired["startsAt"] < resolved["endsAt"]


def test_errors_and_outliers_fire_within_seconds_and_resolve_by_themselves(watched: Watched) -> None:
    watched.send("normal", 20, junk=80)
    errors, ended = watched.alerts("WeirErrors", 2)
    assert (errors["status"], ended["status"]) == ("firing", "resolved")
    assert errors["labels"]["severity"] == "critical"
    assert "80 UNREADABLE" in errors["annotations"]["errors"]
    rows = np.tile([90.0, 5, 3, 2, 1, 4, 3, 1, 99_999.0, 4_000.0, 99.0, 3], (SIZE, 1))
    with watched.job.client(NAME) as client:
        keys = [client.send(request_body(row[None], "r")) for row in rows]
        client.producer.flush()
        await_answers(client, keys)
    outliers, ended = watched.alerts("WeirOutliers", 2)
    assert (outliers["status"], ended["status"]) == ("firing", "resolved")
    assert outliers["labels"]["step"] == "income-outlier"


def test_bad_values_are_told_by_feature(watched: Watched) -> None:
    assert watched.until("WeirDataQuality", "firing"), "the outliers are out of range"
    watched.send("normal", 2 * SIZE, seed=4)
    watched.until("WeirDataQuality", "resolved")
    watched.send("missing", 2 * SIZE)
    told = watched.until("WeirDataQuality", "firing")
    assert "missing)" in told["annotations"]["features"]


def test_silence_is_told_and_a_deleted_pipeline_resolves_everything(watched: Watched) -> None:
    silence = watched.until("WeirNoData", "firing")
    assert silence["labels"]["severity"] == "critical"
    watched.send("normal", 5)
    watched.until("WeirNoData", "resolved")
    watched.until("WeirNoData", "firing")
    assert watched.until("WeirDataQuality", "firing")
    delete([Resource("monitor", "alerts"), Resource("pipeline", NAME)], watched.job.connection)
    watched.until("WeirNoData", "resolved")
    watched.until("WeirDataQuality", "resolved")
    every = [msgspec.json.decode(one.value) for one in watched.job.records(watched.job.topics.alerts, bool)]
    statuses: dict[str, list[str]] = {}
    for one in every:
        statuses.setdefault(one["fingerprint"], []).append(one["status"])
    assert all(told == ["firing", "resolved"] * (len(told) // 2) for told in statuses.values()), statuses


def test_rates_tell_every_ten_seconds_what_the_pipeline_did_and_count_each_request_once(
    watched: Watched,
) -> None:
    topics, asked = watched.job.topics, 0
    with closing(KafkaConsumer(bootstrap_servers=watched.job.connection.bootstrap)) as consumer:
        partitions = [TopicPartition(topics.inputs(NAME), number) for number in (0, 1)]
        asked = sum(consumer.end_offsets(partitions).values())

    def told(records: list[Any]) -> list[Told]:
        return [msgspec.json.decode(record.value) for record in records]

    def requests(records: list[Any]) -> int:
        return sum(one["tally"]["requests"] for one in told(records))

    rates = told(watched.job.records(topics.rates, lambda found: requests(found) >= asked))
    assert sum(one["tally"]["requests"] for one in rates) == asked
    spans = [(one["since"], one["until"]) for one in rates]
    assert spans == sorted(set(spans))
