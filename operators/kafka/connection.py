"""Kafka's brokers, and the names of the topics."""

from __future__ import annotations

from typing import NamedTuple

from operators.kafka.brokers import Brokers
from operators.kafka.topics import Topics

# The most time that reading a topic to its end may take, in seconds.
DEADLINE = 60.0


class Connection(NamedTuple):
    """The brokers, and the names of the topics."""

    brokers: Brokers
    topics: Topics

    def failure(self, error: Exception) -> str:
        """Return that Kafka does not answer, and why."""
        return f"Kafka does not answer at {self.brokers.servers}: {str(error) or type(error).__name__}"
