"""Ports of the local stack: the default ones, or free ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec

from operators.core.errors import DeploymentError

HOST = "127.0.0.1"


class BrokerPorts(msgspec.Struct, frozen=True):
    """The ports of one Kafka broker: for clients, and for the controllers among themselves."""

    kafka: int
    controller: int


class Ports(msgspec.Struct, frozen=True):
    """The ports on which the stack listens, on loopback.

    `kafka` and `controller` are those of the first broker, `more_brokers` those of the others.
    """

    kafka: int = 9092
    controller: int = 9093
    web: int = 8081
    rpc: int = 6123
    metrics: int = 9249
    more_brokers: tuple[BrokerPorts, ...] = ()

    @property
    def brokers(self) -> list[BrokerPorts]:
        """The ports of every broker; its number is the position from 1."""
        return [BrokerPorts(self.kafka, self.controller), *self.more_brokers]

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, as HOST:PORT, comma-separated."""
        return ",".join(f"{HOST}:{broker.kafka}" for broker in self.brokers)

    def named(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the number of each port."""
        for number, broker in enumerate(self.brokers, 1):
            yield f"kafka {number}" if self.more_brokers else "kafka", broker.kafka
            yield f"controller {number}" if self.more_brokers else "controller", broker.controller
        yield from (("web", self.web), ("rpc", self.rpc), ("metrics", self.metrics))


def default_ports(brokers: int = 1) -> Ports:
    """Return the default ports; brokers after the first have free ones."""
    return Ports(more_brokers=_pairs(_free_numbers(2 * (brokers - 1))))


def free_ports(brokers: int = 1) -> Ports:
    """Return ports on which no program listens now."""
    web, rpc, metrics, kafka, controller, *others = _free_numbers(3 + 2 * brokers)
    return Ports(kafka, controller, web, rpc, metrics, _pairs(others))


def _pairs(numbers: list[int]) -> tuple[BrokerPorts, ...]:
    return tuple(BrokerPorts(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))


def _free_numbers(count: int) -> list[int]:
    numbers = []
    with ExitStack() as open_sockets:
        for _ in range(count):
            probe = open_sockets.enter_context(socket.socket())
            probe.bind((HOST, 0))
            numbers.append(int(probe.getsockname()[1]))
    return numbers


def check_free(ports: Ports) -> None:
    """Raise DeploymentError that names every port on which another program listens."""
    taken = [f"{number} ({name})" for name, number in ports.named() if listens(number)]
    if taken:
        raise DeploymentError(
            f"port {', '.join(taken)} is in use by another program; stop it, or choose other ports, for "
            "example `weir up --free-ports` or `make demo UP=--free-ports`"
        )


def listens(port: int) -> bool:
    """Return whether a program accepts connections on the port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
