"""The bytes of request bodies that the gateway holds at one moment, below a limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class BusyError(Exception):
    """The gateway holds as many requests, or bytes of them, as it may."""


class BodyMemory:
    """Bounds what all requests together hold: `most` bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0

    @contextmanager
    def hold(self) -> Iterator[HeldBytes]:
        """Yield the counter of one request; its bytes are given back at the end of the block."""
        held = HeldBytes(self)
        try:
            yield held
        finally:
            self.used -= held.size


class HeldBytes:
    """The bytes that one request holds."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self.size = 0

    def add(self, size: int) -> None:
        """Count bytes that were received; BusyError above the limit of all requests."""
        if self._memory.used + size > self._memory.most:
            raise BusyError
        self._memory.used += size
        self.size += size
