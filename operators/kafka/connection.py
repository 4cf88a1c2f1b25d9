"""Where Kafka is, and how its topics are named."""

from __future__ import annotations

from typing import NamedTuple

from operators.kafka.topics import Topics

# Reading a topic to its end takes so many seconds at most.
DEADLINE = 60.0


class Connection(NamedTuple):
    """Bootstrap servers as `host:port`, separated by commas, and the names of the topics."""

    bootstrap: str
    topics: Topics
