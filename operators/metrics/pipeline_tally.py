"""Messages of `infer` to the monitor about a whole pipeline: its counts, and whether it is live."""

from __future__ import annotations

import msgspec

from operators.metrics.tally import Tally

# The kind ("T") and the version. Chunks begin with their version number, which is far below "T" (84).
_KIND = b"T\x01"


class PipelineTally(msgspec.Struct, frozen=True, array_like=True):
    """A tally of one generation of a pipeline.

    An empty tally is a heartbeat. With `ended`, the pipeline is deleted from that generation on.
    """

    pipeline: str
    generation: int
    tally: Tally
    ended: bool = False

    @property
    def key(self) -> str:
        """Return the key of the monitor's state: like a step's, with an empty step name."""
        return f"{self.pipeline}/"

    def encode(self) -> bytes:
        """Encode as kind and version (2 bytes), then MessagePack."""
        return _KIND + msgspec.msgpack.encode(self)


def is_tally(data: bytes) -> bool:
    """Return whether an encoded message is a tally; otherwise it is a chunk."""
    return data[:1] == _KIND[:1]


def decode_tally(data: bytes) -> PipelineTally:
    """Decode the bytes of `PipelineTally.encode`; ValueError for an unknown version."""
    if data[:2] != _KIND:
        version = int.from_bytes(data[1:2], "big")
        raise ValueError(f"a tally of version {version} cannot be read; this code reads version {_KIND[1]}")
    return msgspec.msgpack.decode(data[2:], type=PipelineTally)
