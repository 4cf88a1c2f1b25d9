"""Clients that are slow, many or wrong, on a server of the gateway."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.services.gateway.connection_limits import ConnectionLimits
from jobs.services.gateway.server import Exposure
from tests.support.http_servers import exchange, http_server

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


async def read(request: Request) -> Response:
    return Response(await request.body())


async def refuse(request: Request) -> Response:
    """Answer without the body."""
    return Response(status_code=404)


async def large(request: Request) -> Response:
    return Response(bytes(50_000_000))


APP = Starlette(
    routes=[
        Route("/", read, methods=["GET", "POST"]),
        Route("/refuse", refuse, methods=["POST"]),
        Route("/large", large),
    ]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Exposure]:
    with http_server(APP, limits=ConnectionLimits(20, 0.5, 1.0, 0.5)) as exposure:
        yield exposure


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"", b"HTTP/1.1 408"),
        (b"POST / HT", b"HTTP/1.1 408"),
        (HEAD + b"x-a: ", b"HTTP/1.1 408"),
        (HEAD + b"Content-Length: 5\r\n\r\n12", b"HTTP/1.1 408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12", b"HTTP/1.1 408"),
        (HEAD.replace(b"/ ", b"/refuse ") + b"Content-Length: 5\r\n\r\n12", b"HTTP/1.1 404"),
        (HEAD + b"Content-Length: 2\r\n\r\n12" + b"POST / HT", b"HTTP/1.1 200"),
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400"),
        (HEAD + b"x-a: " + b"a" * 70_000, b"HTTP/1.1 431"),
        (HEAD + b"x-a: 1\r\n" * 101 + b"\r\n", b"HTTP/1.1 431"),
    ],
)
def test_half_a_request_does_not_keep_a_connection(server: Exposure, sent: bytes, received: bytes) -> None:
    got = exchange(server.port, sent)
    assert got.startswith(received)
    assert b"nosniff" in got


def test_a_connection_that_is_idle_after_a_discarded_body_is_closed(server: Exposure) -> None:
    """uvicorn waits for the next request only from the response on, not from the end of the body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=4) as client:
        client.sendall(HEAD.replace(b"/ ", b"/refuse ") + b"Content-Length: 5\r\n\r\n12")
        assert client.recv(1_000).startswith(b"HTTP/1.1 404")
        client.sendall(b"345")
        while client.recv(1_000):
            pass


def test_a_drip_of_bytes_does_not_keep_a_connection(server: Exposure) -> None:
    """The whole request has one deadline: bytes that arrive do not move it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.1) as client:
        client.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(1_000):
            try:
                client.sendall(b"x")
                assert client.recv(100).startswith(b"HTTP/1.1 408")
                return
            except TimeoutError:
                continue
    pytest.fail("the connection stays open")


def test_a_client_that_does_not_read_is_disconnected(server: Exposure) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        Event().wait(3)  # longer than the server waits for a reader
        received = 0
        try:
            while data := client.recv(1_000_000):
                received += len(data)
        except ConnectionResetError:
            pass
    assert received < 50_000_000


def test_connections_above_the_limit_are_refused_and_the_others_go_on(server: Exposure) -> None:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            for _ in range(40)
        ]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        statuses = [first_line(client) for client in clients]
    assert statuses.count(b"503") >= 1
    assert statuses.count(b"200") >= 20
    assert exchange(server.port, HEAD + b"Content-Length: 0\r\n\r\n").startswith(b"HTTP/1.1 200")


def first_line(client: socket.socket) -> bytes:
    try:
        return client.recv(1_000)[9:12]
    except ConnectionResetError:
        return b"503"
