"""Delivery of the alerts topic to one receiver: deliver each alert, then commit its offset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError, IllegalStateError, KafkaError

from jobs.kafka.firing_alerts import firing, read_records
from jobs.services.alert_bridge.receivers import Receiver, RefusedError, UnreachableError
from operators.alerts.alert import Alert
from operators.core.errors import DeploymentError, describe, one_line
from operators.kafka.connection import Connection
from operators.kafka.consumer import read_topic

# Seconds: between attempts at first and at most, and to read the topic once.
_FIRST_WAIT, _LONGEST_WAIT, _READ_TIMEOUT = 1.0, 30.0, 30.0
PrintLine = Callable[[str], None]


class _PartitionLostError(Exception):
    """The partition is, or may be, assigned to another member of the group."""


class Bridge:
    """Delivers the alerts of a namespace to one receiver.

    A consumer group per receiver stores the position, so a restarted bridge continues where it stopped. On
    the first start, only the alerts that fire at that moment are delivered, not those resolved before.
    Several bridges with the same receiver share the group, and take over from each other.

    `print_line` receives each message to the operator.
    """

    def __init__(self, connection: Connection, receiver: Receiver, print_line: PrintLine) -> None:
        self._connection = connection
        self._receiver = receiver
        self._print_line = print_line
        self._stopped = Event()
        topics = connection.topics
        self._group = f"{topics.prefix}.{topics.namespace}.alert-bridge.{receiver.to.digest}"

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopped.set()

    def run(self) -> None:
        """Deliver alerts until stopped; after an error, print it, wait and start again."""
        while not self._stopped.is_set():
            try:
                with self._open() as consumer:
                    self._follow(consumer)
            except _PartitionLostError:
                # Another member has the partition, or this one timed out: restart at the committed offset.
                self._stopped.wait(_FIRST_WAIT)
            except (KafkaError, DeploymentError, OSError) as error:
                self._print_line(f"Kafka does not answer; retrying: {error or type(error).__name__}")
                self._stopped.wait(_FIRST_WAIT)
            except Exception as error:  # a bridge that exits stops delivering without notice
                self._print_line(f"the bridge failed; restarting: {describe(error)}")
                self._stopped.wait(_FIRST_WAIT)

    def _open(self) -> KafkaConsumer:
        return KafkaConsumer(
            self._connection.topics.alerts,
            **self._connection.brokers.options(),
            group_id=self._group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    def _follow(self, consumer: KafkaConsumer) -> None:
        """Deliver alerts until stopped, or until a partition that is new to the receiver is started."""
        started: set[TopicPartition] = set()
        while not self._stopped.is_set():
            polled = consumer.poll(timeout_ms=500)
            for partition in consumer.assignment() - started:
                started.add(partition)
                if consumer.committed(partition) is None:
                    self._start(consumer, partition)
                    return  # go on at the offset that is committed now
            for partition, records in polled.items():
                for record in records:
                    self._deliver_record(consumer, partition, record)
                    if self._stopped.is_set():
                        return
                    _commit(consumer, partition, record.offset + 1)

    def _start(self, consumer: KafkaConsumer, partition: TopicPartition) -> None:
        """Deliver the alerts that fire now, and commit the end of the partition."""
        end = consumer.end_offsets([partition])[partition]
        read = read_records(
            record
            for record in read_topic(self._connection.brokers, [partition.topic], _READ_TIMEOUT)
            if record.partition == partition.partition and record.offset < end
        )
        for alert in reversed(firing(read.alerts)):
            self._deliver(consumer, partition, alert)
        if not self._stopped.is_set():
            _commit(consumer, partition, end)

    def _deliver_record(self, consumer: KafkaConsumer, partition: TopicPartition, record: Any) -> None:
        """Deliver the alert of a record; skip a record that is not an alert."""
        alerts, skipped = read_records([record])
        for alert in alerts:
            self._deliver(consumer, partition, alert)
        for skipped_record in skipped:
            self._print_line(f"skipped a record that is not an alert: {skipped_record}")

    def _deliver(self, consumer: KafkaConsumer, partition: TopicPartition, alert: Alert) -> None:
        """Deliver one alert; retry until the receiver accepts or refuses it."""
        for wait in _waits():
            try:
                self._receiver.deliver(alert)
            except UnreachableError as error:
                self._print_line(f"cannot reach {self._receiver.to.place}; retrying in {wait:g} s: {error}")
                self._wait(consumer, partition, wait)
            except RefusedError as error:
                self._print_line(f"{self._receiver.to.place} refuses {_describe_alert(alert)}: {error}")
                return
            else:
                self._print_line(f"{_describe_alert(alert)} delivered to {self._receiver.to.place}")
                return
            if self._stopped.is_set():
                return

    def _wait(self, consumer: KafkaConsumer, partition: TopicPartition, seconds: float) -> None:
        """Wait with the partition paused, polling so that the group keeps this member.

        Raises _PartitionLostError if the partition was reassigned meanwhile.
        """
        consumer.pause(partition)
        polled = [consumer.poll(timeout_ms=0)]
        self._stopped.wait(seconds)
        polled.append(consumer.poll(timeout_ms=0))
        if partition not in consumer.assignment() or partition not in consumer.paused() or any(polled):
            raise _PartitionLostError
        consumer.resume(partition)


def _commit(consumer: KafkaConsumer, partition: TopicPartition, offset: int) -> None:
    try:
        consumer.commit({partition: OffsetAndMetadata(offset, "", -1)})
    except (CommitFailedError, IllegalStateError):
        # Another member may deliver the alert again; the receiver recognizes it by its labels.
        raise _PartitionLostError from None


def _waits() -> Iterator[float]:
    wait = _FIRST_WAIT
    while True:
        yield wait
        wait = min(2 * wait, _LONGEST_WAIT)


def _describe_alert(alert: Alert) -> str:
    labels = alert.labels
    subject = "/".join(filter(None, (labels.get("pipeline"), labels.get("step"))))
    return one_line(f"{labels.get('alertname')} {subject} {alert.status}")
