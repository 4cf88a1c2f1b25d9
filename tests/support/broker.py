"""A broker alone, without a cluster."""

from __future__ import annotations

from pathlib import Path

import psutil
from kafka import KafkaProducer

from jobs.local_stack.kafka_broker import broker_answers, local_brokers, start_broker
from jobs.local_stack.ports import free_ports
from tests.end_to_end.deployment import await_true


class Broker:
    """A broker that can be killed and started again on the same port and storage."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._ports = folder, free_ports()
        self.brokers = local_brokers(self._ports)
        self.start()

    def start(self) -> None:
        self._process = psutil.Process(
            start_broker(self._folder, self._ports, f"follower-{self._ports.kafka}")
        )
        await_true(lambda: broker_answers(self._ports), "the broker")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def send(self, topic: str, *values: str) -> None:
        with KafkaProducer(**self.brokers.options()) as producer:
            for value in values:
                producer.send(topic, value.encode())
