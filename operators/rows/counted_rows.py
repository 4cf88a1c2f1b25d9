"""Counted rows: what a sharded step's rows are when they arrive at their window."""

from __future__ import annotations

import struct
from typing import NamedTuple

from operators.rows.chunks import Chunk, SubtaskId
from operators.rows.pane import Pane, decode_lineage, decode_pane

# The kind ("C") and the version, then the epoch, and the subtask that sent the rows. Chunks begin with their
# version number, which is far below "C" (67).
_KIND = b"C\x01"
_HEAD = struct.Struct("<2sQII")


class CountedRows(NamedTuple):
    """A pane of rows that one subtask of `infer` sent, and the epoch of the rows."""

    epoch: int
    sender: SubtaskId
    pane: Pane
    # Only a chunk can mean that no live pipeline contains its step.
    ended: bool = False

    @property
    def pipeline(self) -> str:
        """The pipeline that contains the step."""
        return self.pane.lineage.pipeline

    @property
    def step(self) -> str:
        """The batched step."""
        return self.pane.lineage.step

    @property
    def generation(self) -> int:
        """The newest generation that sent one of the rows."""
        return self.pane.lineage.generation

    @property
    def key(self) -> str:
        """Return the key of the monitor's state, as of a chunk."""
        return self.pane.lineage.key

    def encode(self) -> bytes:
        """Encode as kind and version (2 bytes), epoch (8), sender (8), and the pane."""
        return _HEAD.pack(_KIND, self.epoch, *self.sender) + self.pane.encode()


# What arrives at the windows of a step.
Arrived = Chunk | CountedRows


def is_counted(data: bytes) -> bool:
    """Return whether an encoded message contains counted rows."""
    return data[:1] == _KIND[:1]


def decode_counted_key(data: bytes) -> str:
    """Return the key of encoded counted rows without decoding the counts."""
    return decode_lineage(_encoded_pane(data)).key


def decode_counted(data: bytes) -> CountedRows:
    """Decode the bytes of `CountedRows.encode`; ValueError for an unknown version, and for other bytes."""
    pane = decode_pane(_encoded_pane(data))
    _, epoch, *sender = _HEAD.unpack_from(data)
    return CountedRows(epoch, SubtaskId(*sender), pane)


def _encoded_pane(data: bytes) -> bytes:
    if data[:2] != _KIND:
        version = int.from_bytes(data[1:2], "big")
        raise ValueError(
            f"counted rows of version {version} cannot be read; this code reads version {_KIND[1]}"
        )
    return data[_HEAD.size :]
