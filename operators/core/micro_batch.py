"""A micro-batch of records, and what became of each, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TICK, ANSWERED, NO_RESPONSE, FAILED = "tick", "answered", "silent", "failed"


class RequestBatch(NamedTuple):
    """Records of a micro-batch, in columns of n.

    A tick has no topic. A record above the limit carries its full `lengths` and only its beginning in
    `values`; the others have a negative length. `timestamps` are Kafka's, in milliseconds. `infer_types` and
    `origins` are the headers `seldon-infer-type` (`ERROR` where the record is another pipeline's error) and
    `pipeline`; `readers` names the pipeline that reads the record as its external input, empty for the
    pipeline whose own topic it is.
    """

    values: Sequence[bytes | None]
    topics: Sequence[str | None]
    partitions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    lengths: NDArray[np.int64]
    infer_types: Sequence[str | None]
    origins: Sequence[str | None]
    readers: Sequence[str | None]


class ResponseBatch(NamedTuple):
    """What became of each record, in columns of n.

    `targets` is the topic of the pipeline's responses, None where there is no such pipeline. `bodies` is the
    response, or for a failed record the text of its error; `infer_types` says how the response is encoded.
    `errors` tells what went wrong, `reasons` and `steps` why and where: an answered record has them too where
    a step that only watches failed. `chunks` ride on the last of the records whose rows they hold. Taps are
    numbered from 1, each with its topic and body.
    """

    statuses: list[str]
    pipelines: list[str | None]
    versions: list[str | None]
    targets: list[str | None]
    bodies: list[bytes | None]
    infer_types: list[str | None]
    errors: list[str | None]
    reasons: list[str | None]
    steps: list[str | None]
    chunks: list[list[bytes] | None]
    tap_numbers: list[list[int] | None]
    tap_topics: list[list[str] | None]
    tap_bodies: list[list[bytes] | None]

    @classmethod
    def empty(cls, n: int) -> ResponseBatch:
        """Start with n ticks."""
        return cls([TICK] * n, *([None] * n for _ in cls._fields[1:]))  # type: ignore[arg-type]

    def tap(self, i: int, topic: str, body: bytes) -> None:
        """Put something on another topic besides, with a record's key and headers."""
        numbers = self.tap_numbers[i] or []
        self.tap_numbers[i] = [*numbers, len(numbers) + 1]
        self.tap_topics[i] = [*(self.tap_topics[i] or []), topic]
        self.tap_bodies[i] = [*(self.tap_bodies[i] or []), body]
