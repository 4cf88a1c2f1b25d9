"""Brokers alone, without a cluster."""

from __future__ import annotations

from pathlib import Path

import psutil
from kafka import KafkaProducer

from jobs.local_stack.kafka_broker import brokers_answer, local_brokers, start_brokers
from jobs.local_stack.ports import free_ports
from tests.end_to_end.deployment import await_true


class Broker:
    """One or more brokers that can be killed and started again on the same ports and storage."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        self._folder, self._ports = folder, free_ports(count)
        self.brokers = local_brokers(self._ports)
        self.start()

    def start(self) -> None:
        started = start_brokers(self._folder, self._ports, f"follower-{self._ports.kafka}")
        self._processes = {number: psutil.Process(id_) for number, id_ in enumerate(started, 1)}
        await_true(lambda: brokers_answer(self._ports), "the broker")

    def kill(self) -> None:
        """Kill every broker."""
        for number in list(self._processes):
            self.kill_one(number)

    def kill_one(self, number: int) -> None:
        """Kill a broker by its number, from 1."""
        process = self._processes.pop(number)
        process.kill()
        process.wait()

    def send(self, topic: str, *values: str) -> None:
        with KafkaProducer(**self.brokers.options()) as producer:
            for value in values:
                producer.send(topic, value.encode())
