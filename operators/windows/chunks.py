"""Chunks: the rows that one micro-batch adds to a drift window, with where each came from."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.core.tensors import Array

_VERSION = 3
_PREFIX = struct.Struct("<BI")
_LONGEST = 1_000_000


class SubtaskId(NamedTuple):
    """Which subtask of infer sends, and how many there are."""

    subtask: int = 0
    subtasks: int = 1


class _Header(msgspec.Struct, frozen=True, array_like=True):
    pipeline: str
    step: str
    generation: int
    epoch: int
    ended: bool
    sender: SubtaskId
    dtype: str
    shape: tuple[int, int]
    topics: tuple[str, ...]


class Chunk(NamedTuple):
    """Rows of shape (n, features) for one step's window; the other arrays have shape (n,).

    `topic` (a position in `topics`), `partition` and `offset` name the request a row came with, `timestamp`
    is the request's Kafka time in milliseconds. `epoch` is the generation since which the step's windows go
    on. A chunk without rows only tells what its sender holds for true: that the step lives, or with `ended`
    that no live pipeline has it from that epoch on.
    """

    pipeline: str
    step: str
    generation: int
    epoch: int
    ended: bool
    sender: SubtaskId
    rows: Array
    topics: tuple[str, ...]
    topic: NDArray[np.int8]
    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    timestamp: NDArray[np.int64]

    @property
    def key(self) -> str:
        """Return what the monitor keys by: every step of every pipeline has windows of its own."""
        return f"{self.pipeline}/{self.step}"

    def part(self, start: int, stop: int) -> Chunk:
        """Keep rows from start up to, not including, stop."""
        within = slice(start, stop)
        return self._replace(
            rows=self.rows[within],
            topic=self.topic[within],
            partition=self.partition[within],
            offset=self.offset[within],
            timestamp=self.timestamp[within],
        )

    def parts(self) -> Iterator[Chunk]:
        """Split into chunks of at most 1 MB (a longer single row stays whole)."""
        width = self.rows.dtype.itemsize * self.rows.shape[1] + 20
        step = max(1, _LONGEST // width)
        for start in range(0, max(1, len(self.rows)), step):
            yield self.part(start, start + step)

    def encode(self) -> bytes:
        """Encode as version (1 byte), header length (4), header (MessagePack), then the arrays, deflated.

        Rows go column by column: encoded categories then deflate to a few percent.
        """
        shape = (len(self.rows), self.rows.shape[1])
        header = msgspec.msgpack.encode(
            _Header(
                self.pipeline,
                self.step,
                self.generation,
                self.epoch,
                self.ended,
                self.sender,
                self.rows.dtype.str,
                shape,
                self.topics,
            )
        )
        arrays = (
            np.ascontiguousarray(self.rows.T).tobytes(),
            self.topic.astype("<i1").tobytes(),
            self.partition.astype("<i4").tobytes(),
            self.offset.astype("<i8").tobytes(),
            self.timestamp.astype("<i8").tobytes(),
        )
        return _PREFIX.pack(_VERSION, len(header)) + header + zlib.compress(b"".join(arrays), level=1)


def empty_chunk(
    pipeline: str, step: str, generation: int, epoch: int, sender: SubtaskId, *, ended: bool
) -> Chunk:
    """Return a chunk without rows."""
    nothing = np.zeros(0, dtype=np.int64)
    return Chunk(
        pipeline,
        step,
        generation,
        epoch,
        ended,
        sender,
        np.zeros((0, 0)),
        (),
        nothing.astype(np.int8),
        nothing.astype(np.int32),
        nothing,
        nothing,
    )


def decode_key(data: bytes) -> str:
    """Return an encoded chunk's key."""
    header = _header(data)[0]
    return f"{header.pipeline}/{header.step}"


def decode(data: bytes) -> Chunk:
    """Decode what `Chunk.encode` wrote; ValueError for a version this code does not know."""
    header, start = _header(data)
    count, width = header.shape
    arrays = zlib.decompress(data[start:])
    position = 0

    def array(dtype: str, length: int) -> Array:
        nonlocal position
        values: NDArray[Any] = np.frombuffer(arrays, dtype=np.dtype(dtype), count=length, offset=position)
        position += values.nbytes
        return values

    rows = array(header.dtype, count * width).reshape(width, count).T
    return Chunk(
        header.pipeline,
        header.step,
        header.generation,
        header.epoch,
        header.ended,
        header.sender,
        rows,
        header.topics,
        array("<i1", count),
        array("<i4", count),
        array("<i8", count),
        array("<i8", count),
    )


def join(chunks: list[Chunk]) -> Chunk:
    """Put the rows of chunks of one step one after the other."""
    topics = tuple(dict.fromkeys(topic for chunk in chunks for topic in chunk.topics))
    return chunks[0]._replace(
        rows=np.concatenate([chunk.rows for chunk in chunks]),
        topics=topics,
        topic=np.concatenate([_renumbered(chunk, topics) for chunk in chunks]),
        partition=np.concatenate([chunk.partition for chunk in chunks]),
        offset=np.concatenate([chunk.offset for chunk in chunks]),
        timestamp=np.concatenate([chunk.timestamp for chunk in chunks]),
    )


def _renumbered(chunk: Chunk, topics: tuple[str, ...]) -> NDArray[np.int8]:
    return np.array([topics.index(topic) for topic in chunk.topics], dtype=np.int8)[chunk.topic]


def _header(data: bytes) -> tuple[_Header, int]:
    version, length = _PREFIX.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"a chunk of version {version} cannot be read here, only version {_VERSION}")
    end = _PREFIX.size + length
    return msgspec.msgpack.decode(data[_PREFIX.size : end], type=_Header), end
