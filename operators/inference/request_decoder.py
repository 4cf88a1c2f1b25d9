"""Decoding of records: which pipeline reads a record, and the request in it."""

from __future__ import annotations

from operators.core.errors import Reason, RecordError
from operators.core.micro_batch import RequestBatch
from operators.kafka.topics import Topics
from operators.pipeline.external_input import ERROR_TYPE
from operators.pipeline.load import LoadedPipeline
from operators.protocol.decode import decode_request
from operators.protocol.request import Request


class RequestDecoder:
    """Decodes requests of at most `limit` bytes."""

    def __init__(self, topics: Topics, limit: int) -> None:
        self._topics = topics
        self._limit = limit

    def decode(
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
