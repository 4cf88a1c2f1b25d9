"""The brokers of Kafka, and how clients connect to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from operators.core.errors import DeploymentError
from operators.kafka.client_config.client_options import client_options
from operators.kafka.client_config.properties_file import read_properties

_LOCAL = "localhost:9092"


class Brokers(NamedTuple):
    """Bootstrap servers as `host:port`, comma-separated, and the path of the clients' properties file.

    Without a file, clients connect without TLS and without a user.
    """

    servers: str
    config: str = ""

    def options(self) -> Mapping[str, Any]:
        """Return the keyword arguments with which every client of kafka-python is made.

        DeploymentError if the properties file cannot be used.
        """
        return {"bootstrap_servers": self.servers, **(client_options(self.config) if self.config else {})}


def find_brokers(servers: str, config: str, local: str = _LOCAL) -> Brokers:
    """Return brokers: of `servers`, or else of the properties file, or else, without one, `local`.

    DeploymentError if the file cannot be used, or names no brokers and `servers` is empty.
    """
    if config:
        config = os.path.abspath(config)
        servers = servers or read_properties(config).get("bootstrap.servers", "")
        if not servers:
            raise DeploymentError(f"{config}: set bootstrap.servers, or --bootstrap-servers")
    return Brokers(servers or local, config)
