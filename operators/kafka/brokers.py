"""The brokers of Kafka, and how clients connect to them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Brokers(NamedTuple):
    """Bootstrap servers as `host:port`, comma-separated."""

    servers: str

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments with which every client of kafka-python is made."""
        return {"bootstrap_servers": self.servers}
