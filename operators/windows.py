"""Exact count windows over chunks: state in, state out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_LAYOUT = struct.Struct("<BQQQ")
_VERSION = 1


class Head(NamedTuple):
    """A step's open window: its number (from 1), the rows it holds, the generation it belongs to."""

    window: int
    rows: int
    generation: int

    def encode(self) -> bytes:
        """Encode for checkpointed state."""
        return _LAYOUT.pack(_VERSION, *self)


def decode_head(data: bytes) -> Head:
    """Decode what `Head.encode` wrote; ValueError for a version this code does not know."""
    version, *fields = _LAYOUT.unpack(data)
    if version != _VERSION:
        raise ValueError(f"window state of version {version} cannot be read here, only version {_VERSION}")
    return Head(*fields)


class Cut(NamedTuple):
    """Rows from start up to stop of a chunk go into one window; `closes` says that they fill it."""

    start: int
    stop: int
    closes: bool


def cut(held: int, size: int, rows: int) -> Iterator[Cut]:
    """Cut a chunk of so many rows where it fills windows of `size`, the open one holding `held`.

    >>> [tuple(part) for part in cut(held=3, size=5, rows=8)]
    [(0, 2, True), (2, 7, True), (7, 8, False)]
    """
    start = 0
    while start < rows:
        stop = min(rows, start + size - held)
        closes = held + stop - start == size
        yield Cut(start, stop, closes)
        held = 0 if closes else held + stop - start
        start = stop
