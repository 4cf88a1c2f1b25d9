"""Messages to the monitor: a pipeline's tallies, a step's chunks, and counted rows of a sharded step."""

from __future__ import annotations

from operators.metrics.pipeline_tally import decode_tally, is_tally
from operators.rows.chunks import decode, decode_sender
from operators.rows.counted_rows import Arrived, decode_counted, decode_counted_key, is_counted
from operators.windows.shard import shard_key


def key_of(data: bytes) -> str:
    """Return the key of an encoded tally, chunk, or counted rows."""
    if is_tally(data):
        return decode_tally(data).key
    return decode_counted_key(data) if is_counted(data) else decode_sender(data)[0]


def shard_key_of(data: bytes) -> str:
    """Return the key of an encoded chunk's shard."""
    return shard_key(*decode_sender(data))


def decode_rows(data: bytes) -> Arrived:
    """Decode a chunk or counted rows."""
    return decode_counted(data) if is_counted(data) else decode(data)
