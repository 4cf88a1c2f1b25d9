"""Reads the status topic."""

from __future__ import annotations

from operators.control.status import StatusState
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_topic


def read_status(connection: Connection) -> StatusState:
    """Read the status topic from its beginning to its current end; a missing topic is empty."""
    status = StatusState.empty()
    for record in read_topic(connection.brokers, [connection.topics.status], DEADLINE):
        status.read(record)
    return status
