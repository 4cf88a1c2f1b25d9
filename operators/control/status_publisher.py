"""A background thread that publishes a worker's status."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event as Signal
from threading import Thread

import msgspec
from kafka import KafkaProducer

from operators.control.release import Quarantine
from operators.control.status import INTERVAL, Event, WorkerStatus
from operators.core.background_thread import log_failure, repeat
from operators.kafka.connection import Connection

_log = logging.getLogger(__name__)


class StatusPublisher:
    """Publishes the status that `read_status` returns, every two seconds and with each event.

    A failure is logged, and its records may be lost. No caller waits for Kafka.
    """

    def __init__(self, connection: Connection, read_status: Callable[[], WorkerStatus]) -> None:
        self._connection = connection
        self._read_status = read_status
        self._records: SimpleQueue[tuple[str, str, bytes]] = SimpleQueue()
        self._wake = Signal()
        self._stopped = Signal()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Publish an event at once, after the status that it led to."""
        self._put(self._connection.topics.status, event.key, event)

    def stop_serving(self, pipeline: str, quarantine: Quarantine) -> None:
        """Publish on the control topic that a generation must not serve."""
        self._put(self._connection.topics.control, f"quarantine/{pipeline}", quarantine)

    def _put(self, topic: str, key: str, value: msgspec.Struct) -> None:
        self._records.put((topic, key, msgspec.json.encode(value)))
        self._wake.set()

    def close(self) -> None:
        """Publish a tombstone for the status, and stop the thread."""
        self._stopped.set()
        self._wake.set()
        if self._thread.ident:
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        repeat(self._run_once, self._stopped, log_failure(_log, "writing the status topic"))

    def _run_once(self) -> None:
        producer = KafkaProducer(**self._connection.brokers.options(), max_block_ms=10_000)
        try:
            self._publish_until_stopped(producer)
        finally:
            producer.close(timeout=2)

    def _publish_until_stopped(self, producer: KafkaProducer) -> None:
        topic = self._connection.topics.status
        while not self._stopped.is_set():
            worker = self._read_status()
            producer.send(topic, key=worker.key.encode(), value=msgspec.json.encode(worker))
            for target, key, value in self._take_records():
                producer.send(target, key=key.encode(), value=value)
            self._wake.wait(INTERVAL)
            self._wake.clear()
        producer.send(topic, key=self._read_status().key.encode(), value=None)

    def _take_records(self) -> list[tuple[str, str, bytes]]:
        records = []
        while True:
            try:
                records.append(self._records.get_nowait())
            except Empty:
                return records
