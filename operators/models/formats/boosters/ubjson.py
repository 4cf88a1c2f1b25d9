"""A decoder for Universal Binary JSON (draft 12), limited to the parts that XGBoost writes.

Source: the specification at https://ubjson.org.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

# Numbers are big-endian.
_NUMBERS: dict[bytes, tuple[str, np.dtype[Any]]] = {
    b"i": ("b", np.dtype("i1")),
    b"U": ("B", np.dtype("u1")),
    b"I": ("h", np.dtype(">i2")),
    b"l": ("i", np.dtype(">i4")),
    b"L": ("q", np.dtype(">i8")),
    b"d": ("f", np.dtype(">f4")),
    b"D": ("d", np.dtype(">f8")),
}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
# XGBoost's own files have about ten levels.
_DEEPEST = 64


def decode(data: bytes) -> Any:
    """Decode bytes to dicts, lists, numbers and strings; arrays of one number type become numpy arrays.

    Raises ValueError for bytes that are not UBJSON or are truncated.
    """
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes follow the value")
    return value


class _Reader:
    """Reads values from bytes, starting at its position `at`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def marker(self) -> bytes:
        """Read the next type marker; ignore no-operation markers."""
        marker = self._take(1)
        while marker == b"N":
            marker = self._take(1)
        return marker

    def value(self, marker: bytes, depth: int) -> Any:
        """Read a value whose type is `marker`; `depth` counts the containers around it."""
        if depth > _DEEPEST:
            raise ValueError(f"values are nested more than {_DEEPEST} deep")
        if marker in _NUMBERS:
            code, dtype = _NUMBERS[marker]
            return struct.unpack(f">{code}", self._take(dtype.itemsize))[0]
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == b"S":
            return self._text()
        if marker == b"C":
            return self._take(1).decode("ascii")
        if marker == b"[":
            return self._array(depth)
        if marker == b"{":
            return self._object(depth)
        raise ValueError(f"byte {self.at - 1} is {marker!r}, which is not a UBJSON type marker")

    def _array(self, depth: int) -> Any:
        kind, count = self._container()
        if kind in _NUMBERS:
            dtype = _NUMBERS[kind][1]
            # `_container` requires a count of every typed array.
            values = np.frombuffer(self._take((count or 0) * dtype.itemsize), dtype)
            return values.astype(dtype.newbyteorder("="))
        items: list[Any] = []
        self._items(b"]", count, lambda marker: items.append(self.value(marker or kind, depth + 1)), kind)
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count = self._container()
        members: dict[str, Any] = {}

        def read(marker: bytes) -> None:
            self.at -= len(marker)
            name = self._text()
            members[name] = self.value(kind or self.marker(), depth + 1)

        self._items(b"}", count, read, b"")
        return members

    def _items(self, end: bytes, count: int | None, read: Callable[[bytes], None], kind: bytes) -> None:
        """Read `count` members, or up to the end marker; `read` receives the marker that is already read."""
        if count is None:
            marker = self.marker()
            while marker != end:
                read(marker)
                marker = self.marker()
            return
        # A value without bytes, such as a typed null, would make any count of them fit.
        if count > len(self._data) - self.at:
            raise ValueError(f"byte {self.at}: {count} values do not fit into the bytes that follow")
        for _ in range(count):
            read(b"" if kind else self.marker())

    def _container(self) -> tuple[bytes, int | None]:
        """Read a container's optional type and count."""
        kind = b""
        if self._peek() == b"$":
            self.at += 1
            kind = self._take(1)
            if self._peek() != b"#":
                raise ValueError(f"byte {self.at}: a typed container has no count")
        if self._peek() != b"#":
            return kind, None
        self.at += 1
        return kind, self._size()

    def _text(self) -> str:
        return self._take(self._size()).decode("utf-8")

    def _size(self) -> int:
        marker = self.marker()
        size = self.value(marker, 0) if marker in _NUMBERS else marker
        if type(size) is not int or size < 0:
            raise ValueError(f"byte {self.at}: a size must be a whole number, got {size!r}")
        return size

    def _peek(self) -> bytes:
        return self._data[self.at : self.at + 1]

    def _take(self, count: int) -> bytes:
        taken = self._data[self.at : self.at + count]
        if len(taken) != count:
            raise ValueError(f"the data ends at byte {len(self._data)}, within a value")
        self.at += count
        return taken
