"""A thread that reads a namespace's topics onto a board, and goes on when Kafka was away."""

from __future__ import annotations

import socket
from threading import Event, Thread
from time import monotonic

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from jobs.board.board import Board
from jobs.status.watching import Watching
from operators.control import DEADLINE, Connection
from operators.epochs import batched
from operators.errors import DeploymentError
from operators.kafka_log import open_consumer, read_to_end
from operators.releases import Control, Release

# As often, in seconds, it looks whether there are other topics.
_LOOK = 5.0


class Feed:
    """Reads what was told since a moment, in seconds since 1970, and follows."""

    def __init__(self, connection: Connection, since: float) -> None:
        self.board = Board(connection.topics)
        self._connection = connection
        self._since = since
        self._watching = Watching(connection)
        self._positions: dict[TopicPartition, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="feed", daemon=True)
        self.failure = ""

    def start(self) -> None:
        """Read what there is, then follow in the background; DeploymentError when Kafka does not answer."""
        self._watching.start()
        with self._open() as consumer:
            self._read(consumer)
        self._thread.start()

    def read_once(self) -> None:
        """Read what there is, and no more."""
        self._watching.start()
        with self._open() as consumer:
            self._read(consumer)
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

    def _control(self) -> Control:
        return self._watching.observed().control or Control.empty()

    def _topics(self) -> list[str]:
        topics = self._connection.topics
        steps = {step for release in self.releases().values() for step in batched(release)}
        reports = sorted(map(topics.model_outputs, steps))
        return [topics.rates, topics.alerts, topics.outliers, topics.errors, *reports]

    def _open(self) -> KafkaConsumer:
        consumer, partitions = open_consumer(self._connection.bootstrap, self._topics())
        fresh = [one for one in partitions if one not in self._positions]
        if fresh:
            times = dict.fromkeys(fresh, int(self._since * 1000))
            found, ends = consumer.offsets_for_times(times), consumer.end_offsets(fresh)
            for one in fresh:
                self._positions[one] = found[one].offset if found.get(one) else ends[one]
        for one in partitions:
            consumer.seek(one, self._positions[one])
        return consumer

    def _read(self, consumer: KafkaConsumer) -> None:
        for record in read_to_end(consumer, list(consumer.assignment()), DEADLINE):
            self._take(record)

    def _take(self, record: object) -> None:
        topic, partition, offset = record.topic, record.partition, record.offset  # type: ignore[attr-defined]
        self.board.take(topic, record)
        self._positions[TopicPartition(topic, partition)] = offset + 1

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._open() as consumer:
                    self.failure = ""
                    self._follow(consumer, self._topics())
            except (KafkaError, DeploymentError, OSError) as error:
                why = str(error) or type(error).__name__
                self.failure = f"Kafka does not answer at {self._connection.bootstrap}: {why}"
                self._stop.wait(1.0)

    def _follow(self, consumer: KafkaConsumer, topics: list[str]) -> None:
        looked = monotonic()
        while not self._stop.is_set():
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    self._take(record)
            if monotonic() - looked > _LOOK:
                looked = monotonic()
                if self._topics() != topics:
                    return
                # Polling alone says nothing of a broker that is gone.
                _reach(self._connection.bootstrap)


def _reach(bootstrap: str) -> None:
    """Raise OSError where none of the brokers can be reached."""
    errors = []
    for address in bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2.0).close()
        except OSError as error:
            errors.append(error)
        else:
            return
    raise errors[0]
