"""What Flink gives a keyed function, in memory: state of one key, and metrics that nobody scrapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class MemoryValue:
    """One value; bytes come back as they were put."""

    def __init__(self) -> None:
        self.held: bytes | None = None

    def value(self) -> bytes | None:
        """Return the bytes, None where there is none."""
        return self.held

    def update(self, value: bytes, /) -> None:
        """Replace it."""
        self.held = value

    def clear(self) -> None:
        """Remove it."""
        self.held = None


class MemoryBlobs:
    """A list of values."""

    def __init__(self) -> None:
        self.held: list[bytes] = []

    def get(self) -> Iterable[bytes]:
        """Return all of it."""
        return list(self.held)

    def add(self, value: bytes, /) -> None:
        """Append to it."""
        self.held.append(value)

    def update(self, values: list[bytes], /) -> None:
        """Replace it."""
        self.held = list(values)

    def clear(self) -> None:
        """Remove it."""
        self.held = []


class DiscardedMetrics:
    """A metric group, and the counters in it, of which nothing is kept."""

    def add_group(self, *names: str) -> DiscardedMetrics:
        """Return the group of a label."""
        return self

    def counter(self, name: str) -> DiscardedMetrics:
        """Return a counter."""
        return self

    def inc(self, n: int = 1) -> None:
        """Add to a counter."""

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Register a gauge."""
