"""Records whose header names are not UTF-8: read with the name replaced, instead of not at all.

Kafka takes any bytes as a header's name. kafka-python raises `CorruptRecordError` for one that is not UTF-8,
and again whenever the offset is read, so that one such record would end the topic for whoever reads it.
"""

from __future__ import annotations

from typing import Any

from kafka.record.default_records import DefaultRecordBatch

_read_strictly = DefaultRecordBatch._read_msg


class _Name(bytes):
    """Bytes that are decoded whatever they are."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "replace")


class _Buffer(bytearray):
    """A batch whose slices are decoded whatever they are."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Name(found) if isinstance(at, slice) else found


def _read(batch: DefaultRecordBatch) -> Any:
    """Read a batch's next record; of one that fails, the position stays where it was."""
    try:
        return _read_strictly(batch)
    except UnicodeDecodeError:
        buffer, batch._buffer = batch._buffer, _Buffer(batch._buffer)
        try:
            return _read_strictly(batch)
        finally:
            batch._buffer = buffer


def replace_broken_names() -> None:
    """Let every consumer of this process read such records."""
    DefaultRecordBatch._read_msg = _read
