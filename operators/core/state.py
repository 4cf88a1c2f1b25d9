"""State as what keeps it offers it: of the key at hand, bytes that begin with a version of our own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

T = TypeVar("T")


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


def pack(value: object, version: int) -> bytes:
    """Encode for checkpointed state: version (1 byte), then MessagePack."""
    return bytes([version]) + msgspec.msgpack.encode(value)


def unpack(data: Iterable[int], type_: type[T], version: int, what: str) -> T:
    """Decode what `pack` wrote; ValueError that names `what` it is for a version this code does not know."""
    stored = bytes(data)
    if stored[0] != version:
        raise ValueError(f"{what} of version {stored[0]} cannot be read here, only version {version}")
    return msgspec.msgpack.decode(stored[1:], type=type_)
