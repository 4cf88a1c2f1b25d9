"""Waits until no job writes to the topics of a deleted pipeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from time import monotonic, sleep, time

from operators.control.status_topic import read_status
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer

# Seconds until the windows of a pipeline are reported, after the last worker removed the pipeline.
_SECONDS_TO_END = 5.0
_PATIENCE = 120.0


def wait_until_unused(connection: Connection, pipelines: Collection[str], topics: Sequence[str]) -> None:
    """Wait until no worker serves these pipelines, their windows are reported, and all is committed.

    DeploymentError when that takes longer than two minutes; the caller must not delete the topics then.
    """
    deadline = monotonic() + _PATIENCE
    while served := _served_pipelines(connection) & set(pipelines):
        if monotonic() > deadline:
            raise DeploymentError(
                f"no topic was deleted: workers still serve {', '.join(sorted(served))}; run weir status"
            )
        sleep(0.5)
    sleep(_SECONDS_TO_END)
    while not _is_all_committed(connection.brokers, topics):
        if monotonic() > deadline:
            raise DeploymentError("no topic was deleted: a report of a deleted pipeline is not committed yet")
        sleep(0.5)


def _served_pipelines(connection: Connection) -> set[str]:
    return {name for worker in read_status(connection).alive(time()) for name in worker.pipelines}


def _is_all_committed(brokers: Brokers, topics: Sequence[str]) -> bool:
    """Return whether the topics end at the same offsets for committed reads as for uncommitted ones."""
    ends = []
    for isolation in ("read_committed", "read_uncommitted"):
        consumer, partitions = open_consumer(brokers, list(topics), isolation)
        with consumer:
            ends.append(consumer.end_offsets(partitions) if partitions else {})
    return bool(ends[0] == ends[1])
