"""`weir doctor` on a broker without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from jobs.cli.app import app
from jobs.kafka.admin import create_control, create_topics
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.support.broker import Broker

TOPICS = Topics("weir", "doctor")
OUTPUTS = TOPICS.outputs("p")


def test_unsafe_topics_are_errors_until_they_are_changed(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.delenv("FLINK_CONF_DIR", raising=False)
    create_control(Connection(broker.brokers, TOPICS))
    create_topics(broker.brokers, [OUTPUTS, TOPICS.inputs("p"), TOPICS.errors], 1)
    assert run(broker) == (0, set())
    change(broker, {TOPICS.control: {"cleanup.policy": "delete"}, OUTPUTS: {"max.message.bytes": "1000"}})
    assert run(broker) == (1, {("cleanup.policy", TOPICS.control), ("max.message.bytes", OUTPUTS)})


def test_a_broker_that_does_not_answer_is_an_error(broker: Broker) -> None:
    done = CliRunner().invoke(app, ["doctor", "--bootstrap-servers", "127.0.0.1:1"])
    assert done.exit_code == 1
    assert "Kafka does not answer at 127.0.0.1:1" in done.stdout


def run(broker: Broker) -> tuple[int, set[tuple[str, str]]]:
    """Return the exit code and what has an error."""
    arguments = ["doctor", "--json", "--bootstrap-servers", broker.brokers.servers, "--namespace", "doctor"]
    done = CliRunner().invoke(app, arguments)
    checks = json.loads(done.stdout)
    return done.exit_code, {(one["check"], one["of"]) for one in checks if one["level"] == "error"}


def change(broker: Broker, configs: dict[str, dict[str, str]]) -> None:
    with KafkaAdminClient(**broker.brokers.options()) as client:
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, one) for name, one in configs.items()]
        )
