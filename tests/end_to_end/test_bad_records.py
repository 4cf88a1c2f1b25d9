"""Every bad record of the corpus on every topic of a live pipeline, under traffic: all of it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import numpy as np
import pytest
from kafka import KafkaProducer
from kafka.errors import InvalidRecordError

from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.stack import Stack
from jobs.services.views.kafka_feed import KafkaFeed
from operators.control.control_topic import read_control
from operators.control.status import Event, StatusState
from operators.kafka.consumer import read_topic
from tests.corpus.records import KEY_OF, KEYS, VALUES, bad_values
from tests.end_to_end.deployment import PATIENCE, Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project
from tests.end_to_end.test_bridge import Alerts, Hook, Running
from tests.end_to_end.test_gateway import Door, gateway
from tests.end_to_end.traffic import traffic
from tests.operators.kafka.test_header_names import name as header_name
from tests.support.servers import free_port

NAMESPACE, NAME, SIZE = "badrecords", "watched", 600
WEIR = Path(sys.executable).with_name("weir")
SPEC: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "income-drift", "batch": {"size": SIZE}}],
    "output": {"steps": ["income", "income-drift.outputs.is_drift"]},
}
Bad = tuple[str, bytes | None, bytes | None]


class Scene(NamedTuple):
    """A job, and everything that reads its topics."""

    job: Deployment
    stack: Stack
    feed: KafkaFeed
    alerts: Alerts
    hook: Hook
    bridge: Running
    door: Door
    rows: Any

    def weir(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "WEIR_HOME": str(self.stack.folder), "COLUMNS": "200"}
        command = [str(WEIR), *arguments, "--namespace", NAMESPACE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def ask(self, rows: Any) -> None:
        """Send rows, a request each, and wait until each is answered."""
        with self.job.client(NAME) as client:
            keys = [client.send(request_body(row[None], "r")) for row in rows]
            client.producer.flush()
            await_answers(client, keys)

    def flag(self) -> tuple[int, int]:
        """Return the drift flag that a response has now, and the number of its window."""
        with self.job.client(NAME) as client:
            answer = client.ask(request_body(self.rows[:1], "r"), seconds=PATIENCE)
        tensor = answer.outputs().get("is_drift")
        return (tensor["data"][0], int(tensor.get("parameters", {}).get("window", 0))) if tensor else (0, 0)

    def assert_verdicts_go_on(self) -> None:
        """Windows that drift, and windows that do not, change the flag of responses."""
        random = np.random.default_rng(1)
        for moved in (30.0, 0.0):
            after = self.flag()[1]

            def changed(moved: float = moved, after: int = after) -> bool:
                rows = random.choice(self.rows, SIZE)
                rows[:, 0] += moved
                self.ask(rows)
                is_drift, window = self.flag()
                return window > after and is_drift == (moved > 0)

            await_true(changed, f"is_drift of rows that moved by {moved:g}")


def send(job: Deployment) -> None:
    """Send all that is bad to every topic."""
    topics = job.topics
    keyed = [(name, key, b"junk") for name, key in KEYS.items()]
    control: list[Bad] = [
        *((name, KEY_OF[kind], value) for kind in ("release", "model") for name, value in bad_values(kind)),
        *((name, key, value) for key in (b"head/ghost", b"tap/ghost") for name, value in VALUES.items()),
        *keyed,
        ("a head of the live one", b"head/watched", b'{"generation": "two"}'),
        ("a release of the live one", b"release/watched/99", b'{"models": [{"metadata": "x"}]}'),
    ]
    status: list[Bad] = [
        *((name, KEY_OF[kind], value) for kind in ("worker", "event") for name, value in bad_values(kind)),
        *keyed,
    ]
    _send(job, topics.control, control)
    _send(job, topics.status, status)
    reports = topics.model_outputs("income-drift")
    others = {"rates": topics.rates, "alert": topics.alerts, "outlier": topics.outliers, "report": reports}
    for kind, topic in others.items():
        records: list[Bad] = [(name, b"k", value) for name, value in bad_values(kind)]
        _send(job, topic, [*records, ("no value", b"k", None), ("no key", None, b"junk")])
    for topic in (topics.errors, topics.outputs(NAME)):
        _send(job, topic, [(name, b"k", value) for name, value in VALUES.items()])


def _send(job: Deployment, topic: str, records: list[Bad]) -> None:
    """Send records, and one with a header whose name is not UTF-8."""
    odd = [(header_name(b"\xff\xfe"), b"x")]
    with producer(job) as one:
        futures = [one.send(topic, key=b"odd header", value=b"junk", headers=odd)]
        futures += [one.send(topic, key=key, value=value) for _, key, value in records if key is not None]
        one.flush()
        for future in futures:
            future.get(timeout=60)
    # A compacted topic takes no record without a key, and its producer sends nothing more.
    for _, key, value in records:
        if key is None:
            with producer(job) as one, suppress(InvalidRecordError):
                one.send(topic, key=None, value=value).get(timeout=60)


@contextmanager
def producer(job: Deployment) -> Iterator[KafkaProducer]:
    brokers = job.connection.brokers
    with closing(KafkaProducer(**brokers.options(), max_request_size=2**23, linger_ms=5)) as one:
        yield one


@pytest.fixture(scope="module")
def scene(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    project = Project(tmp_path_factory.mktemp("bad-records"), models)
    project.write(NAME, SPEC)
    rows = np.load(models / "holdout.npy")
    hook = Hook(free_port())
    hook.start()
    with (
        running(stack, project.manifests, project.models, NAMESPACE, ["--parallelism", "2"]) as job,
        gateway(stack, NAMESPACE) as door,
    ):
        bridge = Running(job.connection, hook.port)
        feed = KafkaFeed(job.connection, 3_600.0)
        feed.start()
        scene = Scene(job, stack, feed, Alerts(job.connection), hook, bridge, door, rows)
        scene.alerts.publish("before", wrong=True)
        await_true(lambda: ("before", "firing") in hook.seen, "the bridge delivers")
        try:
            yield scene
        finally:
            feed.close()
            bridge.stop()
            hook.stop()


def test_requests_are_answered_while_all_of_it_comes(scene: Scene) -> None:
    scene.assert_verdicts_go_on()
    before = scene.job.failures()
    with traffic(scene.job, NAME, scene.rows, rate=100.0) as sent:
        await_true(lambda: len(sent.seen) > 100, "traffic")
        send(scene.job)
        count = len(sent.seen)
        await_true(lambda: len(sent.seen) > count + 300, "traffic behind it")
    sent.assert_each_is_answered_once()
    assert not any(one.failed for one in sent.seen)
    assert scene.job.failures() == before


def read_status(scene: Scene) -> StatusState:
    found = StatusState.empty()
    for record in read_topic(scene.job.connection.brokers, [scene.job.topics.status], 60.0):
        found.read(record)
    return found


def events(scene: Scene) -> dict[str, Event]:
    return {one.pipeline: one for one in read_status(scene).events.values() if one.what == "RecordSkipped"}


def test_what_was_skipped_is_reported_in_events_logs_and_metrics(scene: Scene) -> None:
    await_true(lambda: {"", "ghost", NAME} <= set(events(scene)), "events")
    assert f"{scene.job.topics.control}-0@" in events(scene)[NAME].why
    log = (scene.stack.cluster.folder / "log" / "taskmanager.out").read_text("utf-8", "replace")
    assert "RecordSkipped pipeline=watched" in log
    assert "Updated metadata" not in log, "kafka-python logs nothing at INFO"
    assert " INFO  kafka" not in log


def test_verdicts_go_on(scene: Scene) -> None:
    scene.assert_verdicts_go_on()


def test_the_gateway_the_bridge_and_the_page_go_on(scene: Scene) -> None:
    row = np.nan_to_num(scene.rows[0]).tolist()
    body = {"inputs": [{"name": "x", "shape": [1, 12], "datatype": "FP64", "data": row}]}
    status, answer, _ = scene.door.post(f"/v2/models/{NAME}/infer", body)
    assert status == 200, answer
    scene.alerts.publish("after", wrong=True)
    await_true(lambda: ("after", "firing") in scene.hook.seen, "the alert behind it is delivered")
    assert {name for name, _ in scene.hook.seen} <= {"before", "after", NAME}
    assert any("skipped a record that is not an alert" in line for line in scene.bridge.messages)

    board = scene.feed.board
    await_true(lambda: scene.feed.failure == "", "the page is up to date")
    count, last = board.skipped()
    assert count > 400
    assert last is not None
    now = time()
    await_true(lambda: bool(board.latest(NAME)) and board.latest(NAME).until > now, "rates go on")  # type: ignore[union-attr]
    assert {one.labels["pipeline"] for one in board.firing("after")} == {"after"}
    scene.assert_verdicts_go_on()
    latest = scene.flag()[1]
    await_true(
        lambda: any(one.window >= latest for one in board.windows(NAME).get("income-drift", [])),
        "the page shows the window",
    )


def test_a_restarted_worker_starts(scene: Scene) -> None:
    (victim,) = scene.stack.taskmanagers
    os.kill(victim, signal.SIGKILL)
    scene.assert_verdicts_go_on()


def test_commands_report_and_repair_it(scene: Scene) -> None:
    status = scene.weir("status")
    rows = {
        line.split()[0] + " " + line.split()[1]: line for line in status.stdout.splitlines() if line.strip()
    }
    control = rows[f"RecordsUsable {scene.job.topics.control}"]
    assert "RecordsSkipped" in control
    assert "`weir repair` lists and repairs them" in control
    assert f"RecordsUsable {scene.job.topics.status}" in rows
    assert "RecordUnusable" in rows[f"PipelineReady {NAME}"]
    assert "RecordUnusable" in rows["PipelineReady ghost"]

    alerts = scene.weir("alerts")
    assert alerts.returncode == 1, "alerts fire"
    assert "records that are not alerts" in alerts.stderr
    assert "after" in alerts.stdout

    listed = scene.weir("repair")
    assert listed.returncode == 1
    assert "release/p/²" in listed.stdout
    assert f"{scene.job.topics.control}-0@" in listed.stdout
    assert read_control(scene.job.connection).skipped

    assert scene.weir("delete", "ghost").returncode == 0
    assert not read_control(scene.job.connection).skipped.of("ghost")

    done = scene.weir("repair", "--apply")
    assert done.returncode == 0, done.stderr
    left = read_control(scene.job.connection).skipped
    assert all(one.is_newer for one in left.values()), left
    live = read_control(scene.job.connection)
    assert live.heads == {NAME: 1}
    ready = scene.weir("status", NAME, "-w", "PipelineReady", "--timeout", "60")
    assert ready.returncode == 0, ready.stdout + ready.stderr
    scene.ask(scene.rows[:10])
    assert scene.weir("inspect", NAME, "--offset", "5", "--json").returncode == 0
    assert scene.weir("inspect", f"{NAME}.errors", "--offset", "5").returncode in (0, 1)


def test_the_pipeline_can_be_deleted(scene: Scene) -> None:
    assert scene.weir("delete", NAME).returncode == 0
    await_true(
        lambda: not any(NAME in one.pipelines for one in read_status(scene).alive(time())),
        "no worker serves it",
    )
