"""Records → requests, grouped by what can be computed together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from operators.core.errors import Reason, RecordError
from operators.core.micro_batch import RequestBatch
from operators.kafka.topics import Topics
from operators.models.step import InferenceOptions
from operators.pipeline.external_input import ERROR_TYPE
from operators.pipeline.load import LoadedPipeline
from operators.protocol.batching import Signature, signature
from operators.protocol.decode import decode_request
from operators.protocol.request import Encoding, Request

# Requests are computed in groups of at most this many rows, to limit memory. A single request is not split.
MAX_ROWS = 20_000


class RequestGroup(NamedTuple):
    """Requests of one pipeline that can be computed together.

    `records` are the positions of their records in the micro-batch.
    """

    served: LoadedPipeline
    options: InferenceOptions
    encoding: Encoding
    records: list[int]
    requests: list[Request]

    def select(self, positions: Sequence[int]) -> RequestGroup:
        """Return a group of some of the requests."""
        return self._replace(
            records=[self.records[position] for position in positions],
            requests=[self.requests[position] for position in positions],
        )

    def parts(self) -> Iterator[RequestGroup]:
        """Split into groups of at most `MAX_ROWS` rows; a single longer request is one group."""
        start, rows = 0, 0
        for position, request in enumerate(self.requests):
            count = request.inputs[0].shape[0]
            if rows and rows + count > MAX_ROWS:
                yield self.select(range(start, position))
                start, rows = position, 0
            rows += count
        yield self.select(range(start, len(self.requests)))


class Malformed(NamedTuple):
    """A record without a request that can be run; `served` is None if no live pipeline reads its topic."""

    record: int
    served: LoadedPipeline | None
    error: RecordError


class RequestDecoder:
    """Decodes the requests of served pipelines, of at most `limit` bytes each."""

    def __init__(self, served: Sequence[LoadedPipeline], topics: Topics, limit: int) -> None:
        self._served = {topics.inputs(pipeline.release.name): pipeline for pipeline in served}
        self._topics = topics
        self._limit = limit

    def decode(
        self, records: RequestBatch, condemned: Mapping[int, RecordError] = MappingProxyType({})
    ) -> tuple[list[RequestGroup], list[Malformed]]:
        """Decode all records but ticks, those in `condemned`, and those that their pipeline does not accept.

        The condemned ones are malformed with their error.
        """
        groups: dict[tuple[str, Signature], RequestGroup] = {}
        malformed: list[Malformed] = []
        for i, topic in enumerate(records.topics):
            if topic is None:
                continue
            target = self._topics.inputs(reader) if (reader := records.readers[i]) else topic
            served = self._served.get(target)
            if i in condemned:
                malformed.append(Malformed(i, served, condemned[i]))
                continue
            try:
                request = self._decode(served, target, records, i)
            except RecordError as error:
                malformed.append(Malformed(i, served, error))
                continue
            if served is not None and request is not None:
                same = signature(request)
                group = groups.get((target, same)) or groups.setdefault((target, same), _group(served, same))
                group.records.append(i)
                group.requests.append(request)
        return list(groups.values()), malformed

    def _decode(
        self, served: LoadedPipeline | None, target: str, records: RequestBatch, i: int
    ) -> Request | None:
        """Decode record i for the pipeline whose requests are on the topic `target`.

        None if the record is not for that pipeline. RecordError if there is no such pipeline, it cannot run,
        or the request is malformed.
        """
        reader, infer_type = records.readers[i], records.infer_types[i]
        external = served.external if served and reader else None
        if reader and not (
            external
            and self._topics.external(external.place) == records.topics[i]
            and external.accepts(infer_type, records.origins[i])
        ):
            return None
        if served is None:
            raise RecordError(Reason.UNKNOWN_PIPELINE, f"no live pipeline reads {target}")
        if served.plan is None:
            message = f"pipeline {served.release.name} cannot run: {served.failure}"
            raise RecordError(Reason.PIPELINE_FAILED, message)
        value = self._value(records, i)
        if external:
            return external.decode(value, infer_type)
        return decode_request(value, None if infer_type == ERROR_TYPE else infer_type)

    def _value(self, records: RequestBatch, i: int) -> bytes:
        value, length = records.values[i], int(records.lengths[i])
        if length >= 0:
            message = f"the value has {length} bytes, the limit is {self._limit}"
            raise RecordError(Reason.RECORD_TOO_LONG, message)
        if value is None:
            raise RecordError(Reason.TOMBSTONE, "the record has no value")
        return value


def _group(served: LoadedPipeline, shared: Signature) -> RequestGroup:
    options = InferenceOptions(shared.content_type, shared.outputs)
    return RequestGroup(served, options, shared.encoding, [], [])
