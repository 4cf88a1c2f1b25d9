"""Reads the records of a topic that match a filter: the newest, those of a time range, or new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition

from jobs.traffic.inspect.expression import Target
from jobs.traffic.inspect.readable_records import Condition, ReadableRecord, show
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.connection import DEADLINE
from operators.kafka.consumer import open_consumer, read_to_end

# Until enough records match, each attempt reads this many times as many records.
_GROWTH = 8


class RecordFilter(NamedTuple):
    """A filter of records: `since` and `until` in seconds since 1970, 0 for no bound.

    An empty `key`, `id` or `conditions` matches every record.
    """

    since: float = 0.0
    until: float = 0.0
    key: str = ""
    id: str = ""
    conditions: tuple[Condition, ...] = ()

    def matches(self, record: ReadableRecord, target: Target) -> bool:
        """Return whether a record matches; on topics that pipelines share, its pipeline has to match too."""
        return (
            (not (target.step or target.side == "errors") or record.pipeline == target.pipeline)
            and (not self.key or record.key == self.key)
            and (not self.id or record.request_id == self.id)
            and (not self.until or record.timestamp <= self.until * 1000)
            and (not self.since or record.timestamp >= self.since * 1000)
            and all(condition.holds(record) for condition in self.conditions)
        )


class Reader:
    """Reads one topic; DeploymentError where it does not exist."""

    def __init__(self, brokers: Brokers, target: Target) -> None:
        self._target = target
        self._consumer, self._partitions = _open(brokers, target)
        self._ends = self._consumer.end_offsets(self._partitions)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc: object) -> None:
        self._consumer.close()

    def existing(self, wanted: RecordFilter, most: int | None) -> list[ReadableRecord]:
        """Return the `most` newest records that match, or all of them where it is None, oldest first."""
        beginnings = self._starts(wanted)
        most = most or sum(self._ends.values())
        count = most
        while True:
            starts = {one: max(beginnings[one], self._ends[one] - count) for one in self._partitions}
            records = [record for record in self._read(starts) if wanted.matches(record, self._target)]
            if len(records) >= most or starts == beginnings:
                break
            count *= _GROWTH
        records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
        return records[-most:]

    def new(self, wanted: RecordFilter, is_open: Callable[[], bool]) -> Iterator[ReadableRecord]:
        """Yield new records that match, from where `existing` ended, while `is_open` returns true."""
        for partition, end in self._ends.items():
            self._consumer.seek(partition, end)
        while is_open():
            for records in self._consumer.poll(timeout_ms=200).values():
                readable = (show(record, self._target) for record in records)
                yield from (record for record in readable if wanted.matches(record, self._target))

    def _starts(self, wanted: RecordFilter) -> dict[TopicPartition, int]:
        beginnings: dict[TopicPartition, int] = self._consumer.beginning_offsets(self._partitions)
        if not wanted.since:
            return beginnings
        times = dict.fromkeys(self._partitions, round(wanted.since * 1000))
        offsets = self._consumer.offsets_for_times(times)
        return {one: offsets[one].offset if offsets.get(one) else self._ends[one] for one in self._partitions}

    def _read(self, starts: dict[TopicPartition, int]) -> Iterator[ReadableRecord]:
        for partition, start in starts.items():
            self._consumer.seek(partition, start)
        for record in read_to_end(self._consumer, self._partitions, DEADLINE):
            yield show(record, self._target)


def _open(brokers: Brokers, target: Target) -> tuple[KafkaConsumer, list[TopicPartition]]:
    consumer, partitions = open_consumer(brokers, [target.topic])
    if not partitions:
        consumer.close()
        hint = "the step has no reports and was never tapped; use --tap 60s" if target.step else ""
        raise DeploymentError(f"there is no topic {target.topic}" + (f": {hint}" if hint else ""))
    return consumer, partitions


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Return a function that returns whether less than `seconds` have passed since this call."""
    end = monotonic() + seconds
    return lambda: monotonic() < end
