"""State of one key in memory, as Flink keeps it: values that come back as bytes."""

from __future__ import annotations


class MemoryValue:
    def __init__(self) -> None:
        self.held: bytes | None = None

    def value(self) -> bytes | None:
        return self.held

    def update(self, value: bytes, /) -> None:
        self.held = value

    def clear(self) -> None:
        self.held = None
