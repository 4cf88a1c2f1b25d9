"""State as what keeps it offers it: of the key at hand, bytes that begin with a version of our own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Value(Protocol):
    """One value of the key at hand; Flink's `ValueState`."""

    def value(self) -> Iterable[int] | None:
        """Return the bytes, None where there is none."""

    def update(self, value: bytes, /) -> None:
        """Replace it."""

    def clear(self) -> None:
        """Remove it."""


class Blobs(Protocol):
    """A list of the key at hand; Flink's `ListState`."""

    def get(self) -> Iterable[Iterable[int]]:
        """Return all of it."""

    def add(self, value: bytes, /) -> None:
        """Append to it."""

    def update(self, values: list[bytes], /) -> None:
        """Replace it."""

    def clear(self) -> None:
        """Remove it."""
