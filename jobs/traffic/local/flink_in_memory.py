"""Flink's keyed state and metrics in memory: the state of one key, and metrics that are discarded."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class MemoryValue:
    """State of one value of bytes, as Flink's ValueState."""

    def __init__(self) -> None:
        self.stored: bytes | None = None

    def value(self) -> bytes | None:
        """Return the value, None where there is none."""
        return self.stored

    def update(self, value: bytes, /) -> None:
        """Replace the state."""
        self.stored = value

    def clear(self) -> None:
        """Remove the state."""
        self.stored = None


class MemoryBlobs:
    """State of a list of bytes, as Flink's ListState."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []

    def get(self) -> Iterable[bytes]:
        """Return all values."""
        return list(self.stored)

    def add(self, value: bytes, /) -> None:
        """Append a value."""
        self.stored.append(value)

    def update(self, values: list[bytes], /) -> None:
        """Replace the state."""
        self.stored = list(values)

    def clear(self) -> None:
        """Remove the state."""
        self.stored = []


class DiscardedMetrics:
    """A metric group, and a counter in it, that discard every value."""

    def add_group(self, *names: str) -> DiscardedMetrics:
        """Return the group itself."""
        return self

    def counter(self, name: str) -> DiscardedMetrics:
        """Return the counter, which is the group itself."""
        return self

    def inc(self, n: int = 1) -> None:
        """Discard the increment."""

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Discard the gauge."""
