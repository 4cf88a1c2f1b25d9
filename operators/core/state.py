"""Interfaces of Flink's keyed state, and the versioned encoding of its values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

T = TypeVar("T")


class Value(Protocol):
    """One value of the current key; Flink's `ValueState`."""

    def value(self) -> Iterable[int] | None:
        """Return the bytes, None if the key has no value."""

    def update(self, value: bytes, /) -> None:
        """Replace the value."""

    def clear(self) -> None:
        """Remove the value."""


class Blobs(Protocol):
    """A list of values of the current key; Flink's `ListState`."""

    def get(self) -> Iterable[Iterable[int]]:
        """Return all values."""

    def add(self, value: bytes, /) -> None:
        """Append a value."""

    def update(self, values: list[bytes], /) -> None:
        """Replace all values."""

    def clear(self) -> None:
        """Remove all values."""


def pack(value: object, version: int) -> bytes:
    """Encode a value for checkpointed state: the version (1 byte), then MessagePack."""
    return bytes([version]) + msgspec.msgpack.encode(value)


def unpack(data: Iterable[int], type_: type[T], version: int, what: str) -> T:
    """Decode bytes of `pack`; raise ValueError, beginning with `what`, for other versions and bytes."""
    stored = bytes(data)
    found = int.from_bytes(stored[:1], "big")
    if found != version:
        raise ValueError(f"{what} of version {found} cannot be read; this release reads version {version}")
    try:
        return msgspec.msgpack.decode(stored[1:], type=type_)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"{what} cannot be read: {error}") from None
