"""Writing of the results of a micro-batch's records into the columns that Flink receives."""

from __future__ import annotations

from operators.core.errors import Reason, RecordError
from operators.core.micro_batch import ANSWERED, FAILED, NO_RESPONSE, ResponseBatch
from operators.inference.results import (
    Failure,
    MonitorFailures,
    MonitorMessages,
    Response,
    Result,
    SideRecord,
)
from operators.kafka.topics import Topics
from operators.pipeline.load import LoadedPipeline
from operators.protocol.encode import INFER_TYPES
from operators.protocol.request import Encoding


class ResponseWriter:
    """Fills the results of n records, which are ticks until a result is written.

    Nothing is written for the topics that are `missing`: what belongs there is a dead letter.
    """

    def __init__(self, n: int, topics: Topics, missing: frozenset[str] = frozenset()) -> None:
        self.batch = ResponseBatch.empty(n)
        self._topics = topics
        self._missing = missing

    def write(self, served: LoadedPipeline, encoding: Encoding, result: Result) -> None:
        """Write one result of a record of a pipeline."""
        match result:
            case Response(i, body) if self._missing and body is not None and not self._outputs(served):
                self.fail(i, served, _no_topic(self._topics.outputs(served.release.name)))
            case Response(i, body):
                self._set(i, served, NO_RESPONSE if body is None else ANSWERED, body)
                self.batch.infer_types[i] = None if body is None else INFER_TYPES[encoding]
            case Failure(i, error):
                self.fail(i, served, error)
            case MonitorFailures(i, errors):
                self._add_monitor_failures(i, errors)
            case SideRecord(i, topic, _) if topic in self._missing:
                self._add_monitor_failures(i, [_no_topic(topic)])
            case SideRecord(i, topic, body):
                self.batch.tap(i, topic, body)
            case MonitorMessages(i, messages, sharded):
                self.add_messages(i, messages, sharded=sharded)

    def fail(self, i: int, served: LoadedPipeline | None, error: RecordError) -> None:
        """Write the error of a request; without a response if no pipeline reads it (`served` is None)."""
        self._set_error(i, error)
        body = error.message.encode()
        if served is None:
            self.batch.statuses[i], self.batch.bodies[i] = FAILED, body
        else:
            self._set(i, served, FAILED, body)

    def add_messages(self, i: int, messages: list[bytes], *, sharded: bool = False) -> None:
        """Attach encoded chunks or tallies, for the monitor or its shards, to a record."""
        column = self.batch.shards if sharded else self.batch.chunks
        column[i] = [*(column[i] or ()), *messages]

    def _add_monitor_failures(self, i: int, failures: list[RecordError]) -> None:
        """Write failures that do not affect the response, unless the record has an error already."""
        if self.batch.errors[i] is None:
            first = failures[0]
            messages = "; ".join(f"{failure.step}: {failure.message}" for failure in failures)
            message = first.message if len(failures) == 1 else messages
            self._set_error(i, RecordError(first.reason, message, first.step))

    def _set(self, i: int, served: LoadedPipeline, status: str, body: bytes | None) -> None:
        batch, name = self.batch, served.release.name
        batch.statuses[i] = status
        batch.pipelines[i], batch.versions[i] = name, str(served.release.generation)
        batch.targets[i] = self._outputs(served)
        batch.bodies[i] = body

    def _outputs(self, served: LoadedPipeline) -> str | None:
        """Return the topic of a pipeline's responses, None if it is missing."""
        topic = self._topics.outputs(served.release.name)
        return None if topic in self._missing else topic

    def _set_error(self, i: int, error: RecordError) -> None:
        batch = self.batch
        batch.errors[i], batch.reasons[i], batch.steps[i] = error.message, str(error.reason), error.step


def _no_topic(topic: str) -> RecordError:
    return RecordError(Reason.NO_TOPIC, f"topic {topic} does not exist: create it, or run `weir apply` again")
