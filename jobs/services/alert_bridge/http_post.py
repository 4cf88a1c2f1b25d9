"""One POST over HTTP with a deadline for all of it: names, connection, TLS, request and response."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Thread
from typing import Any, NamedTuple

# Bytes of an error response that are read.
_MOST_TEXT = 300
_TLS = ssl.create_default_context()


class Reply(NamedTuple):
    """The status of a response, the beginning of an error's text, and the target of a redirect."""

    status: int
    text: str = ""
    location: str = ""


def post(url: str, data: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
    """Send `data` and return the reply; proxies of the environment are used, redirects are not followed.

    Raises TimeoutError after `seconds`, HTTPException, OSError or ValueError if there is no valid reply. A
    timeout of the socket would not be enough: it starts anew with each byte that arrives.
    """
    attempt = _Attempt(urllib.request.Request(url, data, dict(headers), method="POST"), seconds)
    attempt.start()
    attempt.join(seconds)
    if attempt.is_alive():
        attempt.cancel()
        raise TimeoutError(f"no complete response within {seconds:g} s")
    if attempt.error is not None:
        raise attempt.error
    return attempt.reply


class _Attempt(Thread):
    """One request in a thread of its own, which a name server or a slow receiver may hold up."""

    def __init__(self, request: urllib.request.Request, seconds: float) -> None:
        super().__init__(daemon=True)
        self._request = request
        self._seconds = seconds
        self._sockets: list[socket] = []
        self._is_cancelled = False
        self.reply = Reply(0)
        self.error: Exception | None = None

    def run(self) -> None:
        # The time-out of the socket is longer, so that the deadline is the one that ends an attempt.
        opener = urllib.request.build_opener(_NoRedirects, _Http(self), _Https(self))
        try:
            with opener.open(self._request, timeout=2 * self._seconds) as response:
                self.reply = Reply(response.status)
        except urllib.error.HTTPError as error:
            with error:
                self.reply = Reply(error.code, _text_of(error), error.headers.get("Location", ""))
        except (HTTPException, OSError, ValueError) as error:
            self.error = error

    def cancel(self) -> None:
        """Break the connection, so that nothing is sent later and the thread ends."""
        self._is_cancelled = True
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(SHUT_RDWR)

    def keep(self, connected: socket) -> None:
        """Remember a connected socket; raises TimeoutError if nobody waits for the reply any more."""
        self._sockets.append(connected)
        if self._is_cancelled:
            raise TimeoutError


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the alert would get lost, and the token would be sent to another server."""

    def redirect_request(self, *arguments: object) -> None:
        """Return None, which makes a redirect an HTTPError."""
        return


class _Http(urllib.request.HTTPHandler):
    def __init__(self, attempt: _Attempt) -> None:
        super().__init__()
        self._attempt = attempt

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_connection(HTTPConnection, self._attempt), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, attempt: _Attempt) -> None:
        super().__init__(context=_TLS)
        self._attempt = attempt

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_connection(HTTPSConnection, self._attempt), req, context=_TLS)


def _connection(kind: type[HTTPConnection], attempt: _Attempt) -> Any:
    """Return a constructor of connections whose socket the attempt knows, before TLS begins."""

    def make(*arguments: Any, **named: Any) -> Any:
        connection: Any = kind(*arguments, **named)
        connect = connection._create_connection

        def create(*address: Any, **options: Any) -> socket:
            connected: socket = connect(*address, **options)
            attempt.keep(connected)
            return connected

        connection._create_connection = create
        return connection

    return make


def _text_of(error: urllib.error.HTTPError) -> str:
    try:
        return error.read(_MOST_TEXT).decode("utf-8", "replace").strip()
    except (HTTPException, OSError):
        return ""
