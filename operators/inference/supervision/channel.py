"""Python objects over a stream socket between two processes of one user, with a time limit."""

from __future__ import annotations

import pickle
import struct
from socket import socket
from threading import Lock
from time import monotonic
from typing import Any

_LENGTH = struct.Struct("!Q")


class Channel:
    """Sends and receives objects; EOFError if the other process has closed its end or has ended.

    Several threads may send, one receives.
    """

    def __init__(self, connected: socket) -> None:
        self._socket = connected
        self._sending = Lock()

    def send(self, message: object, seconds: float | None = None) -> None:
        """Send an object; TimeoutError if the other process does not read all of it within `seconds`."""
        body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._sending:
            self._socket.settimeout(seconds)
            try:
                self._socket.sendall(_LENGTH.pack(len(body)) + body)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise EOFError from error

    def receive(self, seconds: float | None = None) -> Any:
        """Return the next object; TimeoutError if it has not arrived completely within `seconds`."""
        until = None if seconds is None else monotonic() + seconds
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, until))
        return pickle.loads(self._read(length, until))

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _read(self, length: int, until: float | None) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            self._socket.settimeout(None if until is None else max(until - monotonic(), 0.001))
            try:
                received = self._socket.recv_into(view)
            except ConnectionResetError as error:
                raise EOFError from error
            if not received:
                raise EOFError
            view = view[received:]
        return data
