"""The verdict of each step's last closed window, read from the reports beside the serving path."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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

    def __init__(self, connection: Connection, steps: list[str]) -> None:
        self._connection = connection
        self._step_of = {connection.topics.model_outputs(step): step for step in steps}
        self._verdicts: dict[str, dict[str, Flag]] = {}
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="last-verdicts", daemon=True)

    def start(self) -> None:
        """Read the latest reports to their end, then follow them; does nothing without batched steps."""
        if not self._step_of:
            return
        consumer, partitions = self._open()
        with consumer:
            for record in read_to_end(consumer, partitions, DEADLINE):
                self._take(record.topic, record.value)
        self._thread.start()

    def of(self, pipeline: str) -> Mapping[str, Flag]:
        """Return the pipeline's verdicts by step."""
        return self._verdicts.get(pipeline, {})

    def close(self) -> None:
        """Stop following."""
        self._stop.set()

    def _open(self) -> tuple[KafkaConsumer, list[TopicPartition]]:
        consumer, partitions = open_consumer(self._connection.bootstrap, list(self._step_of))
        beginnings = consumer.beginning_offsets(partitions) if partitions else {}
        ends = consumer.end_offsets(partitions) if partitions else {}
        for partition in partitions:
            consumer.seek(partition, max(beginnings[partition], ends[partition] - _LOOK_BACK))
        return consumer, partitions

    def _take(self, topic: str, value: bytes | None) -> None:
        told = read_flag(value or b"")
        if told:
            pipeline, flag = told
            self._verdicts[pipeline] = {**self._verdicts.get(pipeline, {}), self._step_of[topic]: flag}

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                consumer, partitions = self._open()
                with consumer:
                    while partitions and not self._stop.is_set():
                        for records in consumer.poll(timeout_ms=500).values():
                            for record in records:
                                self._take(record.topic, record.value)
            except KafkaError as error:
                _log.warning("reading drift reports failed, trying again: %s", error)
            self._stop.wait(1.0)
