"""Three brokers, one of which is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from typer.testing import CliRunner

from jobs.cli.app import app
from jobs.kafka.admin import create_control, create_topics
from jobs.kafka.topic_settings import read_kafka_settings
from jobs.status.snapshot import take_snapshot
from operators.control.status import Event
from operators.kafka.connection import Connection
from operators.kafka.consumer import read_topic
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker

TOPICS = Topics("weir", "brokers")
RECORDS, KILLED_AFTER = 20_000, 8_000


@contextmanager
def producing(brokers: Broker) -> Iterator[KafkaProducer]:
    """Close the producer in bounded time, also if what it sent is never acknowledged."""
    producer = KafkaProducer(**brokers.brokers.options(), acks="all")
    try:
        yield producer
    finally:
        producer.close(timeout=5)


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path, 3)
    yield started
    started.kill()


def test_no_acknowledged_record_is_lost_with_a_broker(brokers: Broker) -> None:
    connection = Connection(brokers.brokers, TOPICS)
    create_control(connection)
    create_topics(brokers.brokers, [TOPICS.inputs("p")], 3)
    settings = read_kafka_settings(brokers.brokers, TOPICS.is_ours)
    assert {one.replicas for one in settings.topics.values()} == {3}
    assert {one.configs["min.insync.replicas"] for one in settings.topics.values()} == {"2"}

    with KafkaAdminClient(**brokers.brokers.options()) as client:
        (topic,) = client.describe_topics([TOPICS.inputs("p")])
    assert {one["leader_id"] for one in topic["partitions"]} == {1, 2, 3}

    event = Event(at=time(), pipeline="p", generation=1, what="Serving")
    with producing(brokers) as producer:
        producer.send(TOPICS.status, msgspec.json.encode(event), event.key.encode()).get(30)
        sent = [producer.send(TOPICS.inputs("p"), b"%d" % i, partition=i % 3) for i in range(KILLED_AFTER)]
        assert not all(one.is_done for one in sent)
        brokers.kill_one(3)
        rest = range(KILLED_AFTER, RECORDS)
        sent += [producer.send(TOPICS.inputs("p"), b"%d" % i, partition=i % 3) for i in rest]
        producer.flush(timeout=90)
    acknowledged = {i for i, one in enumerate(sent) if one.succeeded()}
    assert len(acknowledged) == RECORDS
    kept = {int(record.value) for record in read_topic(brokers.brokers, [TOPICS.inputs("p")], 60)}
    assert kept == acknowledged

    snapshot = take_snapshot(connection, None)
    assert snapshot.kafka_error == ""
    assert snapshot.status is not None
    assert snapshot.status.events == {event.key: event}


def test_a_topic_with_one_replica_is_found_and_so_is_a_missing_replica(
    brokers: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.delenv("FLINK_CONF_DIR", raising=False)
    create_control(Connection(brokers.brokers, TOPICS))
    with KafkaAdminClient(**brokers.brokers.options()) as client:
        client.create_topics({TOPICS.errors: {"num_partitions": 1, "replication_factor": 1}})
    assert replication(brokers) == {("error", TOPICS.errors)}
    brokers.kill_one(2)
    await_true(lambda: ("warning", TOPICS.control) in replication(brokers), "the loss is found")


def replication(brokers: Broker) -> set[tuple[str, str]]:
    """Return what `weir doctor` finds in the replication of topics."""
    arguments = ["doctor", "--json", "--bootstrap-servers", brokers.brokers.servers, "--namespace", "brokers"]
    checks = json.loads(CliRunner().invoke(app, arguments).stdout)
    return {(one["level"], one["of"]) for one in checks if one["check"] == "replication.factor"}
