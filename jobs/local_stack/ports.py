"""Ports of the local stack: the usual ones, or free ones."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec

from operators.core.errors import DeploymentError

HOST = "127.0.0.1"


class Ports(msgspec.Struct, frozen=True):
    """Which ports the stack listens on, on loopback."""

    kafka: int = 9092
    controller: int = 9093
    web: int = 8081
    rpc: int = 6123
    metrics: int = 9249

    def named(self) -> Iterator[tuple[str, int]]:
        """Yield name and number of each."""
        yield from msgspec.structs.asdict(self).items()


def free_ports() -> Ports:
    """Find ports that nothing listens on now."""
    names = Ports.__struct_fields__
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind((HOST, 0))
        numbers = [int(one.getsockname()[1]) for one in sockets]
    return Ports(**dict(zip(names, numbers, strict=True)))


def check_free(ports: Ports) -> None:
    """Raise DeploymentError naming every port that something else listens on."""
    taken = [f"{number} ({name})" for name, number in ports.named() if listens(number)]
    if taken:
        raise DeploymentError(
            f"port {', '.join(taken)} is in use by another program: stop it, or choose others, for example "
            "`weir up --free-ports` or `make demo UP=--free-ports`"
        )


def listens(port: int) -> bool:
    """Tell whether something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
