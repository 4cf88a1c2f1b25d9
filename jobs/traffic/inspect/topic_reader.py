"""The records of a topic that are wanted: the newest, those of a time, or those to come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition

from jobs.traffic.inspect.expression import Target
from jobs.traffic.inspect.readable_records import Condition, ReadableRecord, show
from operators.core.errors import DeploymentError
from operators.kafka.connection import DEADLINE
from operators.kafka.consumer import open_consumer, read_to_end

# Looking for the newest matching records, so many times more are read each time.
_WIDER = 8


class RecordFilter(NamedTuple):
    """Which records: `since` and `until` in seconds since 1970, 0 where open; the others empty for all."""

    since: float = 0.0
    until: float = 0.0
    key: str = ""
    id: str = ""
    conditions: tuple[Condition, ...] = ()

    def takes(self, shown: ReadableRecord, target: Target) -> bool:
        """Tell whether a record is wanted; of topics that pipelines share, the header tells whose it is."""
        return (
            (not (target.step or target.side == "errors") or shown.pipeline == target.pipeline)
            and (not self.key or shown.key == self.key)
            and (not self.id or shown.request_id == self.id)
            and (not self.until or shown.timestamp <= self.until * 1000)
            and (not self.since or shown.timestamp >= self.since * 1000)
            and all(condition.holds(shown) for condition in self.conditions)
        )


class Reader:
    """Reads one topic; DeploymentError where it does not exist."""

    def __init__(self, bootstrap: str, target: Target) -> None:
        self._target = target
        self._consumer, self._partitions = _open(bootstrap, target)
        self._ends = self._consumer.end_offsets(self._partitions)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc: object) -> None:
        self._consumer.close()

    def there(self, wanted: RecordFilter, most: int | None) -> list[ReadableRecord]:
        """Return the newest so many wanted records that are there, or all of them (None), oldest first."""
        beginnings = self._starts(wanted)
        most = most or sum(self._ends.values())
        back = most
        while True:
            starts = {one: max(beginnings[one], self._ends[one] - back) for one in self._partitions}
            found = [one for one in self._read(starts) if wanted.takes(one, self._target)]
            if len(found) >= most or starts == beginnings:
                break
            back *= _WIDER
        found.sort(key=lambda one: (one.timestamp, one.partition, one.offset))
        return found[-most:]

    def to_come(self, wanted: RecordFilter, going_on: Callable[[], bool]) -> Iterator[ReadableRecord]:
        """Yield wanted records as they come, from where `there` ended."""
        for partition, end in self._ends.items():
            self._consumer.seek(partition, end)
        while going_on():
            for records in self._consumer.poll(timeout_ms=200).values():
                shown = (show(record, self._target) for record in records)
                yield from (one for one in shown if wanted.takes(one, self._target))

    def _starts(self, wanted: RecordFilter) -> dict[TopicPartition, int]:
        beginnings: dict[TopicPartition, int] = self._consumer.beginning_offsets(self._partitions)
        if not wanted.since:
            return beginnings
        times = dict.fromkeys(self._partitions, round(wanted.since * 1000))
        found = self._consumer.offsets_for_times(times)
        return {one: found[one].offset if found.get(one) else self._ends[one] for one in self._partitions}

    def _read(self, starts: dict[TopicPartition, int]) -> Iterator[ReadableRecord]:
        for partition, start in starts.items():
            self._consumer.seek(partition, start)
        for record in read_to_end(self._consumer, self._partitions, DEADLINE):
            yield show(record, self._target)


def _open(bootstrap: str, target: Target) -> tuple[KafkaConsumer, list[TopicPartition]]:
    consumer, partitions = open_consumer(bootstrap, [target.topic])
    if not partitions:
        consumer.close()
        hint = "it has no reports, and nobody tapped it: look with --tap 60s" if target.step else ""
        raise DeploymentError(f"there is no topic {target.topic}" + (f": {hint}" if hint else ""))
    return consumer, partitions


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds are not over yet."""
    end = monotonic() + seconds
    return lambda: monotonic() < end
