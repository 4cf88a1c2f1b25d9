"""A micro-batch: its records, and the results of these records, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TICK, ANSWERED, NO_RESPONSE, FAILED = "tick", "answered", "silent", "failed"


class Column(NamedTuple):
    """A column of Flink's rows, with its SQL type."""

    name: str
    type: str


# Each field of `RequestBatch` is this column of the rows that enter infer.
REQUEST_ROW = {
    "values": Column("value", "BYTES"),
    "topics": Column("topic", "STRING"),
    "partitions": Column("partition", "INT"),
    "offsets": Column("offset", "BIGINT"),
    "timestamps": Column("ts", "TIMESTAMP_LTZ(3)"),
    "lengths": Column("length", "INT"),
    "infer_types": Column("request_type", "STRING"),
    "origins": Column("origin", "STRING"),
    "readers": Column("reader", "STRING"),
}
# Each field of `ResponseBatch` is this column of the rows that infer returns.
RESPONSE_ROW = {
    "statuses": Column("status", "STRING"),
    "pipelines": Column("pipeline", "STRING"),
    "versions": Column("version", "STRING"),
    "targets": Column("target", "STRING"),
    "bodies": Column("body", "BYTES"),
    "infer_types": Column("infer_type", "STRING"),
    "errors": Column("error", "STRING"),
    "reasons": Column("reason", "STRING"),
    "steps": Column("step", "STRING"),
    "chunks": Column("chunks", "ARRAY<BYTES>"),
    "shards": Column("shards", "ARRAY<BYTES>"),
    "tap_numbers": Column("tap_numbers", "ARRAY<INT>"),
    "tap_topics": Column("tap_topics", "ARRAY<STRING>"),
    "tap_bodies": Column("tap_bodies", "ARRAY<BYTES>"),
}


class RequestBatch(NamedTuple):
    """The records of a micro-batch, in columns of length n.

    A tick has no topic. `lengths` is the full length of a record above the size limit, of which `values` has
    only the beginning; it is negative for all other records. `timestamps` are Kafka's, in milliseconds.
    `infer_types` is the header `seldon-infer-type` (`ERROR` if the record is an error of another pipeline),
    `origins` the header `pipeline`. `readers` is the pipeline that reads the record as its external input. It
    is empty if the record is on the pipeline's own topic.
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
    """The results of a micro-batch's records, in columns of length n.

    `targets` is the topic of the pipeline's responses, None if there is no such pipeline. `bodies` is the
    response, or the error text of a failed one. `infer_types` is the encoding of the response.

    `errors` is the error message, `reasons` its reason and `steps` the failed step. An answered record has
    them too if a step failed that only monitors. `chunks` are attached to the last of the records whose rows
    they contain; those of sharded steps are `shards`. The taps of a record are numbered from 1; each has a
    topic and a body.
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
    shards: list[list[bytes] | None]
    tap_numbers: list[list[int] | None]
    tap_topics: list[list[str] | None]
    tap_bodies: list[list[bytes] | None]

    @classmethod
    def empty(cls, n: int) -> ResponseBatch:
        """Return the results of n ticks."""
        return cls([TICK] * n, *([None] * n for _ in cls._fields[1:]))  # type: ignore[arg-type]

    def tap(self, i: int, topic: str, body: bytes) -> None:
        """Publish a body on another topic too, with the key and headers of record i."""
        numbers = self.tap_numbers[i] or []
        self.tap_numbers[i] = [*numbers, len(numbers) + 1]
        self.tap_topics[i] = [*(self.tap_topics[i] or []), topic]
        self.tap_bodies[i] = [*(self.tap_bodies[i] or []), body]
