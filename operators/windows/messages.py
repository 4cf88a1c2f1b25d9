"""Messages of `infer` to the monitor: chunks of a step's rows, and tallies of a pipeline."""

from __future__ import annotations

from operators.metrics.pipeline_tally import decode_tally, is_tally
from operators.windows.chunks import decode_key


def key_of(data: bytes) -> str:
    """Return the key of an encoded tally or chunk."""
    return decode_tally(data).key if is_tally(data) else decode_key(data)
