"""Reads topics from their beginning to their current end, with kafka-python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import TopicAuthorizationFailedError

from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.header_names import replace_broken_names

replace_broken_names()


def open_consumer(
    brokers: Brokers, topics: list[str], isolation: str = "read_committed"
) -> tuple[KafkaConsumer, list[TopicPartition]]:
    """Open a consumer assigned to every partition of the topics that exist.

    DeploymentError if the user of Kafka may not describe one of them.
    """
    consumer = KafkaConsumer(
        **brokers.options(),
        group_id=None,
        isolation_level=isolation,
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        max_partition_fetch_bytes=32 * 1024 * 1024,
        check_crcs=False,  # in pure Python they take longer than all else; TCP and the broker check too
        reconnect_backoff_max_ms=1_000,  # as Kafka's own clients; kafka-python waits up to 30 s
    )
    try:
        partitions = existing_partitions(consumer, topics)
        if missing := set(topics) - {partition.topic for partition in partitions}:
            _refuse_hidden(brokers, sorted(missing))
        consumer.assign(partitions)
    except BaseException:
        consumer.close()
        raise
    return consumer, partitions


def _refuse_hidden(brokers: Brokers, topics: list[str]) -> None:
    """Raise DeploymentError if a topic is missing only because the user may not describe it.

    What is read from a topic that seems empty could be published, such as a first release.
    """
    with closing(KafkaAdminClient(**brokers.options())) as client:
        described = client.describe_topics(topics)
    refused = TopicAuthorizationFailedError.errno
    if hidden := [str(topic["name"]) for topic in described if topic["error_code"] == refused]:
        raise DeploymentError(
            f"{', '.join(hidden)}: the user of Kafka may not read this topic; docs/security.md lists the "
            "access control lists that each user needs"
        )


def existing_partitions(consumer: KafkaConsumer, topics: list[str]) -> list[TopicPartition]:
    """Return every partition of the topics that exist."""
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(consumer.partitions_for_topic(topic) or ())
    ]


def topic_exists(brokers: Brokers, topic: str) -> bool:
    """Return whether a topic exists."""
    consumer, partitions = open_consumer(brokers, [topic])
    consumer.close()
    return bool(partitions)


def read_to_end(consumer: KafkaConsumer, partitions: list[TopicPartition], seconds: float) -> Iterator[Any]:
    """Yield every record up to the current end of the partitions; DeploymentError after `seconds`."""
    for batches in batches_to_end(consumer, partitions, seconds):
        for records in batches.values():
            yield from records


def batches_to_end(
    consumer: KafkaConsumer, partitions: list[TopicPartition], seconds: float
) -> Iterator[dict[TopicPartition, list[Any]]]:
    """Yield the polled batches up to the current end of the partitions; DeploymentError after `seconds`."""
    if not partitions:
        return
    ends = consumer.end_offsets(partitions)
    deadline = monotonic() + seconds
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        if monotonic() > deadline:
            names = ", ".join(sorted({partition.topic for partition in partitions}))
            raise DeploymentError(
                f"{names}: reading to the end took longer than {seconds:g} s; "
                "check that the Kafka brokers are reachable"
            )
        yield consumer.poll(timeout_ms=200)


def read_topic(brokers: Brokers, topics: list[str], seconds: float) -> Iterator[Any]:
    """Yield every committed record that the topics contain now; a missing topic has none."""
    consumer, partitions = open_consumer(brokers, topics)
    with consumer:
        if partitions:
            consumer.seek_to_beginning()
        yield from read_to_end(consumer, partitions, seconds)
