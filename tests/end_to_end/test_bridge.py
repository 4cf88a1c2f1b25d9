"""Alerts on their way from Kafka to a webhook that fails, vanishes, refuses, and comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time
from typing import Any

import pytest
from kafka import KafkaProducer

from jobs.kafka.admin import create_control
from jobs.local_stack.ports import HOST
from jobs.local_stack.stack import Stack
from jobs.services.alert_bridge.bridge import Bridge
from jobs.services.alert_bridge.receivers import webhook
from operators.alerts.finding import AlertKey, Finding
from operators.alerts.lifecycle import Active, Lifecycle
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.support.servers import free_port


class Hook:
    """A server that receives webhooks, and answers with the statuses in `answers`, then with 200."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[int] = []
        self.seen: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []

    def start(self) -> None:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = hook.answers.pop(0) if hook.answers else 200
                if status == 200:
                    hook.bodies.append(body)
                    hook.headers.append(dict(self.headers))
                    hook.seen.append((body["commonLabels"]["pipeline"], body["status"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"the reason of the receiver")

            def log_message(self, *given: object) -> None: ...

        self._server = ThreadingHTTPServer((HOST, self.port), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Running:
    """A bridge in a thread, and its messages."""

    def __init__(self, connection: Connection, port: int) -> None:
        self.messages: list[str] = []
        receiver = webhook(f"http://{HOST}:{port}/hook", {"Authorization": "Bearer x"})
        self._bridge = Bridge(connection, receiver, self.messages.append)
        self._thread = Thread(target=self._bridge.run)
        self._thread.start()

    def stop(self) -> None:
        self._bridge.stop()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


class Alerts:
    """Alerts as the monitor writes them, of pipelines by name."""

    def __init__(self, connection: Connection) -> None:
        self._topic = connection.topics.alerts
        self._producer = KafkaProducer(**connection.brokers.options())
        self._active: dict[str, list[Active]] = {}

    def publish(self, pipeline: str, *, wrong: bool, at: float | None = None) -> None:
        life = Lifecycle({"job": "weir.x", "pipeline": pipeline}, 300.0, "")
        found = {AlertKey("WeirErrors"): Finding("warning", {"summary": "bad"}) if wrong else None}
        now = int((at or time()) * 1000)
        self._active[pipeline], sent = life.update_alerts(self._active.get(pipeline, []), found, now)
        for one in sent:
            self._producer.send(self._topic, key=one.alert.fingerprint.encode(), value=one.alert.encode())
        self._producer.flush()

    def junk(self) -> None:
        self._producer.send(self._topic, value=b"{}")
        self._producer.flush()


@pytest.fixture
def where(stack: Stack, request: pytest.FixtureRequest) -> Connection:
    connection = Connection(stack.brokers, Topics("weir", f"bridge-{abs(hash(request.node.name))}"))
    create_control(connection)
    return connection


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook(free_port())
    hook.start()
    yield hook
    hook.stop()


def test_the_first_time_only_what_fires_is_delivered_and_then_everything_once(
    where: Connection, hook: Hook
) -> None:
    alerts = Alerts(where)
    alerts.publish("over", wrong=True)
    alerts.publish("over", wrong=False)
    alerts.publish("forgotten", wrong=True, at=time() - 3_600)
    alerts.publish("now", wrong=True)
    bridge = Running(where, hook.port)
    await_true(lambda: len(hook.seen) == 1, "what fires")
    alerts.publish("later", wrong=True)
    alerts.publish("later", wrong=False)
    await_true(lambda: len(hook.seen) == 3, "what came")
    bridge.stop()
    alerts.publish("now", wrong=False)
    alerts.junk()
    alerts.publish("last", wrong=True)
    again = Running(where, hook.port)
    await_true(lambda: len(hook.seen) == 5, "what came while no bridge ran")
    again.stop()
    assert hook.seen == [
        ("now", "firing"),
        ("later", "firing"),
        ("later", "resolved"),
        ("now", "resolved"),
        ("last", "firing"),
    ]
    assert any("a record that is not an alert" in line for line in again.messages)
    assert {headers["Authorization"] for headers in hook.headers} == {"Bearer x"}
    (alert,) = hook.bodies[0]["alerts"]
    assert (alert["status"], alert["labels"]["alertname"], alert["fingerprint"]) == (
        "firing",
        "WeirErrors",
        hook.bodies[0]["groupKey"],
    )


def test_a_receiver_that_fails_or_is_away_gets_every_alert_in_order(where: Connection, hook: Hook) -> None:
    alerts, bridge = Alerts(where), Running(where, hook.port)
    alerts.publish("first", wrong=True)
    await_true(lambda: len(hook.seen) == 1, "the first")
    hook.answers = [500, 429]
    alerts.publish("second", wrong=True)
    await_true(lambda: len(hook.seen) == 2, "the second, asked again")
    hook.stop()
    alerts.publish("third", wrong=True)
    alerts.publish("third", wrong=False)
    await_true(
        lambda: any("refused" in line.lower() for line in bridge.messages), "a message that nobody is there"
    )
    hook.start()
    await_true(lambda: len(hook.seen) == 4, "the third")
    bridge.stop()
    assert [name for name, _ in hook.seen] == ["first", "second", "third", "third"]


def test_an_alert_that_is_refused_for_good_does_not_hold_up_the_others(where: Connection, hook: Hook) -> None:
    alerts, bridge = Alerts(where), Running(where, hook.port)
    alerts.publish("first", wrong=True)
    await_true(lambda: len(hook.seen) == 1, "the first")
    hook.answers = [400]
    alerts.publish("bad", wrong=True)
    alerts.publish("good", wrong=True)
    await_true(lambda: len(hook.seen) == 2, "the one behind it")
    bridge.stop()
    assert hook.seen[-1] == ("good", "firing")
    assert any(
        "refuses WeirErrors bad firing: 400: the reason of the receiver" in line for line in bridge.messages
    )


def test_a_bridge_that_stops_while_nobody_takes_its_alert_delivers_it_later(where: Connection) -> None:
    port = free_port()
    alerts = Alerts(where)
    alerts.publish("waits", wrong=True)
    bridge = Running(where, port)
    await_true(lambda: bool(bridge.messages), "it was tried")
    bridge.stop()
    hook = Hook(port)
    hook.start()
    again = Running(where, port)
    await_true(lambda: hook.seen == [("waits", "firing")], "delivered")
    again.stop()
    hook.stop()
