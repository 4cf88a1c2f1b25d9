"""Reading the control topic."""

from __future__ import annotations

from typing import NamedTuple

from operators.kafka_log import read_whole
from operators.releases import Control
from operators.topics import Topics

DEADLINE = 60.0


class Connection(NamedTuple):
    """Where Kafka is and how its topics are named."""

    bootstrap: str
    topics: Topics


def read_control(connection: Connection) -> Control:
    """Read the control topic from its beginning to where it ends now; empty if nothing was ever applied."""
    control = Control.empty()
    for record in read_whole(connection.bootstrap, [connection.topics.control], DEADLINE):
        control.read(record)
    return control
