"""Our HTTP servers in a thread, on loopback and free ports."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread
from time import monotonic, sleep
from typing import Any

import uvicorn
from flask import Flask
from starlette.types import ASGIApp

from jobs.services.dashboard.server import PageServer
from jobs.services.gateway.server import Exposure, server_config
from tests.support.servers import free_port


@contextmanager
def http_server(app: ASGIApp, **settings: Any) -> Iterator[Exposure]:
    """Serve an application as `weir gateway` does, with settings of its exposure."""
    exposure = Exposure(port=free_port(), **settings)
    server = uvicorn.Server(server_config(app, exposure))
    thread = Thread(target=server.run)
    thread.start()
    try:
        deadline = monotonic() + 30
        while not server.started:
            assert monotonic() < deadline, "the server does not start"
            sleep(0.01)
        yield exposure
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def page_server(app: Flask, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve an application as `weir dashboard` does; yield the port."""
    server = PageServer("127.0.0.1", 0, app, tls)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


def exchange(port: int, *parts: bytes, seconds: float = 30.0) -> bytes:
    """Send parts of a request, and return all that arrives until the server closes the connection."""
    received = b""
    with (
        closing(socket.create_connection(("127.0.0.1", port), timeout=seconds)) as client,
        suppress(ConnectionError),  # the server closes before it has read everything
    ):
        for part in parts:
            client.sendall(part)
        while data := client.recv(65_536):
            received += data
    return received
