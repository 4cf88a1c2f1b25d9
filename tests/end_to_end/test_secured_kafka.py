"""A broker with TLS, users and access control lists: what each user can do, and a job of its own user."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ScramMechanism
from kafka.errors import KafkaError
from numpy.typing import NDArray

from jobs.kafka.admin import create_topics, delete_topics, existing_topics
from jobs.kafka.firing_alerts import read_alerts
from jobs.kafka.pipeline_client import Answer, PipelineClient, request_body
from jobs.local_stack.stack import Stack
from jobs.releases.publish import publish
from jobs.services.alert_bridge.bridge import Bridge
from jobs.services.alert_bridge.receivers import webhook
from jobs.services.gateway.correlator import Correlator
from jobs.status.snapshot import take_snapshot
from operators.control.control_topic import read_control
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.consumer import read_topic
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import PATIENCE, Deployment, await_answers, await_true, running
from tests.end_to_end.project import Project
from tests.support.certificates import Identity
from tests.support.secured_broker import PLAIN_USER, SecuredBroker

NAMESPACE, SIZE = "secured", 40
TOPICS = Topics("weir", NAMESPACE)
SPEC: dict[str, Any] = {
    "steps": [{"name": "income"}, {"name": "income-drift", "batch": {"size": SIZE}}],
    "output": {"steps": ["income"]},
}
SITE = f"weir.{NAMESPACE}"
TRANSACTIONAL = ("responses", "dead_letters", "reports")
# docs/security.md has the same table.
ACLS = {
    "job": [
        *(("topic", f"{SITE}.{one}", "read") for one in ("control", "alerts", "rates", "errors.errors")),
        *(("topic", f"{SITE}.{one}", "write") for one in ("alerts", "rates", "errors.errors")),
        *(("topic", f"{SITE}.{one}", "write") for one in ("outliers", "status")),
        *(("topic", f"{SITE}.{one}.*", "read", "write") for one in ("pipeline", "model")),
        ("group", SITE, "read"),
        *(("transactional_id", f"{SITE}/{one}*", "write") for one in TRANSACTIONAL),
    ],
    "deployer": [
        ("topic", f"{SITE}.*", "create", "delete", "read"),
        ("topic", f"{SITE}.control", "write"),
        ("transactional_id", f"{SITE}/apply", "write"),
    ],
    PLAIN_USER: [("topic", TOPICS.inputs("one"), "write"), ("topic", TOPICS.outputs("one"), "read")],
    "gateway": [
        *(("topic", f"{SITE}.{one}", "read") for one in ("control", "status")),
        ("topic", f"{SITE}.pipeline.*", "read", "write"),
    ],
    "bridge": [("topic", f"{SITE}.alerts", "read"), ("group", f"{SITE}.alert-bridge.*", "read")],
    "viewer": [("topic", f"{SITE}.*", "read")],
}


class Users(NamedTuple):
    job: Brokers
    deployer: Brokers
    client: Brokers
    gateway: Brokers
    bridge: Brokers
    viewer: Brokers


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path_factory.mktemp("secured"))
    for user in ("job", "gateway", "bridge"):
        broker.add_user(user)
    broker.add_user("deployer", ScramMechanism.SCRAM_SHA_256)
    for user, entries in ACLS.items():
        for kind, name, *operations in entries:
            broker.allow(user, kind, name, *operations)
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def users(secured: SecuredBroker) -> Users:
    return Users(
        secured.scram("job"),
        secured.scram("deployer", "SCRAM-SHA-256"),
        secured.plain(),
        secured.scram("gateway"),
        secured.scram("bridge"),
        secured.mutual_tls("viewer"),
    )


def weir(*arguments: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("weir")), *arguments, "--namespace", NAMESPACE]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def refused(secured: SecuredBroker) -> Iterator[subprocess.Popen[str]]:
    """A command with a wrong password, which tries for half a minute."""
    with weir("get", "--kafka-config", secured.scram("job", password="wrong").config) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def job(
    stack: Stack,
    users: Users,
    models: Path,
    tmp_path_factory: pytest.TempPathFactory,
    refused: subprocess.Popen[str],
) -> Iterator[Deployment]:
    project = Project(tmp_path_factory.mktemp("project"), models)
    project.write("one", SPEC)
    settings, brokers = ["--delivery", "exactly-once"], users.deployer
    folders = project.manifests, project.models
    with running(stack, *folders, NAMESPACE, settings, brokers=brokers, job_brokers=users.job) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def rows(models: Path) -> NDArray[np.float64]:
    return np.nan_to_num(np.load(models / "holdout.npy")[:SIZE])


@pytest.fixture(scope="module")
def answered(job: Deployment, users: Users, rows: NDArray[np.float64]) -> Deployment:
    """The job, when it has answered a client and reported a window."""
    with PipelineClient(Connection(users.client, TOPICS), "one") as client:
        keys = [client.send(request_body(row[None], "r")) for row in rows]
        client.producer.flush()
        answers = await_answers(client, keys)
    assert not any(answer.failed for sent in answers.values() for answer in sent)
    return job


def test_a_job_reports_windows_and_does_not_restart(answered: Deployment) -> None:
    (report,) = answered.reports("income-drift", 1)
    assert report["parameters"]["n"] == SIZE
    assert answered.failures() == 0


def test_the_password_is_in_no_command_line_answer_of_flink_log_file_or_topic(
    answered: Deployment, users: Users, secured: SecuredBroker
) -> None:
    rest, files = answered.stack.cluster.rest, answered.stack.cluster.folder
    lines = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
    pages = [json.dumps(rest.get(f"/jobs/{answered.job}{page}")) for page in ("", "/config", "/plan")]
    texts = [file.read_bytes() for file in files.rglob("*") if file.is_file() and not file.is_symlink()]
    topics = existing_topics(users.viewer)
    records = [str(record) for record in read_topic(users.viewer, topics, 30.0)]
    # What would contain it is among them.
    assert users.job.config in pages[1]
    assert any(b"sasl.jaas.config = [hidden]" in text for text in texts)
    assert TOPICS.status in topics
    assert records
    found = [text for text in (*lines, *pages, *records) if secured.password in text]
    assert not found
    assert not [text for text in texts if secured.password.encode() in text]


def test_a_client_sees_only_the_topics_of_its_pipeline(answered: Deployment, users: Users) -> None:
    assert sorted(existing_topics(users.client)) == [TOPICS.inputs("one"), TOPICS.outputs("one")]
    with pytest.raises(DeploymentError, match=r"weir.secured.control: the user of Kafka may not read"):
        read_control(Connection(users.client, TOPICS))


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("job", TOPICS.control),
        ("client", TOPICS.outputs("one")),
        ("client", TOPICS.inputs("two")),
        ("deployer", TOPICS.inputs("one")),
        ("gateway", TOPICS.control),
        ("bridge", TOPICS.alerts),
        ("viewer", TOPICS.inputs("one")),
    ],
)
def test_nobody_writes_what_another_writes(job: Deployment, users: Users, user: str, topic: str) -> None:
    with (
        KafkaProducer(**getattr(users, user).options()) as producer,
        pytest.raises(KafkaError, match="AuthorizationFailed"),
    ):
        producer.send(topic, b"x").get(timeout=10)


def test_only_who_applies_creates_topics_and_publishes_releases(job: Deployment, users: Users) -> None:
    topic = TOPICS.model_outputs("unused")
    for user in (users.job, users.viewer, users.gateway):
        with pytest.raises(DeploymentError, match="topics could not be created"):
            create_topics(user, [topic], 1)
    with pytest.raises(DeploymentError, match="nothing was applied"):
        publish(Connection(users.job, TOPICS), lambda control: ([], None))
    create_topics(users.deployer, [topic], 1)
    assert delete_topics(users.deployer, [topic]) == [topic]


def test_a_viewer_reads_status_and_alerts(answered: Deployment, users: Users) -> None:
    connection = Connection(users.viewer, TOPICS)
    snapshot = take_snapshot(connection, None)
    assert snapshot.status
    assert list(snapshot.status.workers)
    assert read_alerts(connection).skipped == []


def test_a_gateway_asks(answered: Deployment, users: Users, rows: NDArray[np.float64]) -> None:
    connection = Connection(users.gateway, TOPICS)
    assert take_snapshot(connection, None).status

    async def ask() -> Answer:
        correlator = Correlator(connection, lambda: ["one"], max_waiting=1)
        correlator.start(asyncio.get_running_loop())
        try:
            return await correlator.ask("one", request_body(rows[:1], "r"), [], PATIENCE)
        finally:
            correlator.close()

    assert not asyncio.run(ask()).failed


def test_a_bridge_commits_its_position(job: Deployment, users: Users) -> None:
    printed: list[str] = []
    bridge = Bridge(Connection(users.bridge, TOPICS), webhook("http://nobody", {}), printed.append)
    thread = Thread(target=bridge.run)
    thread.start()
    with closing(KafkaAdminClient(**users.bridge.options())) as admin:
        await_true(lambda: bool(admin.list_group_offsets([bridge._group])[bridge._group]), "a position")
    bridge.stop()
    thread.join()
    assert printed == []


def test_a_command_reads_the_file_and_warns_if_others_can(job: Deployment, users: Users) -> None:
    file = Path(users.viewer.config)
    file.chmod(0o644)
    printed, warned = weir("get", "--kafka-config", str(file)).communicate(timeout=PATIENCE)
    file.chmod(0o600)
    assert "one" in printed
    assert warned.startswith(f"warning: {file} contains secrets, but its mode is 0644")


def test_a_command_with_a_wrong_password_prints_why_it_fails(
    job: Deployment, refused: subprocess.Popen[str], secured: SecuredBroker
) -> None:
    printed = "".join(refused.communicate(timeout=PATIENCE))
    assert refused.returncode == 1
    assert printed.startswith("error: KafkaTimeoutError: Unable to bootstrap")
    assert "\ncause: " in printed
    assert "Authentication failed" in printed
    assert secured.password not in printed


def test_a_wrong_password_and_a_broker_of_another_authority_are_refused(secured: SecuredBroker) -> None:
    other = Identity("other").certificate_pem.replace("\n", "\\n")
    distrustful = secured.scram("job", **{"ssl.truststore.certificates": other})
    for brokers in (secured.scram("job", password="wrong"), distrustful):
        with pytest.raises(KafkaError):
            KafkaAdminClient(**brokers.options(), bootstrap_timeout_ms=500)
