"""Functions that list, create and delete topics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from jobs.streaming.kafka_tables import MOST_BYTES
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection

# Kafka accepts requests above the job's limit, so that the job can answer them with an error.
_LARGE_RECORDS = {"max.message.bytes": str(MOST_BYTES)}
_COMPACTED = {"cleanup.policy": "compact"}
# The status of a worker is outdated within seconds; events on the same topic are useful for some days.
_STATUS = {
    "cleanup.policy": "compact,delete",
    "segment.ms": str(10 * 60 * 1000),
    "retention.ms": str(7 * 24 * 60 * 60 * 1000),
    "min.cleanable.dirty.ratio": "0.1",
}


def existing_topics(brokers: Brokers) -> list[str]:
    """Return the names of all topics."""
    with open_admin(brokers, "listed") as client:
        return list(client.list_topics())


def create_control(connection: Connection) -> None:
    """Create the topics that every job of the namespace needs."""
    brokers, topics = connection
    _create(brokers, [topics.control], 1, _COMPACTED)
    _create(brokers, [topics.status], 1, _STATUS)
    _create(brokers, [topics.alerts, topics.rates, topics.outliers], 1, {})


def create_topics(brokers: Brokers, names: list[str], partitions: int) -> list[str]:
    """Create the topics that do not exist yet, and return their names; the others are not changed."""
    return _create(brokers, names, partitions, _LARGE_RECORDS)


def delete_topics(brokers: Brokers, names: list[str]) -> list[str]:
    """Delete topics, and return the names of those that existed."""
    with open_admin(brokers, "deleted") as client:
        existing = sorted(set(names) & set(client.list_topics()))
        if existing:
            client.delete_topics(existing)
        return existing


def _create(brokers: Brokers, names: list[str], partitions: int, configs: dict[str, str]) -> list[str]:
    with open_admin(brokers, "created") as client:
        missing = sorted(set(names) - set(client.list_topics()))
        if missing:
            wanted = {name: {"num_partitions": partitions, "configs": configs} for name in missing}
            client.create_topics(wanted, wait_for_metadata=True)
        return missing


@contextmanager
def open_admin(brokers: Brokers, verb: str) -> Iterator[KafkaAdminClient]:
    """Open a client; DeploymentError that topics could not be `verb` (as in `created`) where Kafka fails."""
    try:
        with closing(KafkaAdminClient(**brokers.options())) as client:
            yield client
    except (KafkaError, OSError) as error:
        raise DeploymentError(
            f"topics could not be {verb} at {brokers.servers}: {error}; "
            "check that the Kafka brokers are reachable"
        ) from error
