"""Reading the control topic."""

from __future__ import annotations

from operators.connection import DEADLINE, Connection
from operators.kafka_log import read_whole
from operators.releases import Control


def read_control(connection: Connection) -> Control:
    """Read the control topic from its beginning to where it ends now; empty if nothing was ever applied."""
    control = Control.empty()
    for record in read_whole(connection.bootstrap, [connection.topics.control], DEADLINE):
        control.read(record)
    return control
