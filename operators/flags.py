"""The verdict of each step's last closed window, read from the reports beside the serving path."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from threading import Event, Thread

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from operators.control import DEADLINE, Connection
from operators.kafka_log import open_consumer, read_to_end
from operators.plan import Flag
from operators.reports import read_flag

_LOOK_BACK = 1_000
_log = logging.getLogger(__name__)


class LastVerdicts:
    """Follows the reports of some steps in a background thread; reading it never waits.

    Only committed reports count, so a verdict that a failure takes back was never shown.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._steps: frozenset[str] = frozenset()
        self._verdicts: dict[str, dict[str, Flag]] = {}
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="last-verdicts", daemon=True)

    def follow(self, steps: Collection[str]) -> None:
        """Follow the reports of these steps from now on, with their latest ones read; before the first call,
        those of none."""
        if steps == self._steps:
            return
        consumer, partitions = self._open(steps)
        with consumer:
            for record in read_to_end(consumer, partitions, DEADLINE):
                self._take(record.topic, record.value)
        self._steps = frozenset(steps)
        if not self._thread.ident:
            self._thread.start()

    def of(self, pipeline: str) -> Mapping[str, Flag]:
        """Return the pipeline's verdicts by step."""
        return self._verdicts.get(pipeline, {})

    def close(self) -> None:
        """Stop following."""
        self._stop.set()

    def _open(self, steps: Collection[str]) -> tuple[KafkaConsumer, list[TopicPartition]]:
        topics = [self._connection.topics.model_outputs(step) for step in sorted(steps)]
        consumer, partitions = open_consumer(self._connection.bootstrap, topics)
        beginnings = consumer.beginning_offsets(partitions) if partitions else {}
        ends = consumer.end_offsets(partitions) if partitions else {}
        for partition in partitions:
            consumer.seek(partition, max(beginnings[partition], ends[partition] - _LOOK_BACK))
        return consumer, partitions

    def _take(self, topic: str, value: bytes | None) -> None:
        told = read_flag(value or b"")
        if told:
            pipeline, flag = told
            step = self._connection.topics.step_of(topic)
            self._verdicts[pipeline] = {**self._verdicts.get(pipeline, {}), step: flag}

    def _follow(self) -> None:
        while not self._stop.is_set():
            steps = self._steps
            try:
                consumer, partitions = self._open(steps)
                with consumer:
                    while partitions and steps is self._steps and not self._stop.is_set():
                        for records in consumer.poll(timeout_ms=500).values():
                            for record in records:
                                self._take(record.topic, record.value)
            except KafkaError as error:
                _log.warning("reading drift reports failed, trying again: %s", error)
            self._stop.wait(1.0)
