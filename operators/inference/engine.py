"""A micro-batch of records → a response to each, and chunks for the monitor. Uses no Flink."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic, time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import Reason, RecordError
from operators.core.micro_batch import ANSWERED, FAILED, NO_RESPONSE, RequestBatch, ResponseBatch
from operators.core.redaction import Redaction
from operators.core.tensors import Tensors, take
from operators.inference.monitor_feed import MonitorTicks, RemovedStep, chunk_of
from operators.inference.outlier_log import flagged_row
from operators.inference.taps import Taps
from operators.kafka.topics import Topics
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import Tally, count, count_up
from operators.models.runtimes.outlier import FlaggedRow
from operators.models.step import InferenceOptions
from operators.pipeline.external_input import ERROR_TYPE
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.load import LoadedPipeline
from operators.pipeline.plan import Part, WindowVerdict
from operators.protocol.batching import Signature, signature, to_columns
from operators.protocol.decode import decode_request
from operators.protocol.encode import INFER_TYPES, encode_responses, encode_taps
from operators.protocol.request import Encoding, Request
from operators.windows.chunks import SubtaskId

# Requests are computed in groups of at most this many rows, to limit memory. A single request is not split.
MOST_ROWS = 20_000
Flags = Callable[[str], Mapping[str, WindowVerdict]]
_ALONE = SubtaskId()


class Engine:
    """Answers micro-batches with the pipelines of given releases.

    `limit` is the maximum size of a request and of a response in bytes. `flags` returns, for a pipeline, the
    verdict of each batched step's last closed window; it does not wait. `on_batch` receives the tallies of
    each micro-batch by pipeline. `ended` lists steps that no live pipeline contains; the monitor closes their
    windows. `sender` identifies this subtask to the monitor. `taps` maps a pipeline to the Unix time until
    which all inputs and outputs of its steps are published.
    """

    def __init__(
        self,
        served: Sequence[LoadedPipeline],
        topics: Topics,
        limit: int,
        flags: Flags,
        on_batch: Callable[[Mapping[str, Tally]], None] = lambda tallies: None,
        ended: Sequence[RemovedStep] = (),
        sender: SubtaskId = _ALONE,
        taps: Mapping[str, float] | None = None,
    ) -> None:
        self._served = {topics.inputs(pipeline.release.name): pipeline for pipeline in served}
        self._topics = topics
        self._limit = limit
        self._flags = flags
        self._on_batch = on_batch
        self._has_begun = False
        self._taps = Taps(served, taps or {})
        self._sender = sender
        self._heartbeats = MonitorTicks(served, ended, sender)

    def answer(self, records: RequestBatch) -> ResponseBatch:
        """Answer each record, with an error if its request is malformed."""
        answers, tallies = ResponseBatch.empty(len(records.values)), self._initial_tallies()
        groups: dict[tuple[str, Signature], list[tuple[int, Request]]] = {}
        for i, topic in enumerate(records.topics):
            if topic is None:
                answers.chunks[i] = self._heartbeats.messages(monotonic())
                continue
            reader = records.readers[i]
            target = self._topics.inputs(reader) if reader else topic
            try:
                request = self._decode(target, records, i)
            except RecordError as error:
                self._fail(answers, i, target, error)
            else:
                if request is not None:
                    groups.setdefault((target, signature(request)), []).append((i, request))
        budgets: dict[str, Budget] = {}
        for (target, (_, content_type, outputs, encoding)), members in groups.items():
            served = self._served[target]
            tally = tallies.setdefault(served.release.name, Tally())
            run = _RequestGroup(
                served, InferenceOptions(content_type, outputs), encoding, records, answers, tally
            )
            for part in _slices(members):
                self._answer(run, part, budgets.setdefault(target, Budget()))
        count(tallies, records, answers, int(time() * 1000))
        self._on_batch(tallies)
        self._add_tallies(tallies, answers)
        return answers

    def _add_tallies(self, tallies: Mapping[str, Tally], answers: ResponseBatch) -> None:
        """Attach the tallies of pipelines, for the monitor, to the last record of the batch."""
        messages = [
            PipelineTally(served.release.name, served.release.generation, tally).encode()
            for served in self._served.values()
            if (tally := tallies.get(served.release.name)) and tally.requests
        ]
        if messages:
            answers.chunks[-1] = [*(answers.chunks[-1] or ()), *messages]

    def _initial_tallies(self) -> dict[str, Tally]:
        """Return empty tallies of all pipelines and steps at the first call, so that every metric exists."""
        if self._has_begun:
            return {}
        self._has_begun = True
        plans = [pipeline.plan for pipeline in self._served.values() if pipeline.plan]
        return {plan.name: Tally.of(planned.name for planned in plan.steps) for plan in plans}

    def _decode(self, target: str, records: RequestBatch, i: int) -> Request | None:
        """Decode a record for the pipeline with a topic of requests; None if it is not for that pipeline."""
        served = self._served.get(target)
        external = served.external if served and records.readers[i] else None
        if records.readers[i] and not (
            external
            and self._topics.external(external.place) == records.topics[i]
            and external.accepts(records.infer_types[i], records.origins[i])
        ):
            return None
        if served is None:
            raise RecordError(Reason.UNKNOWN_PIPELINE, f"no live pipeline reads {target}")
        if served.plan is None:
            raise RecordError(
                Reason.PIPELINE_FAILED, f"pipeline {served.release.name} cannot run: {served.failure}"
            )
        value, length = records.values[i], int(records.lengths[i])
        if length >= 0:
            message = f"the value has {length} bytes, the limit is {self._limit}"
            raise RecordError(Reason.RECORD_TOO_LONG, message)
        if value is None:
            raise RecordError(Reason.TOMBSTONE, "the record has no value")
        if external:
            return external.decode(value, records.infer_types[i])
        infer_type = records.infer_types[i]
        return decode_request(value, None if infer_type == ERROR_TYPE else infer_type)

    def _answer(self, run: _RequestGroup, members: list[tuple[int, Request]], budget: Budget) -> None:
        name, plan = run.served.release.name, run.served.plan
        topic = self._topics.inputs(name)
        tensors, errors = to_columns([request for _, request in members])
        for position, error in errors.items():
            self._fail(run.answers, members[position][0], topic, error)
        members = [member for position, member in enumerate(members) if position not in errors]
        if not members or plan is None:
            return
        outcome = plan.run(tensors, run.options, self._flags(name), budget, self._taps.of(name), run.tally)
        for position, error in outcome.errors.items():
            self._fail(run.answers, members[position][0], topic, error)
        for position, failures in outcome.monitor_failures.items():
            self._record_monitor_failure(run, members[position][0], failures)
        for part in outcome.parts:
            self._finish(run, part, members)
        for step, position, flagged in outcome.flagged:
            self._log_outlier(run, step, members[position][0], flagged, plan.redaction)

    def _finish(self, run: _RequestGroup, part: Part, members: list[tuple[int, Request]]) -> None:
        answers = run.answers
        finished = [members[position] for position in part.requests.tolist()]
        if part.outputs is None:
            for i, _ in finished:
                self._set_response(answers, i, run.served, NO_RESPONSE, None)
        else:
            self._respond(run, part.outputs, finished)
        succeeded = [j for j, (i, _) in enumerate(finished) if answers.statuses[i] != FAILED]
        if not succeeded:
            return
        kept = np.array(succeeded, dtype=np.intp)
        self._tap(run, part, finished, kept)
        numbers = np.array([i for i, _ in finished], dtype=np.intp)[kept]
        last = int(numbers[-1])
        for step, column in take(part.gathered, kept).items():
            records_of_rows = np.repeat(numbers, column.rows)
            chunk = chunk_of(run.served, step, column.data, records_of_rows, run.records, self._sender)
            answers.chunks[last] = [
                *(answers.chunks[last] or ()),
                *(piece.encode() for piece in chunk.parts()),
            ]

    def _respond(self, run: _RequestGroup, outputs: Tensors, members: list[tuple[int, Request]]) -> None:
        release = run.served.release
        topic = self._topics.inputs(release.name)
        try:
            ids = [request.id for _, request in members]
            bodies = encode_responses(outputs, ids, release.name, str(release.generation), run.encoding)
        except (KeyError, TypeError, ValueError) as error:  # a model may return anything
            if len(members) > 1:
                for position, member in enumerate(members):
                    self._respond(run, take(outputs, np.array([position])), [member])
                return
            message = f"the outputs of the models cannot be encoded as V2 tensors: {error}"
            self._fail(run.answers, members[0][0], topic, RecordError(Reason.NO_OUTPUT, message))
            return
        for (i, _), body in zip(members, bodies, strict=True):
            if len(body) > self._limit:
                message = f"the response has {len(body)} bytes, the limit is {self._limit}"
                self._fail(run.answers, i, topic, RecordError(Reason.RESPONSE_TOO_LONG, message))
            else:
                self._set_response(run.answers, i, run.served, ANSWERED, body)
                run.answers.infer_types[i] = INFER_TYPES[run.encoding]

    def _tap(
        self, run: _RequestGroup, part: Part, finished: list[tuple[int, Request]], kept: NDArray[np.intp]
    ) -> None:
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
                    self._record_monitor_failure(run, i, [RecordError(Reason.MONITOR_FAILED, why, step)])
                    continue
                run.answers.tap(i, topic, body)

    def _log_outlier(
        self, run: _RequestGroup, step: str, i: int, flagged: FlaggedRow, redaction: Redaction
    ) -> None:
        """Publish a flagged row, unless its request failed."""
        if run.answers.statuses[i] == FAILED:
            return
        records = run.records
        place = (str(records.topics[i]), int(records.partitions[i]), int(records.offsets[i]))
        record = flagged_row(run.served.release, step, place, int(records.timestamps[i]), flagged)
        run.answers.tap(i, self._topics.outliers, record.redacted(redaction).encode())

    def _set_response(
        self, answers: ResponseBatch, i: int, served: LoadedPipeline, status: str, body: bytes | None
    ) -> None:
        pipeline, version = served.release.name, str(served.release.generation)
        answers.statuses[i] = status
        answers.pipelines[i] = pipeline
        answers.versions[i] = version
        answers.targets[i] = self._topics.outputs(pipeline)
        answers.bodies[i] = body

    def _fail(self, answers: ResponseBatch, i: int, topic: str, error: RecordError) -> None:
        self._set_error(answers, i, error)
        body = (answers.errors[i] or "").encode()
        served = self._served.get(topic)
        if served is None:
            answers.statuses[i], answers.bodies[i] = FAILED, body
        else:
            self._set_response(answers, i, served, FAILED, body)

    def _record_monitor_failure(self, run: _RequestGroup, i: int, failures: list[RecordError]) -> None:
        """Count failures that do not affect the response, and report them unless the record has an error."""
        for failure in failures:
            count_up(run.tally.errors, failure.step, str(failure.reason))
        if run.answers.errors[i] is None:
            messages = "; ".join(f"{failure.step}: {failure.message}" for failure in failures)
            first = failures[0]
            message = first.message if len(failures) == 1 else messages
            self._set_error(run.answers, i, RecordError(first.reason, message, first.step))

    def _set_error(self, answers: ResponseBatch, i: int, error: RecordError) -> None:
        answers.errors[i] = error.message
        answers.reasons[i] = str(error.reason)
        answers.steps[i] = error.step


class _RequestGroup(NamedTuple):
    """What the requests of one pipeline with the same signature share in a micro-batch."""

    served: LoadedPipeline
    options: InferenceOptions
    encoding: Encoding
    records: RequestBatch
    answers: ResponseBatch
    tally: Tally


def _slices(members: list[tuple[int, Request]]) -> Iterator[list[tuple[int, Request]]]:
    """Split a group into parts of at most `MOST_ROWS` rows; a single longer request is one part."""
    start, rows = 0, 0
    for position, (_, request) in enumerate(members):
        count = request.inputs[0].shape[0]
        if rows and rows + count > MOST_ROWS:
            yield members[start:position]
            start, rows = position, 0
        rows += count
    yield members[start:]
