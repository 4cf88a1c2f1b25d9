"""What a plan returned for a group of requests → the results of their records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import Reason, RecordError
from operators.core.micro_batch import RequestBatch
from operators.core.redaction import Redaction
from operators.core.tensors import Tensors, take
from operators.inference.monitor_feed import chunk_of
from operators.inference.outlier_log import flagged_row
from operators.inference.request_decoder import RequestGroup
from operators.kafka.topics import Topics
from operators.models.runtimes.outlier import FlaggedRow
from operators.pipeline.plan import Outcome, Part
from operators.protocol.encode import encode_responses, encode_taps
from operators.rows.chunks import SubtaskId


class Response(NamedTuple):
    """The encoded response of a record's request; None if its pipeline has no response."""

    record: int
    body: bytes | None


class Failure(NamedTuple):
    """The error of a record's request."""

    record: int
    error: RecordError


class MonitorFailures(NamedTuple):
    """Failures that do not affect the response of a record's request."""

    record: int
    errors: list[RecordError]


class SideRecord(NamedTuple):
    """A body for another topic, published with the key and headers of a record."""

    record: int
    topic: str
    body: bytes


class MonitorMessages(NamedTuple):
    """Encoded chunks or tallies for the monitor, attached to a record; `sharded` as in `ResponseBatch`."""

    record: int
    messages: list[bytes]
    sharded: bool = False


Result = Response | Failure | MonitorFailures | SideRecord | MonitorMessages


class Results:
    """Makes the results of groups of requests.

    `limit` is the maximum size of a response in bytes. `sender` identifies this subtask to the monitor.
    """

    def __init__(self, topics: Topics, limit: int, sender: SubtaskId) -> None:
        self._topics = topics
        self._limit = limit
        self._sender = sender

    def of(self, group: RequestGroup, outcome: Outcome, records: RequestBatch) -> Iterator[Result]:
        """Yield the results of a group's requests, in the order in which they have to be written."""
        failed = {group.records[position] for position in outcome.errors}
        for position, error in outcome.errors.items():
            yield Failure(group.records[position], error)
        for position, errors in outcome.monitor_failures.items():
            yield MonitorFailures(group.records[position], errors)
        for part in outcome.parts:
            finished = group.select(part.requests.tolist())
            for response in self._responses(finished, part.outputs):
                if isinstance(response, Failure):
                    failed.add(response.record)
                yield response
            kept = np.array([j for j, i in enumerate(finished.records) if i not in failed], dtype=np.intp)
            if len(kept):
                yield from self._taps(finished.select(kept.tolist()), part, kept)
                yield from self._chunks(finished, part, kept, records)
        for step, position, flagged in outcome.flagged:
            if group.records[position] not in failed:
                yield self._flagged_row(group, step, group.records[position], flagged, records)

    def _responses(self, group: RequestGroup, outputs: Tensors | None) -> Iterator[Response | Failure]:
        """Yield a response or a failure of each request of a group that took the same branch."""
        if outputs is None:
            yield from (Response(i, None) for i in group.records)
            return
        release = group.served.release
        try:
            ids = [request.id for request in group.requests]
            bodies = encode_responses(outputs, ids, release.name, str(release.generation), group.encoding)
        except (KeyError, TypeError, ValueError) as error:  # a model may return anything
            if len(group.requests) > 1:
                for position in range(len(group.requests)):
                    yield from self._responses(group.select([position]), take(outputs, np.array([position])))
                return
            message = f"the outputs of the models cannot be encoded as V2 tensors: {error}"
            yield Failure(group.records[0], RecordError(Reason.NO_OUTPUT, message))
            return
        for i, body in zip(group.records, bodies, strict=True):
            if len(body) > self._limit:
                message = f"the response has {len(body)} bytes, the limit is {self._limit}"
                yield Failure(i, RecordError(Reason.RESPONSE_TOO_LONG, message))
            else:
                yield Response(i, body)

    def _taps(
        self, group: RequestGroup, part: Part, kept: NDArray[np.intp]
    ) -> Iterator[SideRecord | MonitorFailures]:
        """Yield tapped tensors, for the topics of their steps; `kept` are the group's requests in `part`."""
        ids = [request.id for request in group.requests]
        for (step, side), tensors in part.tapped.items():
            topic = self._topics.model_inputs(step) if side == "inputs" else self._topics.model_outputs(step)
            try:
                bodies = encode_taps(take(tensors, kept), ids, step, side)
            except (KeyError, TypeError, ValueError) as error:  # a model may return anything
                bodies, why = [b""] * len(ids), f"its {side} cannot be encoded as V2 tensors: {error}"
            else:
                why = f"its tapped {side} are longer than the limit of {self._limit} bytes"
            for i, body in zip(group.records, bodies, strict=True):
                if not body or len(body) > self._limit:
                    yield MonitorFailures(i, [RecordError(Reason.MONITOR_FAILED, why, step)])
                else:
                    yield SideRecord(i, topic, body)

    def _chunks(
        self, group: RequestGroup, part: Part, kept: NDArray[np.intp], records: RequestBatch
    ) -> Iterator[MonitorMessages]:
        """Yield the rows that batched steps have gathered, attached to the last record of the group."""
        numbers = np.array(group.records, dtype=np.intp)[kept]
        for step, column in take(part.gathered, kept).items():
            records_of_rows = np.repeat(numbers, column.rows)
            chunk = chunk_of(group.served, step, column.data, records_of_rows, records, self._sender)
            messages, sharded = [piece.encode() for piece in chunk.parts()], step in group.served.sharded
            yield MonitorMessages(int(numbers[-1]), messages, sharded)

    def _flagged_row(
        self, group: RequestGroup, step: str, i: int, flagged: FlaggedRow, records: RequestBatch
    ) -> SideRecord:
        place = (str(records.topics[i]), int(records.partitions[i]), int(records.offsets[i]))
        record = flagged_row(group.served.release, step, place, int(records.timestamps[i]), flagged)
        redaction = group.served.plan.redaction if group.served.plan else Redaction()
        return SideRecord(i, self._topics.outliers, record.redacted(redaction).encode())
