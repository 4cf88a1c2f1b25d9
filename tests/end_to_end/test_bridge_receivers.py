"""A bad record and a bad receiver of the alert bridge, on a broker alone."""

from __future__ import annotations

import socket
from threading import Thread

from kafka import KafkaProducer

from jobs.kafka.admin import create_control
from jobs.local_stack.ports import HOST
from jobs.services.alert_bridge.bridge import Bridge
from jobs.services.alert_bridge.receivers import webhook
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.corpus.records import good_alert
from tests.end_to_end.deployment import await_true
from tests.end_to_end.test_bridge import Alerts, Hook
from tests.operators.control.test_bad_records import encoded
from tests.support.broker import Broker
from tests.support.servers import free_port

SECRET = "XXXXXXXXXXXXXXXX"


def test_a_bad_alert_and_a_receiver_that_hangs_stop_no_other_delivery(broker: Broker) -> None:
    connection = Connection(broker.brokers, Topics("weir", "hanging"))
    create_control(connection)
    alerts, messages = Alerts(connection), list[str]()
    alerts.publish("first", wrong=True)
    hook = Hook(free_port())
    hook.start()
    with socket.create_server((HOST, 0)) as silent:
        urls = [f"http://{HOST}:{port}/{SECRET}" for port in (silent.getsockname()[1], hook.port)]
        bridges = [Bridge(connection, webhook(url, {}), messages.append) for url in urls]
        threads = [Thread(target=bridge.run) for bridge in bridges]
        for thread in threads:
            thread.start()
        await_true(lambda: len(hook.seen) == 1, "the first alert")
        with KafkaProducer(**broker.brokers.options()) as producer:
            for wrong in ({"labels": {}}, {"labels": {"alertname": "\x1b[31m"}}, {"labels": None}):
                producer.send(connection.topics.alerts, encoded({**good_alert(), **wrong}))
        alerts.publish("second", wrong=True)
        await_true(lambda: len(hook.seen) == 2, "the second alert, after those that are none")
        await_true(lambda: any("retrying" in line for line in messages), "a message about the other receiver")
        for bridge in bridges:
            bridge.stop()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    hook.stop()
    assert sum("skipped a record" in line for line in messages) == 3
    assert not any(SECRET in line or "\x1b" in line for line in messages)
