"""One receiver's own way through the alerts topic: each alert is delivered, then its offset is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from threading import Event
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError, IllegalStateError, KafkaError

from jobs.kafka.firing_alerts import firing, read_records
from jobs.services.alert_bridge.receivers import Receiver, RefusedError, UnreachableError
from operators.alerts.alert import Alert
from operators.core.errors import DeploymentError, describe, tidy
from operators.kafka.connection import Connection
from operators.kafka.consumer import read_topic

_FIRST_WAIT, _LONGEST_WAIT, _READING = 1.0, 30.0, 30.0
Say = Callable[[str], None]


class _LostError(Exception):
    """The partition is another member's now, or may be."""


class Bridge:
    """Delivers the alerts of a namespace to one receiver.

    It goes on where it stopped, by a consumer group of its own. The first time, what fires at that moment is
    delivered, and not what was over before. Several of them for one receiver stand in for each other.
    """

    def __init__(self, connection: Connection, receiver: Receiver, say: Say) -> None:
        self._connection = connection
        self._receiver = receiver
        self._say = say
        self._stopped = Event()
        topics = connection.topics
        of_receiver = sha256(receiver.url.encode()).hexdigest()[:12]
        self._group = f"{topics.prefix}.{topics.namespace}.alert-bridge.{of_receiver}"

    def stop(self) -> None:
        """End `run` soon."""
        self._stopped.set()

    def run(self) -> None:
        """Deliver what there is and what comes; errors of Kafka are told and waited out."""
        while not self._stopped.is_set():
            try:
                with self._open() as consumer:
                    self._follow(consumer)
            except _LostError:
                # Another member took the partition over, or this one was away for long: look where it stands.
                self._stopped.wait(_FIRST_WAIT)
            except (KafkaError, DeploymentError, OSError) as error:
                self._say(f"Kafka does not answer, trying again: {error or type(error).__name__}")
                self._stopped.wait(_FIRST_WAIT)
            except Exception as error:  # a bridge that ended would deliver nothing more, unseen
                self._say(f"the bridge failed, beginning again: {describe(error)}")
                self._stopped.wait(_FIRST_WAIT)

    def _open(self) -> KafkaConsumer:
        return KafkaConsumer(
            self._connection.topics.alerts,
            bootstrap_servers=self._connection.bootstrap,
            group_id=self._group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    def _follow(self, consumer: KafkaConsumer) -> None:
        begun: set[TopicPartition] = set()
        while not self._stopped.is_set():
            polled = consumer.poll(timeout_ms=500)
            for partition in consumer.assignment() - begun:
                begun.add(partition)
                if consumer.committed(partition) is None:
                    polled.pop(partition, None)
                    self._begin(consumer, partition)
            for partition, records in polled.items():
                for record in records:
                    self._take(consumer, partition, record)
                    if self._stopped.is_set():
                        return
                    _commit(consumer, partition, record.offset + 1)

    def _begin(self, consumer: KafkaConsumer, partition: TopicPartition) -> None:
        """Deliver what fires now, and begin behind it."""
        end = consumer.end_offsets([partition])[partition]
        read = read_records(
            record
            for record in read_topic(self._connection.bootstrap, [partition.topic], _READING)
            if record.partition == partition.partition and record.offset < end
        )
        for alert in reversed(firing(read.alerts)):
            self._deliver(consumer, partition, alert)
        if not self._stopped.is_set():
            _commit(consumer, partition, end)
            raise _LostError

    def _take(self, consumer: KafkaConsumer, partition: TopicPartition, record: Any) -> None:
        """Deliver the alert of a record; one that cannot be used is skipped."""
        alerts, skipped = read_records([record])
        for alert in alerts:
            self._deliver(consumer, partition, alert)
        for one in skipped:
            self._say(f"a record is no alert and is skipped: {one}")

    def _deliver(self, consumer: KafkaConsumer, partition: TopicPartition, alert: Alert) -> None:
        """Deliver one alert, however long it takes."""
        for wait in _waits():
            try:
                self._receiver.deliver(alert)
            except UnreachableError as error:
                self._say(f"{self._receiver.url} cannot be reached, again in {wait:g} s: {error}")
                self._rest(consumer, partition, wait)
            except RefusedError as error:
                self._say(f"{self._receiver.url} refuses {_shown(alert)}: {error}")
                return
            else:
                self._say(f"{_shown(alert)} delivered to {self._receiver.url}")
                return
            if self._stopped.is_set():
                return

    def _rest(self, consumer: KafkaConsumer, partition: TopicPartition, seconds: float) -> None:
        """Wait, while the group still sees that this member lives; `_LostError` if it lost the partition."""
        consumer.pause(partition)
        polled = [consumer.poll(timeout_ms=0)]
        self._stopped.wait(seconds)
        polled.append(consumer.poll(timeout_ms=0))
        if partition not in consumer.assignment() or partition not in consumer.paused() or any(polled):
            raise _LostError
        consumer.resume(partition)


def _commit(consumer: KafkaConsumer, partition: TopicPartition, offset: int) -> None:
    try:
        consumer.commit({partition: OffsetAndMetadata(offset, "", -1)})
    except (CommitFailedError, IllegalStateError):
        # What another member delivers again, the receiver knows by its labels.
        raise _LostError from None


def _waits() -> Iterator[float]:
    wait = _FIRST_WAIT
    while True:
        yield wait
        wait = min(2 * wait, _LONGEST_WAIT)


def _shown(alert: Alert) -> str:
    labels = alert.labels
    of = "/".join(filter(None, (labels.get("pipeline"), labels.get("step"))))
    return tidy(f"{labels.get('alertname')} {of} {alert.status}")
