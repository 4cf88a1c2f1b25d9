"""The newest records of a topic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operators.kafka.brokers import Brokers
from operators.kafka.connection import DEADLINE
from operators.kafka.consumer import open_consumer, read_to_end


def newest(brokers: Brokers, topic: str, most: int) -> Iterator[Any]:
    """Yield about `most` of the newest records, an equal share of each partition, oldest first in each."""
    consumer, partitions = open_consumer(brokers, [topic])
    with consumer:
        if not partitions:
            return
        beginnings, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        for partition in partitions:
            share = -(-most // len(partitions))
            consumer.seek(partition, max(beginnings[partition], ends[partition] - share))
        yield from read_to_end(consumer, partitions, DEADLINE)
