"""Follows topics in a background thread, through outages of Kafka and changes of the topics."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from threading import Event, Thread
from time import monotonic
from typing import Any, ClassVar

from kafka import KafkaConsumer, TopicPartition

from operators.core.background_thread import log_failure, repeat
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import batches_to_end, existing_partitions, open_consumer

# Milliseconds to wait for records, and seconds between two checks of the broker and of the partitions.
_POLL, _CHECK = 200, 3.0
_log = logging.getLogger(__name__)


class TopicFollower(ABC):
    """Reads topics to their end, then follows them in a background thread.

    The topics are opened again after any error, when `topics` returns others, and when a partition is added
    or a missing topic created. Then `reset` is called and reading starts over at `start_offsets`, or goes on
    where it ended if the class `resumes`.

    `isolation` is Kafka's isolation level, `read_seconds` the most time that reading to the end may take.
    `what` names the activity in logs, for example "reading drift reports".
    """

    isolation: ClassVar[str] = "read_committed"
    resumes: ClassVar[bool] = False
    read_seconds: ClassVar[float] = DEADLINE

    def __init__(self, connection: Connection, what: str) -> None:
        self.connection = connection
        # The topics that exist and were read to their end.
        self.followed: frozenset[str] = frozenset()
        self._what = what
        self._positions: dict[TopicPartition, int] = {}
        self._opened: tuple[KafkaConsumer, frozenset[str]] | None = None
        self._stop = Event()
        self._thread = Thread(target=self._run, name=what, daemon=True)

    @abstractmethod
    def topics(self) -> Collection[str]:
        """Return the topics to follow. They need not exist."""

    @abstractmethod
    def take(self, records: list[Any]) -> None:
        """Apply records of one partition. If this raises, the topics are opened again."""

    def reset(self) -> None:  # noqa: B027 (a follower may have nothing to forget)
        """Forget what was read, because reading starts over."""

    def start_offsets(
        self, consumer: KafkaConsumer, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return the offset to start reading at, for each of at least one partition."""
        offsets: Mapping[TopicPartition, int] = consumer.beginning_offsets(partitions)
        return offsets

    def after_poll(self, received: bool) -> None:  # noqa: B027
        """Act after the topics were read to the end, and after each poll, which may have received records."""

    def failed(self, error: Exception) -> None:
        """Report an error of the background thread."""
        log_failure(_log, self._what)(error)

    def start(self) -> None:
        """Read the topics to their end, then follow them in the background.

        Raises DeploymentError or KafkaError if they cannot be read.
        """
        self._opened = self._open(frozenset(self.topics()))
        self._thread.start()

    def start_in_background(self) -> None:
        """Read and follow the topics in the background; do nothing if that has started."""
        if not self._thread.ident:
            self._thread.start()

    def read_once(self, topics: Collection[str]) -> None:
        """Read topics to their end, without following them."""
        consumer, _ = self._open(frozenset(topics))
        consumer.close()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        repeat(self._follow, self._stop, self.failed, pause=0.0)

    def _follow(self) -> None:
        """Follow the topics until `close`, or until they have to be opened again."""
        (consumer, topics), self._opened = self._opened or self._open(frozenset(self.topics())), None
        with consumer:
            next_check = monotonic() + _CHECK
            while not self._stop.is_set() and frozenset(self.topics()) == topics:
                batches = consumer.poll(timeout_ms=_POLL)
                self._take(batches)
                self.after_poll(bool(batches))
                if monotonic() > next_check:
                    if _changed(consumer, topics):
                        return
                    next_check = monotonic() + _CHECK

    def _open(self, topics: frozenset[str]) -> tuple[KafkaConsumer, frozenset[str]]:
        consumer, partitions = open_consumer(self.connection.brokers, sorted(topics), self.isolation)
        try:
            self.reset()
            if partitions:
                self._seek(consumer, partitions)
            for batches in batches_to_end(consumer, partitions, self.read_seconds):
                self._take(batches)
            self.after_poll(True)
        except BaseException:
            consumer.close()
            raise
        self.followed = frozenset(partition.topic for partition in partitions)
        return consumer, topics

    def _seek(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        ends = consumer.end_offsets(partitions)
        # A topic that ends before the position was deleted and created again.
        offsets = {one: at for one, at in self._positions.items() if one in ends and at <= ends[one]}
        if new := [one for one in partitions if one not in offsets]:
            offsets.update(self.start_offsets(consumer, new))
        for partition, offset in offsets.items():
            consumer.seek(partition, offset)
        if self.resumes:
            self._positions.update(offsets)

    def _take(self, batches: Mapping[TopicPartition, list[Any]]) -> None:
        for partition, records in batches.items():
            self.take(records)
            if self.resumes:
                self._positions[partition] = records[-1].offset + 1


def _changed(consumer: KafkaConsumer, topics: frozenset[str]) -> bool:
    """Return whether other partitions exist than are assigned; KafkaError if no broker answers.

    Polling would wait for a broker without an error, and would not see new partitions.
    """
    assigned: set[TopicPartition] = consumer.assignment()
    if assigned:
        consumer.end_offsets(list(assigned), timeout_ms=5_000)
    return set(existing_partitions(consumer, sorted(topics))) != assigned
