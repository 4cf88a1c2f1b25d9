"""Waiting until no job writes to the topics of a deleted pipeline any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from time import monotonic, sleep, time

from operators.control.status import StatusState
from operators.core.errors import DeploymentError
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import open_consumer, read_topic

# After the last worker dropped a pipeline its windows end within so many seconds, by a report each.
_SECONDS_TO_END = 5.0
_PATIENCE = 120.0


def wait_until_unused(connection: Connection, pipelines: Collection[str], topics: Sequence[str]) -> None:
    """Wait until no worker serves these pipelines, their windows ended and every transaction is closed.

    DeploymentError when that takes too long: the topics are left as they are.
    """
    deadline = monotonic() + _PATIENCE
    while served := _served(connection) & set(pipelines):
        if monotonic() > deadline:
            raise DeploymentError(
                f"{', '.join(sorted(served))} still serve: see weir status; no topic was deleted"
            )
        sleep(0.5)
    sleep(_SECONDS_TO_END)
    while not _committed(connection.bootstrap, topics):
        if monotonic() > deadline:
            raise DeploymentError("a report of a deleted pipeline is not committed yet; no topic was deleted")
        sleep(0.5)


def _served(connection: Connection) -> set[str]:
    told = StatusState.empty()
    for record in read_topic(connection.bootstrap, [connection.topics.status], DEADLINE):
        told.read(record)
    return {name for worker in told.alive(time()) for name in worker.pipelines}


def _committed(bootstrap: str, topics: Sequence[str]) -> bool:
    """Tell whether readers of committed records see as far as others."""
    ends = []
    for isolation in ("read_committed", "read_uncommitted"):
        consumer, partitions = open_consumer(bootstrap, list(topics), isolation)
        with consumer:
            ends.append(consumer.end_offsets(partitions) if partitions else {})
    return bool(ends[0] == ends[1])
