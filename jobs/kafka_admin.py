"""Listing and creating topics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from jobs.tables import MOST_BYTES
from operators.errors import DeploymentError

# A request above the limit must be able to come in, so that it can be answered by an error.
_LONG = {"max.message.bytes": str(MOST_BYTES)}
_COMPACTED = {"cleanup.policy": "compact"}


def existing_topics(bootstrap: str) -> list[str]:
    """Return the names of all topics."""
    with _client(bootstrap, "listed") as client:
        return list(client.list_topics())


def create_topics(bootstrap: str, names: list[str], partitions: int, compacted: bool = False) -> list[str]:
    """Create the topics that do not exist yet, and return their names; the others are left alone."""
    with _client(bootstrap, "created") as client:
        new = sorted(set(names) - set(client.list_topics()))
        if new:
            configs = _COMPACTED if compacted else _LONG
            wanted = {name: {"num_partitions": partitions, "configs": configs} for name in new}
            client.create_topics(wanted, wait_for_metadata=True)
        return new


@contextmanager
def _client(bootstrap: str, verb: str) -> Iterator[KafkaAdminClient]:
    try:
        with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as client:
            yield client
    except (KafkaError, OSError) as error:
        raise DeploymentError(f"topics could not be {verb} at {bootstrap}: {error}; is Kafka up?") from error
