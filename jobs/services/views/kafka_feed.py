"""A thread that reads a namespace's topics into a TopicHistory and reconnects after outages of Kafka."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Event, Thread
from time import monotonic, time
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from jobs.services.views.topic_history import TopicHistory
from jobs.status.follower import StatusFollower
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.window_epochs import batched_steps
from operators.core.background_thread import repeat
from operators.core.errors import DeploymentError
from operators.core.redaction import Redaction
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer, read_to_end

# Seconds between two checks for new or deleted topics.
_TOPIC_CHECK = 5.0
_MOST_LISTED = 2_000
# Seconds to read the topics once. Reading a long period of a busy namespace takes minutes.
_READ_TIMEOUT = 600.0
_log = logging.getLogger(__name__)


class KafkaFeed:
    """Reads the records of the last `past` seconds, then follows the topics.

    `failure` describes why the data are not up to date; it is empty if they are.
    """

    def __init__(self, connection: Connection, past: float) -> None:
        self.board = TopicHistory(connection.topics, past, self._redaction_of)
        self._connection = connection
        self._since = time() - past
        self._status = StatusFollower(connection)
        self._positions: dict[TopicPartition, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="feed", daemon=True)
        self.failure = "Reading past records …"

    def start(self) -> None:
        """Read and follow in the background; DeploymentError if Kafka does not answer."""
        self._status.start()
        self._thread.start()

    def read_once(self) -> None:
        """Read the existing records, without following."""
        self._status.start()
        with self._open() as consumer:
            self._add(read_to_end(consumer, list(consumer.assignment()), _READ_TIMEOUT))
        self._status.close()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._status.close()

    def releases(self) -> dict[str, Release]:
        """Return the live release of each pipeline."""
        return {release.name: release for release in self._control().live()}

    def history(self, pipeline: str) -> list[Release]:
        """Return the releases of a pipeline, newest first."""
        return self._control().history(pipeline)

    def _redaction_of(self, pipeline: str) -> Redaction:
        release = self._control().head(pipeline)
        return Redaction.of_document(release.monitor if release else None)

    def _control(self) -> ControlState:
        return self._status.observed().control or ControlState.empty()

    def _topics(self) -> list[str]:
        topics = self._connection.topics
        steps = {step for release in self.releases().values() for step in _batched(release)}
        reports = sorted(map(topics.model_outputs, steps))
        return [topics.rates, topics.alerts, topics.outliers, topics.errors, *reports]

    def _open(self) -> KafkaConsumer:
        topics = self._connection.topics
        consumer, partitions = open_consumer(self._connection.bootstrap, self._topics())
        new_partitions = [one for one in partitions if one not in self._positions]
        if new_partitions:
            times = dict.fromkeys(new_partitions, int(self._since * 1000))
            starts, ends = consumer.offsets_for_times(times), consumer.end_offsets(new_partitions)
            for partition in new_partitions:
                start = starts[partition].offset if starts.get(partition) else ends[partition]
                # Tables show only the newest records, and these topics may contain very many.
                is_listed = partition.topic in (topics.outliers, topics.errors)
                self._positions[partition] = (
                    max(start, ends[partition] - _MOST_LISTED) if is_listed else start
                )
        for partition in partitions:
            consumer.seek(partition, self._positions[partition])
        return consumer

    def _add(self, records: Iterable[Any]) -> None:
        """Add records to the history; invalid ones are skipped, and not read again."""
        skipped = []
        for record in records:
            if skipped_record := self.board.add(record.topic, record):
                skipped.append(skipped_record)
            self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if skipped:
            _log.warning("skipped %d invalid records, the last one: %s", len(skipped), skipped[-1])

    def _run(self) -> None:
        repeat(self._run_once, self._stop, self._set_failure, pause=0.0)

    def _run_once(self) -> None:
        with self._open() as consumer:
            self._follow(consumer, self._topics())

    def _set_failure(self, error: Exception) -> None:
        # The page shows the error, so that readers see why it is not updated.
        reason = str(error) or type(error).__name__
        self.failure = f"Kafka does not answer at {self._connection.bootstrap}: {reason}"

    def _follow(self, consumer: KafkaConsumer, topics: list[str]) -> None:
        assigned, last_check = consumer.assignment(), monotonic()
        ends = consumer.end_offsets(list(assigned))
        while not self._stop.is_set():
            for records in consumer.poll(timeout_ms=500).values():
                self._add(records)
            if self.failure and all(self._positions[one] >= end for one, end in ends.items()):
                self.failure = ""
            if monotonic() - last_check > _TOPIC_CHECK:
                last_check = monotonic()
                # Polling reports neither an unreachable broker nor a new topic.
                consumer.end_offsets(list(assigned), timeout_ms=5_000)
                existing = {topic for topic in topics if consumer.partitions_for_topic(topic)}
                if self._topics() != topics or existing != {one.topic for one in assigned}:
                    return


def _batched(release: Release) -> list[str]:
    """Return the steps whose reports are read; none if the release cannot be parsed.

    A release of another version of Weir may not be readable.
    """
    try:
        return batched_steps(release)
    except DeploymentError:
        return []
