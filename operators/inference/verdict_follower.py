"""Follows the reports for the verdict of each step's last closed window, in a background thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Event, Thread
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from operators.core.background_thread import log_failure, repeat
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import open_consumer, read_to_end
from operators.kafka.skipped_records import Skipped, skipped_record
from operators.models.runtimes.batched import WindowVerdict
from operators.windows.report import read_report

_LOOK_BACK = 1_000
_log = logging.getLogger(__name__)


class VerdictFollower:
    """Follows the reports of steps in a background thread; `of` returns without waiting.

    It reads committed reports only, so it never returns a verdict of an aborted transaction. `skipped`
    receives the records that are neither reports nor responses, each once.
    """

    def __init__(self, connection: Connection, skipped: Callable[[Sequence[Skipped]], None]) -> None:
        self._connection = connection
        self._skipped = skipped
        self._steps: frozenset[str] = frozenset()
        self._verdicts: dict[str, dict[str, WindowVerdict]] = {}
        self._reported: dict[tuple[str, int], int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._follow, name="last-verdicts", daemon=True)

    def follow(self, steps: Collection[str]) -> None:
        """Read the latest reports of these steps, and follow these steps from now on."""
        if steps == self._steps:
            return
        consumer, partitions = self._open(steps)
        with consumer:
            self.take(read_to_end(consumer, partitions, DEADLINE))
        self._steps = frozenset(steps)
        if not self._thread.ident:
            self._thread.start()

    def of(self, pipeline: str) -> Mapping[str, WindowVerdict]:
        """Return the pipeline's verdicts by step."""
        return self._verdicts.get(pipeline, {})

    def take(self, records: Iterable[Any]) -> None:
        """Apply records of steps' outputs. Report those that cannot be used, once even if read again."""
        skipped: list[Skipped] = []
        for record in records:
            try:
                self._apply(record)
            except Exception as error:  # of any type: other records must not be affected
                skipped.append(skipped_record(record, error))
        unreported = [
            one for one in skipped if one.offset > self._reported.get((one.topic, one.partition), -1)
        ]
        self._reported.update({(one.topic, one.partition): one.offset for one in unreported})
        if unreported:
            self._skipped(unreported)

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

    def _apply(self, record: Any) -> None:
        report = read_report(record.value)
        flag = report.flag() if report else None
        if report and flag:
            pipeline, step = report.window.pipeline, self._connection.topics.step_of(record.topic)
            self._verdicts[pipeline] = {**self._verdicts.get(pipeline, {}), step: flag}

    def _follow(self) -> None:
        repeat(self._follow_once, self._stop, log_failure(_log, "reading drift reports"))

    def _follow_once(self) -> None:
        """Follow the current steps, until `follow` replaces them."""
        steps = self._steps
        consumer, partitions = self._open(steps)
        with consumer:
            while partitions and steps is self._steps and not self._stop.is_set():
                for records in consumer.poll(timeout_ms=500).values():
                    self.take(records)
