"""Chunks: the rows that one micro-batch adds to a step's window, and the request of each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.core.tensors import Array
from operators.rows.encoding import MOST_BYTES, decode_header, encode_arrays, inflate

_VERSION = 3
_MAX_CHUNK_BYTES = 1_000_000
# Bytes of a row's topic, partition, offset and timestamp.
_ROW_BYTES = 1 + 4 + 8 + 8
_DTYPES = map(np.dtype, f"?{np.typecodes['AllInteger']}{np.typecodes['Float']}")
# The sizes of numbers by the names of their dtypes, without the byte order.
_ITEM_BYTES = {dtype.str[1:]: dtype.itemsize for dtype in _DTYPES}


class SubtaskId(NamedTuple):
    """A subtask of `infer`: its index (from 0), and the number of subtasks."""

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

    `topic` (a position in `topics`), `partition` and `offset` identify the request that contains a row.
    `timestamp` is the request's Kafka time in milliseconds since 1970. `epoch` is the generation since which
    the step's windows are continued. A chunk without rows is a heartbeat: the step is live or, with `ended`,
    no live pipeline contains it from that epoch on.
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
        """Return the key of the monitor's state: each step of each pipeline has its own windows."""
        return f"{self.pipeline}/{self.step}"

    def part(self, start: int, stop: int) -> Chunk:
        """Return a chunk of the rows from `start` up to, but not including, `stop`."""
        selected = slice(start, stop)
        return self._replace(
            rows=self.rows[selected],
            topic=self.topic[selected],
            partition=self.partition[selected],
            offset=self.offset[selected],
            timestamp=self.timestamp[selected],
        )

    def parts(self) -> Iterator[Chunk]:
        """Split into chunks of at most 1 MB. A single longer row is not split."""
        width = self.rows.dtype.itemsize * self.rows.shape[1] + _ROW_BYTES
        step = max(1, _MAX_CHUNK_BYTES // width)
        for start in range(0, max(1, len(self.rows)), step):
            yield self.part(start, start + step)

    def encode(self) -> bytes:
        """Encode as a header and deflated arrays (`encode_arrays`).

        Rows are stored by column, because encoded categories then deflate to a few percent of their size.
        """
        shape = (len(self.rows), self.rows.shape[1])
        header = _Header(
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
        arrays = (
            np.ascontiguousarray(self.rows.T).tobytes(),
            self.topic.astype("<i1").tobytes(),
            self.partition.astype("<i4").tobytes(),
            self.offset.astype("<i8").tobytes(),
            self.timestamp.astype("<i8").tobytes(),
        )
        return encode_arrays(_VERSION, header, b"".join(arrays))


def empty_chunk(
    pipeline: str, step: str, generation: int, epoch: int, sender: SubtaskId, *, ended: bool
) -> Chunk:
    """Return a chunk without rows."""
    empty = np.zeros(0, dtype=np.int64)
    return Chunk(
        pipeline,
        step,
        generation,
        epoch,
        ended,
        sender,
        np.zeros((0, 0)),
        (),
        empty.astype(np.int8),
        empty.astype(np.int32),
        empty,
        empty,
    )


def decode_sender(data: bytes) -> tuple[str, SubtaskId]:
    """Return the key of an encoded chunk, and who sent it, without decoding its rows."""
    header = _decode_header(data)[0]
    return f"{header.pipeline}/{header.step}", header.sender


def decode(data: bytes) -> Chunk:
    """Decode the bytes of `Chunk.encode`; ValueError for an unknown version, and for other bytes.

    Several rows take at most 2 MB, because of `Chunk.parts`, and a single row at most 256 MB.
    """
    header, start = _decode_header(data)
    count, width = header.shape
    arrays = inflate(data, start, _size(header), "a chunk")
    position = 0

    def array(dtype: str, length: int) -> Array:
        nonlocal position
        values: NDArray[Any] = np.frombuffer(arrays, dtype=np.dtype(dtype), count=length, offset=position)
        position += values.nbytes
        return values

    rows = array(header.dtype, count * width).reshape(width, count).T
    topic = array("<i1", count)
    if count and not 0 <= topic.min() <= topic.max() < len(header.topics):
        raise ValueError(f"a chunk has rows of other topics than its {len(header.topics)}")
    return Chunk(
        header.pipeline,
        header.step,
        header.generation,
        header.epoch,
        header.ended,
        header.sender,
        rows,
        header.topics,
        topic,
        array("<i4", count),
        array("<i8", count),
        array("<i8", count),
    )


def join(chunks: list[Chunk]) -> Chunk:
    """Concatenate chunks of one step, in order."""
    topics = tuple(dict.fromkeys(topic for chunk in chunks for topic in chunk.topics))
    return chunks[0]._replace(
        rows=np.concatenate([chunk.rows for chunk in chunks]),
        topics=topics,
        topic=np.concatenate([_topic_positions(chunk, topics) for chunk in chunks]),
        partition=np.concatenate([chunk.partition for chunk in chunks]),
        offset=np.concatenate([chunk.offset for chunk in chunks]),
        timestamp=np.concatenate([chunk.timestamp for chunk in chunks]),
    )


def _topic_positions(chunk: Chunk, topics: tuple[str, ...]) -> NDArray[np.int8]:
    return np.array([topics.index(topic) for topic in chunk.topics], dtype=np.int8)[chunk.topic]


def _decode_header(data: bytes) -> tuple[_Header, int]:
    return decode_header(data, _VERSION, _Header, "a chunk")


def _size(header: _Header) -> int:
    """Return the number of bytes of a chunk's arrays; ValueError if no chunk has rows of this shape."""
    count, width = header.shape
    itemsize = _ITEM_BYTES.get(header.dtype[1:])
    if itemsize is None or not header.dtype.startswith(("<", ">", "|")):
        raise ValueError(f"a chunk declares rows of the dtype {header.dtype[:20]!r}, which is not numeric")
    row = width * itemsize + _ROW_BYTES
    # Chunks in the state of earlier versions are a little longer.
    most = MOST_BYTES if count <= 1 else 2 * _MAX_CHUNK_BYTES
    if count < 0 or width < 0 or max(row, count * row) > most:
        raise ValueError(f"a chunk declares rows of shape {header.shape}, which is not the shape of a chunk")
    return count * row
