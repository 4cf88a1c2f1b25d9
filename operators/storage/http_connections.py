"""HTTP connections that end at a deadline, however slowly the server sends.

The timeout of a socket limits the time between two packets only: a server that sends a byte a minute would
keep its client for ever.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from threading import Lock, Timer
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener


@contextmanager
def connections(seconds: float) -> Iterator[OpenerDirector]:
    """Yield an opener whose connections are shut down when the time is over, or the block ends."""
    watch = _Watch()
    timer = Timer(seconds, watch.end)
    timer.daemon = True
    timer.start()
    try:
        yield build_opener(_Handler(watch), _TlsHandler(watch))
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """The connections that were opened."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._has_ended = False

    def connect(self, *args: Any, **settings: Any) -> socket.socket:
        """Open a connection, as `socket.create_connection`."""
        connection = socket.create_connection(*args, **settings)
        with self._lock:
            if self._has_ended:
                connection.close()
                raise TimeoutError("the time is over")
            # TLS takes the socket over; a duplicate still ends the same connection.
            self._sockets.append(connection.dup())
        return connection

    def end(self) -> None:
        """Shut all connections down; whoever reads from them sees their end."""
        with self._lock:
            self._has_ended = True
            for connection in self._sockets:
                with suppress(OSError):  # the server has closed it
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            self._sockets = []


def _watched(kind: Any, watch: _Watch, *args: Any, **settings: Any) -> Any:
    connection = kind(*args, **settings)
    connection._create_connection = watch.connect
    return connection


class _Handler(HTTPHandler):
    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, req: Request) -> Any:
        return self.do_open(partial(_watched, HTTPConnection, self._watch), req)


class _TlsHandler(HTTPSHandler):
    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def https_open(self, req: Request) -> Any:
        return self.do_open(partial(_watched, HTTPSConnection, self._watch), req)
