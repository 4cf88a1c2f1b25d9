"""What infer tells the monitor of a whole pipeline: what a micro-batch did, that it lives, or ended."""

from __future__ import annotations

import msgspec

from operators.metrics.tally import Tally

# Chunks begin with the number of their version, which is far from this.
_KIND = b"T\x01"


class PipelineTally(msgspec.Struct, frozen=True, array_like=True):
    """A tally of one generation of a pipeline; with `ended` the pipeline is gone from that generation on."""

    pipeline: str
    generation: int
    tally: Tally
    ended: bool = False

    @property
    def key(self) -> str:
        """Return what the monitor keys by: as a step without a name."""
        return f"{self.pipeline}/"

    def encode(self) -> bytes:
        """Encode as kind and version (2 bytes), then MessagePack."""
        return _KIND + msgspec.msgpack.encode(self)


def is_tally(data: bytes) -> bool:
    """Tell a tally from a chunk."""
    return data[:1] == _KIND[:1]


def decode_tally(data: bytes) -> PipelineTally:
    """Decode what `PipelineTally.encode` wrote; ValueError for a version this code does not know."""
    if data[:2] != _KIND:
        raise ValueError(f"a tally of version {data[1]} cannot be read here, only version {_KIND[1]}")
    return msgspec.msgpack.decode(data[2:], type=PipelineTally)
