"""A micro-batch of records → a response to each, and chunks for the monitor. Uses no Flink."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic, time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import Reason, RecordError
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.core.redaction import Redaction
from operators.core.tensors import Tensors, take
from operators.inference.monitor_feed import MonitorTicks, RemovedStep, chunk_of
from operators.inference.outlier_log import flagged_row
from operators.inference.request_decoder import RequestDecoder
from operators.inference.response_writer import ResponseWriter
from operators.inference.taps import Taps
from operators.kafka.topics import Topics
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import Tally, count, count_up
from operators.models.runtimes.batched import WindowVerdict
from operators.models.runtimes.outlier import FlaggedRow
from operators.models.step import InferenceOptions
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.load import LoadedPipeline
from operators.pipeline.plan import Part
from operators.protocol.batching import Signature, signature, to_columns
from operators.protocol.encode import encode_responses, encode_taps
from operators.protocol.request import Encoding, Request
from operators.windows.chunks import SubtaskId

# Requests are computed in groups of at most this many rows, to limit memory. A single request is not split.
MOST_ROWS = 20_000
Verdicts = Callable[[str], Mapping[str, WindowVerdict]]
# A request, with the position of its record in the micro-batch.
Member = tuple[int, Request]
_ALONE = SubtaskId()


class Engine:
    """Answers micro-batches with the pipelines of given releases.

    `limit` is the maximum size of a request and of a response in bytes. `verdicts` returns, for a pipeline,
    the verdict of each batched step's last closed window; it does not wait. `on_batch` receives the tallies
    of each micro-batch by pipeline. `ended` lists steps that no live pipeline contains; the monitor closes
    their windows. `sender` identifies this subtask to the monitor. `taps` maps a pipeline to the Unix time
    until which all inputs and outputs of its steps are published.
    """

    def __init__(
        self,
        served: Sequence[LoadedPipeline],
        topics: Topics,
        limit: int,
        verdicts: Verdicts,
        on_batch: Callable[[Mapping[str, Tally]], None] = lambda tallies: None,
        ended: Sequence[RemovedStep] = (),
        sender: SubtaskId = _ALONE,
        taps: Mapping[str, float] | None = None,
    ) -> None:
        self._served = {topics.inputs(pipeline.release.name): pipeline for pipeline in served}
        self._topics = topics
        self._limit = limit
        self._verdicts = verdicts
        self._decoder = RequestDecoder(topics, limit)
        self._on_batch = on_batch
        self._has_begun = False
        self._taps = Taps(served, taps or {})
        self._sender = sender
        self._ticks = MonitorTicks(served, ended, sender)

    def answer(self, records: RequestBatch) -> ResponseBatch:
        """Answer each record, with an error if its request is malformed."""
        writer = ResponseWriter(ResponseBatch.empty(len(records.values)), self._topics)
        tallies = self._initial_tallies()
        budgets: dict[str, Budget] = {}
        for (target, (_, content_type, outputs, encoding)), members in self._group(records, writer).items():
            served = self._served[target]
            tally = tallies.setdefault(served.release.name, Tally())
            options = InferenceOptions(content_type, outputs)
            group = _RequestGroup(served, options, encoding, records, writer, tally)
            for part in _slices(members):
                self._run(group, part, budgets.setdefault(target, Budget()))
        count(tallies, records, writer.batch, int(time() * 1000))
        self._on_batch(tallies)
        self._add_tallies(tallies, writer)
        return writer.batch

    def _group(
        self, records: RequestBatch, writer: ResponseWriter
    ) -> dict[tuple[str, Signature], list[Member]]:
        """Decode the records. Group the requests that can be computed together by topic and signature."""
        groups: dict[tuple[str, Signature], list[Member]] = {}
        for i, topic in enumerate(records.topics):
            if topic is None:
                if messages := self._ticks.messages(monotonic()):
                    writer.add_chunks(i, messages)
                continue
            reader = records.readers[i]
            target = self._topics.inputs(reader) if reader else topic
            served = self._served.get(target)
            try:
                request = self._decoder.decode(served, target, records, i)
            except RecordError as error:
                writer.fail(i, served, error)
            else:
                if request is not None:
                    groups.setdefault((target, signature(request)), []).append((i, request))
        return groups

    def _add_tallies(self, tallies: Mapping[str, Tally], writer: ResponseWriter) -> None:
        """Attach the tallies of pipelines, for the monitor, to the last record of the batch."""
        messages = [
            PipelineTally(served.release.name, served.release.generation, tally).encode()
            for served in self._served.values()
            if (tally := tallies.get(served.release.name)) and tally.requests
        ]
        if messages:
            writer.add_chunks(-1, messages)

    def _initial_tallies(self) -> dict[str, Tally]:
        """Return empty tallies of all pipelines and steps at the first call, so that every metric exists."""
        if self._has_begun:
            return {}
        self._has_begun = True
        plans = [pipeline.plan for pipeline in self._served.values() if pipeline.plan]
        return {plan.name: Tally.of(planned.name for planned in plan.steps) for plan in plans}

    def _run(self, group: _RequestGroup, members: list[Member], budget: Budget) -> None:
        """Run the pipeline's plan on requests of one signature."""
        served, plan = group.served, group.served.plan
        tensors, errors = to_columns([request for _, request in members])
        for position, error in errors.items():
            group.writer.fail(members[position][0], served, error)
        members = [member for position, member in enumerate(members) if position not in errors]
        if not members or plan is None:
            return
        name = served.release.name
        outcome = plan.run(
            tensors, group.options, self._verdicts(name), budget, self._taps.of(name), group.tally
        )
        for position, error in outcome.errors.items():
            group.writer.fail(members[position][0], served, error)
        for position, failures in outcome.monitor_failures.items():
            group.report_failures(members[position][0], failures)
        for part in outcome.parts:
            self._finish(group, part, members)
        for step, position, flagged in outcome.flagged:
            self._log_outlier(group, step, members[position][0], flagged, plan.redaction)

    def _finish(self, group: _RequestGroup, part: Part, members: list[Member]) -> None:
        """Write responses, taps and chunks of the requests that took the same branch."""
        writer, finished = group.writer, [members[position] for position in part.requests.tolist()]
        if part.outputs is None:
            for i, _ in finished:
                writer.omit_response(i, group.served)
        else:
            self._respond(group, part.outputs, finished)
        succeeded = [j for j, (i, _) in enumerate(finished) if not writer.has_failed(i)]
        if not succeeded:
            return
        kept = np.array(succeeded, dtype=np.intp)
        self._tap(group, part, finished, kept)
        numbers = np.array([i for i, _ in finished], dtype=np.intp)[kept]
        for step, column in take(part.gathered, kept).items():
            records_of_rows = np.repeat(numbers, column.rows)
            chunk = chunk_of(group.served, step, column.data, records_of_rows, group.records, self._sender)
            writer.add_chunks(int(numbers[-1]), (piece.encode() for piece in chunk.parts()))

    def _respond(self, group: _RequestGroup, outputs: Tensors, members: list[Member]) -> None:
        release = group.served.release
        try:
            ids = [request.id for _, request in members]
            bodies = encode_responses(outputs, ids, release.name, str(release.generation), group.encoding)
        except (KeyError, TypeError, ValueError) as error:  # a model may return anything
            if len(members) > 1:
                for position, member in enumerate(members):
                    self._respond(group, take(outputs, np.array([position])), [member])
                return
            message = f"the outputs of the models cannot be encoded as V2 tensors: {error}"
            group.writer.fail(members[0][0], group.served, RecordError(Reason.NO_OUTPUT, message))
            return
        for (i, _), body in zip(members, bodies, strict=True):
            if len(body) > self._limit:
                message = f"the response has {len(body)} bytes, the limit is {self._limit}"
                group.writer.fail(i, group.served, RecordError(Reason.RESPONSE_TOO_LONG, message))
            else:
                group.writer.respond(i, group.served, body, group.encoding)

    def _tap(self, group: _RequestGroup, part: Part, finished: list[Member], kept: NDArray[np.intp]) -> None:
        """Publish tapped tensors on the topics of their steps; `kept` are positions in `finished`."""
        members = [finished[position] for position in kept.tolist()]
        ids = [request.id for _, request in members]
        for (step, side), tensors in part.tapped.items():
            topic = self._topics.model_inputs(step) if side == "inputs" else self._topics.model_outputs(step)
            try:
                bodies = encode_taps(take(tensors, kept), ids, step, side)
            except (KeyError, TypeError, ValueError) as error:  # a model may return anything
                bodies, why = [], f"its {side} cannot be encoded as V2 tensors: {error}"
            else:
                why = f"its tapped {side} are longer than the limit of {self._limit} bytes"
            for position, (i, _) in enumerate(members):
                body = bodies[position] if bodies else b""
                if not body or len(body) > self._limit:
                    group.report_failures(i, [RecordError(Reason.MONITOR_FAILED, why, step)])
                    continue
                group.writer.batch.tap(i, topic, body)

    def _log_outlier(
        self, group: _RequestGroup, step: str, i: int, flagged: FlaggedRow, redaction: Redaction
    ) -> None:
        """Publish a flagged row, unless its request failed."""
        if group.writer.has_failed(i):
            return
        records = group.records
        place = (str(records.topics[i]), int(records.partitions[i]), int(records.offsets[i]))
        record = flagged_row(group.served.release, step, place, int(records.timestamps[i]), flagged)
        group.writer.batch.tap(i, self._topics.outliers, record.redacted(redaction).encode())


class _RequestGroup(NamedTuple):
    """What the requests of one pipeline with the same signature share in a micro-batch."""

    served: LoadedPipeline
    options: InferenceOptions
    encoding: Encoding
    records: RequestBatch
    writer: ResponseWriter
    tally: Tally

    def report_failures(self, i: int, failures: Sequence[RecordError]) -> None:
        """Count and report failures of steps that do not affect the response of record i."""
        for failure in failures:
            count_up(self.tally.errors, failure.step, str(failure.reason))
        self.writer.report_failures(i, failures)


def _slices(members: list[Member]) -> Iterator[list[Member]]:
    """Split a group into parts of at most `MOST_ROWS` rows; a single longer request is one part."""
    start, rows = 0, 0
    for position, (_, request) in enumerate(members):
        count = request.inputs[0].shape[0]
        if rows and rows + count > MOST_ROWS:
            yield members[start:position]
            start, rows = position, 0
        rows += count
    yield members[start:]
