"""Follows the reports for the verdict of each step's last closed window, in a background thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from operators.kafka.connection import Connection
from operators.kafka.skipped_records import Skipped, SkippedReporter, skipped_record
from operators.kafka.topic_follower import TopicFollower
from operators.models.runtimes.batched import WindowVerdict
from operators.windows.report import read_report

_LOOK_BACK = 1_000


class VerdictFollower(TopicFollower):
    """Follows the reports of steps in a background thread; `of` returns without waiting.

    It reads committed reports only, so it never returns a verdict of an aborted transaction. `skipped`
    receives the records that are neither reports nor responses, each once.
    """

    def __init__(self, connection: Connection, skipped: Callable[[Sequence[Skipped]], None]) -> None:
        super().__init__(connection, "reading drift reports")
        self._skipped = SkippedReporter(skipped)
        self._topics: frozenset[str] = frozenset()
        self._verdicts: dict[str, dict[str, WindowVerdict]] = {}

    def follow(self, steps: Collection[str]) -> None:
        """Read the latest reports of these steps, and follow these steps from now on."""
        topics = frozenset(map(self.connection.topics.model_outputs, steps))
        if topics != self._topics:
            self.read_once(topics)
            self._topics = topics
            self.start_in_background()

    def of(self, pipeline: str) -> Mapping[str, WindowVerdict]:
        """Return the pipeline's verdicts by step."""
        return self._verdicts.get(pipeline, {})

    def topics(self) -> Collection[str]:
        """Return the outputs topics of the followed steps."""
        return self._topics

    def start_offsets(
        self, consumer: KafkaConsumer, partitions: list[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return offsets shortly before the ends."""
        beginnings, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        return {one: max(beginnings[one], ends[one] - _LOOK_BACK) for one in partitions}

    def take(self, records: list[Any]) -> None:
        """Apply records of steps' outputs. Report those that cannot be used, once even if read again."""
        skipped: list[Skipped] = []
        for record in records:
            try:
                self._apply(record)
            except Exception as error:  # of any type: other records must not be affected
                skipped.append(skipped_record(record, error))
        self._skipped.report(skipped)

    def _apply(self, record: Any) -> None:
        report = read_report(record.value)
        flag = report.flag() if report else None
        if report and flag:
            pipeline, step = report.window.pipeline, self.connection.topics.step_of(record.topic)
            self._verdicts[pipeline] = {**self._verdicts.get(pipeline, {}), step: flag}
