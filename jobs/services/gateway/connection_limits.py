"""Limits on connections: their number, and the time to receive a request and to send its response.

uvicorn limits only what its application sees. A client that sends half of a request, or reads half of a
response, would keep its connection for ever.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds for the handshake and the end of TLS.
_TLS_SECONDS = 5.0


class ConnectionLimits(NamedTuple):
    """The number of connections, and seconds: for a request's headers, its body, and reading a response."""

    connections: int = 1_000
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    send_seconds: float = 60.0


class LimitedConnection(H11Protocol):
    """One connection; a client that is too slow gets status 408, or is disconnected."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._receiving = ""
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request, or refuse the connection."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._refuse(503, "too many connections; retry later")
        self._watch_receiving()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle received bytes."""
        super().data_received(data)
        self._watch_receiving()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the client to read the response."""
        super().on_response_complete()
        self._watch_receiving()
        if self.transport.get_write_buffer_size():
            self._start("closing", self._limits.send_seconds, self._abort_unread)

    def pause_writing(self) -> None:
        """Wait for the client to read what was sent."""
        super().pause_writing()
        self._start("sending", self._limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Send the rest."""
        self._stop("sending")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP: uvicorn calls this while it handles h11's error, which has the status."""
        status = getattr(sys.exception(), "error_status_hint", 400)
        self._refuse(status, "the headers are too long" if status == 431 else "the request is not valid HTTP")

    def _watch_receiving(self) -> None:
        """Start a timer when the client begins to send headers or a body; stop it when they are received."""
        receiving = ""
        if not self.transport.is_closing():
            if self.conn.their_state is h11.SEND_BODY:
                receiving = "body"
            # Between requests, uvicorn's own timer runs from the response to the next byte.
            elif self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
                receiving = "headers"
        if receiving != self._receiving:
            self._receiving = receiving
            self._stop("receiving")
            limits = self._limits
            if receiving:
                seconds = limits.header_seconds if receiving == "headers" else limits.body_seconds
                self._start("receiving", seconds, self._time_out)

    def _time_out(self) -> None:
        self._refuse(408, f"the {self._receiving} of the request did not arrive in time")

    def _refuse(self, status: int, message: str) -> None:
        """Close the connection, after an error response if none is sent yet."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = msgspec.json.encode({"error": message})
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"connection", b"close"),
            ]
            response = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
            with suppress(h11.LocalProtocolError):  # a response to HEAD has no body
                for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._start("closing", self._limits.send_seconds, self._abort_unread)
        self.transport.close()

    def _abort_unread(self) -> None:
        """Disconnect a client that does not read the end of what it was sent before the connection closes."""
        if self.transport.is_closing():
            self.transport.abort()

    def _start(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, act)

    def _stop(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()


class LimitedLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers end unfinished TLS handshakes; uvicorn has no setting for it."""

    async def create_server(self, *arguments: Any, **named: Any) -> asyncio.Server:
        """Start a server, with time-outs of TLS if it has TLS."""
        if named.get("ssl"):
            named |= {"ssl_handshake_timeout": _TLS_SECONDS, "ssl_shutdown_timeout": _TLS_SECONDS}
        return await super().create_server(*arguments, **named)


def limited_protocol(limits: ConnectionLimits) -> Any:
    """Return the `http` setting of uvicorn with these limits."""
    return partial(LimitedConnection, limits=limits)
