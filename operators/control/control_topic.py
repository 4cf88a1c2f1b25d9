"""Reading the control topic."""

from __future__ import annotations

from operators.control.control_state import Control
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_whole


def read_control(connection: Connection) -> Control:
    """Read the control topic from its beginning to where it ends now; empty if nothing was ever applied."""
    control = Control.empty()
    for record in read_whole(connection.bootstrap, [connection.topics.control], DEADLINE):
        control.read(record)
    return control
