"""The HTTP server of the page: werkzeug's, with time-outs, a limit on connections, and TLS."""

from __future__ import annotations

import ssl
from io import BufferedReader
from socket import SocketIO, socket
from threading import BoundedSemaphore
from time import monotonic
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

# Each connection has a thread of its own.
_MOST_CONNECTIONS = 200


# Seconds to receive a request, from the previous response on, and to send one part of a response.
_REQUEST_SECONDS, _SEND_SECONDS = 20.0, 120.0


class _TimedSocket(SocketIO):
    """Reads a socket until a deadline: a time-out of the socket would start anew with each byte."""

    def __init__(self, connection: socket) -> None:
        super().__init__(connection, "r")
        self._connection = connection
        self.deadline = 0.0

    def readinto(self, buffer: Any) -> int | None:
        """Read some bytes; raises TimeoutError at the deadline."""
        self._connection.settimeout(max(0.001, self.deadline - monotonic()))
        try:
            return super().readinto(buffer)
        finally:
            self._connection.settimeout(_SEND_SECONDS)


class _Handler(WSGIRequestHandler):
    """Handles one connection; a client that sends or reads too slowly is disconnected."""

    protocol_version = "HTTP/1.1"
    timeout = _SEND_SECONDS

    def setup(self) -> None:
        """Read requests with a deadline."""
        super().setup()
        self.rfile.close()
        self._timed = _TimedSocket(self.connection)
        self.rfile = BufferedReader(self._timed)

    def handle_one_request(self) -> None:
        """Handle a request whose bytes must arrive in time."""
        self._timed.deadline = monotonic() + _REQUEST_SECONDS
        super().handle_one_request()

    def version_string(self) -> str:
        """Return no versions of the server and of Python."""
        return "weir"


class PageServer(ThreadedWSGIServer):
    """Serves an application; HTTPS with `tls`."""

    def __init__(self, host: str, port: int, app: Flask, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, app, _Handler)
        self._free = BoundedSemaphore(_MOST_CONNECTIONS)
        if tls:
            # The handshake is part of the first read in the connection's own thread. In accept(), a client
            # that does not finish it would stop all others.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.ssl_context = tls

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in a thread; close it if there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that breaks; errors of the application are logged where they happen."""
