"""Reads records whose header names are not UTF-8: their invalid bytes are replaced.

Kafka accepts any bytes as a header's name. kafka-python raises `CorruptRecordError` for a name that is not
UTF-8, each time it reads that offset. One such record would block every consumer of the topic.
"""

from __future__ import annotations

from typing import Any

from kafka.record.default_records import DefaultRecordBatch

_read_strictly = DefaultRecordBatch._read_msg


class _Name(bytes):
    """Bytes that can always be decoded: invalid bytes are replaced."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "replace")


class _Buffer(bytearray):
    """The buffer of a batch, with slices that can always be decoded."""

    def __getitem__(self, index: Any) -> Any:
        value = super().__getitem__(index)
        return _Name(value) if isinstance(index, slice) else value


def _read(batch: DefaultRecordBatch) -> Any:
    """Read a batch's next record; an error leaves the position unchanged."""
    try:
        return _read_strictly(batch)
    except UnicodeDecodeError:
        buffer, batch._buffer = batch._buffer, _Buffer(batch._buffer)
        try:
            return _read_strictly(batch)
        finally:
            batch._buffer = buffer


def replace_broken_names() -> None:
    """Let every consumer of this process read records with such header names."""
    DefaultRecordBatch._read_msg = _read
