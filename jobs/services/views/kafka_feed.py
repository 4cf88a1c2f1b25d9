"""A thread that reads a namespace's topics onto a board, and goes on when Kafka was away."""

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

# As often, in seconds, it looks whether there are other topics.
_LOOK = 5.0
_MOST_LISTED = 2_000
# A report of a long period of a busy namespace takes its time.
_PATIENCE = 600.0
_log = logging.getLogger(__name__)


class KafkaFeed:
    """Reads what was told in the last so many seconds, and follows."""

    def __init__(self, connection: Connection, past: float) -> None:
        self.board = TopicHistory(connection.topics, past, self._hides)
        self._connection = connection
        self._since = time() - past
        self._watching = StatusFollower(connection)
        self._positions: dict[TopicPartition, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="feed", daemon=True)
        self.failure = "The past is being read …"

    def start(self) -> None:
        """Read and follow in the background; DeploymentError when Kafka does not answer now."""
        self._watching.start()
        self._thread.start()

    def read_once(self) -> None:
        """Read what there is, and no more."""
        self._watching.start()
        with self._open() as consumer:
            self._take(read_to_end(consumer, list(consumer.assignment()), _PATIENCE))
        self._watching.close()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._watching.close()

    def releases(self) -> dict[str, Release]:
        """Return the live release of each pipeline."""
        return {release.name: release for release in self._control().live()}

    def history(self, pipeline: str) -> list[Release]:
        """Return the releases of a pipeline, newest first."""
        return self._control().history(pipeline)

    def _hides(self, pipeline: str) -> Redaction:
        release = self._control().head(pipeline)
        return Redaction.of_document(release.monitor if release else None)

    def _control(self) -> ControlState:
        return self._watching.observed().control or ControlState.empty()

    def _topics(self) -> list[str]:
        topics = self._connection.topics
        steps = {step for release in self.releases().values() for step in _batched(release)}
        reports = sorted(map(topics.model_outputs, steps))
        return [topics.rates, topics.alerts, topics.outliers, topics.errors, *reports]

    def _open(self) -> KafkaConsumer:
        topics = self._connection.topics
        consumer, partitions = open_consumer(self._connection.bootstrap, self._topics())
        fresh = [one for one in partitions if one not in self._positions]
        if fresh:
            times = dict.fromkeys(fresh, int(self._since * 1000))
            found, ends = consumer.offsets_for_times(times), consumer.end_offsets(fresh)
            for one in fresh:
                start = found[one].offset if found.get(one) else ends[one]
                # Of lists only the newest are shown, and there may be very many.
                listed = one.topic in (topics.outliers, topics.errors)
                self._positions[one] = max(start, ends[one] - _MOST_LISTED) if listed else start
        for one in partitions:
            consumer.seek(one, self._positions[one])
        return consumer

    def _take(self, records: Iterable[Any]) -> None:
        """Put records onto the board; what cannot be used is skipped, so that it is read once and no more."""
        skipped = []
        for record in records:
            if one := self.board.take(record.topic, record):
                skipped.append(one)
            self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if skipped:
            _log.warning("%d records cannot be used and are skipped, last %s", len(skipped), skipped[-1])

    def _run(self) -> None:
        repeat(self._run_once, self._stop, self._failed, pause=0.0)

    def _run_once(self) -> None:
        with self._open() as consumer:
            self._follow(consumer, self._topics())

    def _failed(self, error: Exception) -> None:
        # A page that says what is wrong is better than one that stands still.
        why = str(error) or type(error).__name__
        self.failure = f"Kafka does not answer at {self._connection.bootstrap}: {why}"

    def _follow(self, consumer: KafkaConsumer, topics: list[str]) -> None:
        assigned, looked = consumer.assignment(), monotonic()
        ends = consumer.end_offsets(list(assigned))
        while not self._stop.is_set():
            for records in consumer.poll(timeout_ms=500).values():
                self._take(records)
            if self.failure and all(self._positions[one] >= end for one, end in ends.items()):
                self.failure = ""
            if monotonic() - looked > _LOOK:
                looked = monotonic()
                # Polling alone says nothing of a broker that is gone, nor of a topic that is new.
                consumer.end_offsets(list(assigned), timeout_ms=5_000)
                there = {topic for topic in topics if consumer.partitions_for_topic(topic)}
                if self._topics() != topics or there != {one.topic for one in assigned}:
                    return


def _batched(release: Release) -> list[str]:
    """Name the steps whose reports are read; none of a release of another version that cannot be parsed."""
    try:
        return batched_steps(release)
    except DeploymentError:
        return []
