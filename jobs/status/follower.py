"""What the control and status topics tell, kept up to date in a thread."""

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
    """Follows both topics; what it observed can be read from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._control, self._told = ControlState.empty(), StatusState.empty()
        self._opened: KafkaConsumer | None = None
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="watching", daemon=True)
        self._note("")

    def start(self) -> None:
        """Read the topics to their end, and begin to follow; DeploymentError when they cannot be read."""
        self._opened = self._open()
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def observed(self) -> Snapshot:
        """Return what was told up to now; nobody asked Flink."""
        control, told, why = self._latest
        return Snapshot(time(), control, told, why, "", None, {})

    def _open(self) -> KafkaConsumer:
        topics = self._connection.topics
        consumer, partitions = open_consumer(self._connection.bootstrap, [topics.control, topics.status])
        try:
            self._control, self._told = ControlState.empty(), StatusState.empty()
            if partitions:
                consumer.seek_to_beginning()
            self._take(read_to_end(consumer, partitions, DEADLINE))
        except BaseException:
            consumer.close()
            raise
        self._note("")
        return consumer

    def _follow(self) -> None:
        repeat(self._follow_once, self._stop, self._failed)

    def _follow_once(self) -> None:
        consumer, self._opened = self._opened or self._open(), None
        with consumer:
            self._poll(consumer)

    def _failed(self, error: Exception) -> None:
        log_failure(_log, "reading control and status")(error)
        self._note(f"Kafka does not answer at {self._connection.bootstrap}: {error}")

    def _poll(self, consumer: KafkaConsumer) -> None:
        """Follow until told to stop; returns at once where a topic does not exist yet."""
        topics = {partition.topic for partition in consumer.assignment()}
        while len(topics) == 2 and not self._stop.is_set():
            batches = consumer.poll(timeout_ms=200)
            for records in batches.values():
                self._take(records)
            if batches:
                self._note("")

    def _take(self, records: Iterable[Any]) -> None:
        of_control = self._connection.topics.control
        skipped = []
        for record in records:
            read = self._control.read if record.topic == of_control else self._told.read
            if one := read(record):
                skipped.append(one)
        if skipped:
            _log.warning("%d records cannot be used and are skipped, last %s", len(skipped), skipped[-1])

    def _note(self, why: str) -> None:
        """Let others see it: copies, because this thread goes on changing its own."""
        self._latest = (self._control.copy(), self._told.copy(), why)
