"""Writing of the results of a micro-batch's records: responses, errors, chunks and taps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from operators.core.errors import RecordError
from operators.core.micro_batch import ANSWERED, FAILED, NO_RESPONSE, ResponseBatch
from operators.kafka.topics import Topics
from operators.pipeline.load import LoadedPipeline
from operators.protocol.encode import INFER_TYPES
from operators.protocol.request import Encoding


class ResponseWriter:
    """Fills a `ResponseBatch`. Records are named by their position `i` in the micro-batch."""

    def __init__(self, batch: ResponseBatch, topics: Topics) -> None:
        self.batch = batch
        self._topics = topics

    def respond(self, i: int, served: LoadedPipeline, body: bytes, encoding: Encoding) -> None:
        """Set the response of a request."""
        self._set(i, served, ANSWERED, body)
        self.batch.infer_types[i] = INFER_TYPES[encoding]

    def omit_response(self, i: int, served: LoadedPipeline) -> None:
        """Mark a request of a pipeline without responses as done."""
        self._set(i, served, NO_RESPONSE, None)

    def fail(self, i: int, served: LoadedPipeline | None, error: RecordError) -> None:
        """Set the error of a request; without a response if no live pipeline reads it (`served` is None)."""
        self._set_error(i, error)
        body = error.message.encode()
        if served is None:
            self.batch.statuses[i], self.batch.bodies[i] = FAILED, body
        else:
            self._set(i, served, FAILED, body)

    def has_failed(self, i: int) -> bool:
        """Return whether a request has an error instead of a response."""
        return self.batch.statuses[i] == FAILED

    def report_failures(self, i: int, failures: Sequence[RecordError]) -> None:
        """Report failures that do not affect the response, unless the record has an error already."""
        if self.batch.errors[i] is None:
            first = failures[0]
            messages = "; ".join(f"{failure.step}: {failure.message}" for failure in failures)
            message = first.message if len(failures) == 1 else messages
            self._set_error(i, RecordError(first.reason, message, first.step))

    def add_chunks(self, i: int, chunks: Iterable[bytes]) -> None:
        """Attach encoded chunks or tallies, for the monitor, to a record."""
        self.batch.chunks[i] = [*(self.batch.chunks[i] or ()), *chunks]

    def _set(self, i: int, served: LoadedPipeline, status: str, body: bytes | None) -> None:
        batch, name = self.batch, served.release.name
        batch.statuses[i] = status
        batch.pipelines[i], batch.versions[i] = name, str(served.release.generation)
        batch.targets[i] = self._topics.outputs(name)
        batch.bodies[i] = body

    def _set_error(self, i: int, error: RecordError) -> None:
        batch = self.batch
        batch.errors[i], batch.reasons[i], batch.steps[i] = error.message, str(error.reason), error.step
