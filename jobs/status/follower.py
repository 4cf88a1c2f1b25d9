"""The state of the control and status topics, kept up to date by a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Event, Thread
from time import time
from typing import Any

from kafka import KafkaConsumer

from jobs.status.snapshot import Snapshot
from operators.control.control_state import ControlState
from operators.control.status import StatusState
from operators.core.background_thread import log_failure, repeat
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import open_consumer, read_to_end

_log = logging.getLogger(__name__)


class StatusFollower:
    """Reads both topics in a thread; `observed` may be called from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._control, self._status = ControlState.empty(), StatusState.empty()
        self._opened: KafkaConsumer | None = None
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="watching", daemon=True)
        self._publish("")

    def start(self) -> None:
        """Read the topics to their end, then start the thread; DeploymentError when they cannot be read."""
        self._opened = self._open()
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def observed(self) -> Snapshot:
        """Return the latest state of both topics; the snapshot contains nothing of Flink."""
        control, status, kafka_error = self._latest
        return Snapshot(time(), control, status, kafka_error, "", None, {})

    def _open(self) -> KafkaConsumer:
        topics = self._connection.topics
        consumer, partitions = open_consumer(self._connection.bootstrap, [topics.control, topics.status])
        try:
            self._control, self._status = ControlState.empty(), StatusState.empty()
            if partitions:
                consumer.seek_to_beginning()
            self._apply(read_to_end(consumer, partitions, DEADLINE))
        except BaseException:
            consumer.close()
            raise
        self._publish("")
        return consumer

    def _follow(self) -> None:
        repeat(self._follow_once, self._stop, self._failed)

    def _follow_once(self) -> None:
        consumer, self._opened = self._opened or self._open(), None
        with consumer:
            self._poll(consumer)

    def _failed(self, error: Exception) -> None:
        log_failure(_log, "reading control and status")(error)
        self._publish(f"Kafka does not answer at {self._connection.bootstrap}: {error}")

    def _poll(self, consumer: KafkaConsumer) -> None:
        """Read new records until the thread stops; return at once where a topic does not exist yet."""
        topics = {partition.topic for partition in consumer.assignment()}
        while len(topics) == 2 and not self._stop.is_set():
            batches = consumer.poll(timeout_ms=200)
            for records in batches.values():
                self._apply(records)
            if batches:
                self._publish("")

    def _apply(self, records: Iterable[Any]) -> None:
        control_topic = self._connection.topics.control
        skipped = []
        for record in records:
            read = self._control.read if record.topic == control_topic else self._status.read
            if skipped_record := read(record):
                skipped.append(skipped_record)
        if skipped:
            _log.warning(
                "%d records cannot be used and are skipped; the last is %s", len(skipped), skipped[-1]
            )

    def _publish(self, kafka_error: str) -> None:
        """Publish the state to other threads as copies, because this thread keeps changing its own."""
        self._latest = (self._control.copy(), self._status.copy(), kafka_error)
