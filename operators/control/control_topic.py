"""Reads the control topic."""

from __future__ import annotations

from operators.control.control_state import ControlState
from operators.kafka.connection import DEADLINE, Connection
from operators.kafka.consumer import read_topic


def read_control(connection: Connection) -> ControlState:
    """Read the control topic from its beginning to its current end; a missing topic is empty."""
    control = ControlState.empty()
    for record in read_topic(connection.brokers, [connection.topics.control], DEADLINE):
        control.read(record)
    return control
