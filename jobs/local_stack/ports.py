"""Ports of the local stack: the default ones, or free ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec

from operators.core.errors import DeploymentError

HOST = "127.0.0.1"


class Ports(msgspec.Struct, frozen=True):
    """The ports on which the stack listens, on loopback."""

    kafka: int = 9092
    controller: int = 9093
    web: int = 8081
    rpc: int = 6123
    metrics: int = 9249

    def named(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the number of each port."""
        yield from msgspec.structs.asdict(self).items()


def free_ports() -> Ports:
    """Return ports on which no program listens now."""
    names = Ports.__struct_fields__
    with ExitStack() as open_sockets:
        probes = [open_sockets.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind((HOST, 0))
        numbers = [int(probe.getsockname()[1]) for probe in probes]
    return Ports(**dict(zip(names, numbers, strict=True)))


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
