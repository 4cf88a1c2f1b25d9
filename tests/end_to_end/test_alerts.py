"""Alerts fire when traffic goes wrong, survive a killed TaskManager, and resolve when it recovers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
import yaml
from kafka import KafkaConsumer, TopicPartition

from jobs.data.feature_encoding import Features
from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.ports import HOST
from jobs.local_stack.stack import Stack
from jobs.releases.delete import Resource, delete
from jobs.traffic.scenarios import make_traffic
from tests.end_to_end.deployment import Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project
from tests.support.browser import Browser, browser
from tests.support.servers import (
    Alertmanager,
    Prometheus,
    alertmanager,
    answering,
    free_port,
    prometheus,
    weir,
)

# Twice the window that the detector was calibrated for: chance alone does not make these drift.
NAME, SIZE = "watched", 600
CONFIRMED = "flink_taskmanager_job_task_operator_weir_pipeline_step_confirmed"
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
Alert = dict[str, Any]


class Around(NamedTuple):
    """What looks at the job from outside; `url` is the live page's."""

    prometheus: Prometheus
    manager: Alertmanager
    page: Browser
    url: str


class Watched:
    """A job whose alerts are read, and traffic for it."""

    def __init__(self, job: Deployment, models: Path, around: Around) -> None:
        self.job = job
        self.prometheus, self.manager, self.page, self.url = around
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

    def alerts(self, name: str, wanted: int) -> list[Alert]:
        """Wait for so many records of an alert, in the order in which they were published."""
        return self._read(lambda found: len(self._named(found, name)) >= wanted, name)

    def until(self, name: str, status: str) -> Alert:
        """Wait until the latest record of an alert has a status."""

        def enough(found: list[Any]) -> bool:
            alerts = self._named(found, name)
            return bool(alerts) and alerts[-1]["status"] == status

        return self._read(enough, name)[-1]

    def _read(self, enough: Callable[[list[Any]], bool], name: str) -> list[Alert]:
        return self._named(self.job.records(self.job.topics.alerts, enough), name)

    def _named(self, records: list[Any], name: str) -> list[Alert]:
        alerts = [msgspec.json.decode(record.value) for record in records]
        return [one for one in alerts if one["labels"]["alertname"] == name]


@pytest.fixture(scope="module")
def watched(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    project = Project(tmp_path_factory.mktemp("alerts"), models)
    project.write(NAME, SPEC)
    (project.manifests / "monitor.yaml").write_text(yaml.safe_dump(MONITOR))
    settings = ["--parallelism", "2"]
    where, port = ["--bootstrap-servers", stack.brokers.servers, "--namespace", "alerts"], free_port()
    with (
        running(stack, project.manifests, project.models, "alerts", settings) as job,
        prometheus(stack, project.folder / "prometheus") as seen,
        alertmanager(project.folder / "alertmanager") as manager,
        weir("alert-bridge", *where, "--alertmanager", manager.url, log=project.folder / "bridge.log"),
        weir("dashboard", *where, "--port", str(port), log=project.folder / "dashboard.log"),
        browser() as page,
    ):
        url = f"http://{HOST}:{port}/"
        answering(url)
        yield Watched(job, project.models, Around(seen, manager, page, url))


def test_drift_fires_once_with_its_culprits_over_a_kill_and_resolves(watched: Watched) -> None:
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
    annotations = fired["annotations"]
    assert annotations["features"].startswith(("age (effect", "workclass (effect"))
    assert annotations["window_number"] == "4"
    assert annotations["runbook_url"] == "https://wiki/weir#weirdrift"
    await_true(lambda: "WeirDrift" in watched.manager.active(), "Alertmanager has it")
    managed = watched.manager.active()["WeirDrift"]
    assert managed["fingerprint"] == fired["fingerprint"], "computed as Alertmanager does"
    assert managed["labels"] == fired["labels"]
    assert managed["annotations"]["features"] == annotations["features"]
    _look_at_drift(watched)
    confirmed = f'max({CONFIRMED}{{job_name="weir.alerts",step="income-drift"}})'
    await_true(lambda: watched.prometheus.value(confirmed) == 1, "Prometheus has it")
    reports = watched.job.reports("income-drift", 4)
    assert [one["parameters"]["confirmed"] for one in reports] == [False, False, False, True]

    (victim,) = watched.job.stack.taskmanagers
    os.kill(victim, signal.SIGKILL)
    watched.send("drift", SIZE, seed=2)
    watched.job.reports("income-drift", 5)
    watched.send("normal", 2 * SIZE, seed=3)
    resolved = watched.until("WeirDrift", "resolved")
    assert [one["status"] for one in watched.alerts("WeirDrift", 2)] == ["firing", "resolved"]
    await_true(lambda: "WeirDrift" not in watched.manager.active(), "Alertmanager knows that it is over")
    watched.page.until(lambda: "WeirDrift" not in watched.page.text("alerts"), "the page too")
    await_true(lambda: watched.prometheus.value(confirmed) == 0, "Prometheus too")
    assert resolved["fingerprint"] == fired["fingerprint"]
    assert resolved["startsAt"] == fired["startsAt"] < resolved["endsAt"]


def _look_at_drift(watched: Watched) -> None:
    """See what a person on call would: what, since when, in which feature."""
    page = watched.page
    page.open(watched.url)
    page.until(lambda: "WeirDrift" in page.text("alerts"), "the alert")
    assert "age (effect" in page.text("alerts")
    page.until(lambda: "Window 4 of income-drift: DRIFT" in page.text("which"), "the newest window")
    titles = (
        "return [...document.querySelectorAll('#histograms .annotation-text')].map(one => one.textContent)"
    )
    page.until(lambda: any("▲ drift" in title for title in page.script(titles)), "its histograms")
    marks = "return document.querySelector('#heat .js-plotly-plot').data[0].text"
    cells = page.script(marks)
    assert [sum(mark == "▲" for mark in row) for row in cells].count(2) == 2, "two features in two windows"

    heat = "const plot = document.querySelector('#heat .js-plotly-plot');"
    page.script(f"{heat} plot.emit('plotly_click', {{points: [{{x: plot.data[0].x[0], y: 'age', z: 0}}]}})")
    page.until(lambda: "Window 1 of income-drift: OK" in page.text("which"), "the window that was clicked")
    page.until(lambda: _choose_by_keys(page, "2 OK"), "the keys reach a choice")
    page.until(lambda: "Window 2 of income-drift: OK" in page.text("which"), "one chosen by keys")
    nodes = page.script("return document.querySelector('#graph').textContent")
    assert all(step["name"] in nodes for step in SPEC["steps"])
    assert all(one.startswith(watched.url) for one in page.fetched()), "nothing comes from elsewhere"
    assert page.errors() == []

    page.open(watched.url, width=390, height=3_000, dark=True)
    page.until(lambda: "WeirDrift" in page.text("alerts"), "a narrow page")
    assert page.script("return document.documentElement.scrollWidth") <= 390
    assert page.script("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    page.open(watched.url)


def _choose_by_keys(page: Browser, choice: str) -> bool:
    """Open the list of windows and go up to a choice; a page that is drawn anew meanwhile takes the focus."""
    label = "const one = document.activeElement.closest('label'); return one ? one.textContent : ''"
    if page.script("return document.activeElement.type") != "radio":
        page.script("document.querySelector('#window').focus()")
        page.press("ENTER")
    elif page.script(label) == choice:
        page.press("ENTER")
        return True
    else:
        page.press("ARROW_UP")
    return False


def test_errors_and_outliers_fire_within_seconds_and_resolve_by_themselves(watched: Watched) -> None:
    watched.send("normal", 20, junk=80)
    errors, ended = watched.alerts("WeirErrors", 2)
    assert (errors["status"], ended["status"]) == ("firing", "resolved")
    assert errors["labels"]["severity"] == "critical"
    assert "80 UNREADABLE" in errors["annotations"]["errors"]
    watched.page.until(lambda: "UNREADABLE" in watched.page.text("letters"), "dead letters on the page")
    rows = np.tile([90.0, 5, 3, 2, 1, 4, 3, 1, 99_999.0, 4_000.0, 99.0, 3], (SIZE, 1))
    with watched.job.client(NAME) as client:
        keys = [client.send(request_body(row[None], "r")) for row in rows]
        client.producer.flush()
        await_answers(client, keys)
    outliers, ended = watched.alerts("WeirOutliers", 2)
    assert (outliers["status"], ended["status"]) == ("firing", "resolved")
    assert outliers["labels"]["step"] == "income-outlier"
    watched.page.until(lambda: "capital-gain" in watched.page.text("flagged"), "why, on the page")


def test_an_alert_on_bad_values_names_the_features(watched: Watched) -> None:
    assert watched.until("WeirDataQuality", "firing"), "the outliers are out of range"
    watched.send("normal", 2 * SIZE, seed=4)
    watched.until("WeirDataQuality", "resolved")
    watched.send("missing", 2 * SIZE)
    fired = watched.until("WeirDataQuality", "firing")
    assert "missing)" in fired["annotations"]["features"]


def test_an_alert_on_no_data_fires_and_a_deleted_pipeline_resolves_everything(watched: Watched) -> None:
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
    assert all(history == ["firing", "resolved"] * (len(history) // 2) for history in statuses.values()), (
        statuses
    )


def test_logs_have_a_line_for_an_event_and_none_for_a_record(watched: Watched) -> None:
    files = (watched.job.stack.cluster.folder / "log").glob("taskmanager*.out")
    lines = [line for file in files for line in file.read_text("utf-8", "replace").splitlines()]
    messages = [line.split(" - ", 1)[1] for line in lines if "PythonWorker" in line and " - " in line]
    for words in (
        f"Serving pipeline={NAME} generation=1",
        f"AlertFiring alert=WeirDrift pipeline={NAME} step=income-drift severity=warning",
        f"AlertResolved alert=WeirDrift pipeline={NAME} step=income-drift",
        f"Deleted pipeline={NAME}",
    ):
        assert any(words in line for line in messages), words
    assert len([line for line in messages if NAME in line]) < 100, "thousands of requests came"


def test_rates_are_published_every_ten_seconds_and_count_each_request_once(watched: Watched) -> None:
    topics, asked = watched.job.topics, 0
    with closing(KafkaConsumer(**watched.job.connection.brokers.options())) as consumer:
        partitions = [TopicPartition(topics.inputs(NAME), number) for number in (0, 1)]
        asked = sum(consumer.end_offsets(partitions).values())

    def decode(records: list[Any]) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in records]

    def requests(records: list[Any]) -> int:
        return sum(one["tally"]["requests"] for one in decode(records))

    rates = decode(watched.job.records(topics.rates, lambda found: requests(found) >= asked))
    assert sum(one["tally"]["requests"] for one in rates) == asked
    spans = [(one["since"], one["until"]) for one in rates]
    assert spans == sorted(set(spans))
