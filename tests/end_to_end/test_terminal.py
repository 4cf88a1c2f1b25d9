"""Commands that print records of topics, on a broker alone: no byte of a record controls the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer

from jobs.kafka.admin import create_control, create_topics
from operators.control.release import Head
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.corpus.records import good_alert
from tests.end_to_end.test_page import release
from tests.operators.control.test_bad_records import encoded
from tests.support.broker import Broker

TOPICS = Topics("weir", "terminal")
EVIL = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202eb\nc"


@pytest.fixture(scope="module")
def bootstrap(broker: Broker) -> str:
    create_control(Connection(broker.brokers, TOPICS))
    create_topics(broker.brokers, [TOPICS.outputs("p"), TOPICS.errors], partitions=1)
    alert = {**good_alert(), "annotations": {"summary": EVIL}}
    with KafkaProducer(**broker.brokers.options()) as producer:
        producer.send(TOPICS.control, key=b"release/p/1", value=msgspec.json.encode(release(1, EVIL)))
        producer.send(TOPICS.control, key=b"head/p", value=msgspec.json.encode(Head(1)))
        producer.send(TOPICS.alerts, value=encoded(alert))
        producer.send(TOPICS.alerts, value=EVIL.encode())
        headers = [("pipeline", b"p"), ("x-a", EVIL.encode())]
        producer.send(TOPICS.outputs("p"), EVIL.encode(), EVIL.encode(), headers)
    return broker.brokers.servers


@pytest.mark.parametrize("command", ["alerts", "alerts --json", "inspect p", "history p", "status"])
def test_what_is_printed_controls_no_terminal(bootstrap: str, command: str) -> None:
    weir = Path(sys.executable).with_name("weir")
    where = ["--bootstrap-servers", bootstrap, "--namespace", "terminal"]
    done = subprocess.run([weir, *command.split(), *where], capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed
    assert all(character.isprintable() or character in "\n\t" for character in printed), repr(printed)
    if command == "alerts --json":
        assert json.loads(done.stdout)["annotations"]["summary"] == EVIL
    elif command != "status":
        assert r"a\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eb\nc" in done.stdout
