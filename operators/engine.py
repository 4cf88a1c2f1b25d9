"""A micro-batch of records → an answer for each, and the rows that monitors gather. No Flink here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.chunks import Chunk
from operators.columns import Array, Tensors, take
from operators.errors import Reason, RecordError
from operators.isolation import Budget
from operators.plan import Flag, Part
from operators.protocol.requests import Request, Signature, decode_request, signature, to_columns
from operators.protocol.responses import encode_responses
from operators.releases import Served
from operators.topics import Topics

TICK, ANSWERED, SILENT, FAILED = "tick", "answered", "silent", "failed"
# Bounds the memory of a micro-batch of requests of many rows.
MOST_ROWS = 20_000
Flags = Callable[[str], Mapping[str, Flag]]


class Records(NamedTuple):
    """Records of a micro-batch, in columns of n.

    A tick has no topic. A record above the limit carries its full `lengths` and only its beginning in
    `values`; the others have a negative length. `timestamps` are Kafka's, in milliseconds.
    """

    values: Sequence[bytes | None]
    topics: Sequence[str | None]
    partitions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    lengths: NDArray[np.int64]


class Answers(NamedTuple):
    """What became of each record, in columns of n.

    `targets` is the topic of the pipeline's responses, None where there is no such pipeline. `bodies` is the
    response, or for a failed record the text of its error. `chunks` ride on the last of the records whose
    rows they hold.
    """

    statuses: list[str]
    pipelines: list[str | None]
    versions: list[str | None]
    targets: list[str | None]
    bodies: list[bytes | None]
    reasons: list[str | None]
    steps: list[str | None]
    chunks: list[list[bytes] | None]

    @classmethod
    def empty(cls, n: int) -> Answers:
        """Start with n ticks."""
        return cls([TICK] * n, *([None] * n for _ in cls._fields[1:]))  # type: ignore[arg-type]


class Engine:
    """Answers micro-batches with the pipelines of some releases.

    `flags` returns, for a pipeline, the verdict of each batched step's last closed window; it never waits.
    """

    def __init__(self, served: Sequence[Served], topics: Topics, limit: int, flags: Flags) -> None:
        self._served = {topics.inputs(one.release.name): one for one in served}
        self._topics = topics
        self._limit = limit
        self._flags = flags
        self.monitor_failures: dict[tuple[str, str], int] = {}

    def answer(self, records: Records) -> Answers:
        """Answer every record, whatever it holds."""
        answers = Answers.empty(len(records.values))
        groups: dict[tuple[str, Signature], list[tuple[int, Request]]] = {}
        for i, topic in enumerate(records.topics):
            if topic is None:
                continue
            try:
                request = self._decode(topic, records.values[i], int(records.lengths[i]))
            except RecordError as error:
                self._fail(answers, i, topic, error)
            else:
                groups.setdefault((topic, signature(request)), []).append((i, request))
        budget = Budget()
        for (topic, (_, content_type)), members in groups.items():
            for some in _slices(members):
                self._run(self._served[topic], content_type, some, budget, records, answers)
        return answers

    def _decode(self, topic: str, value: bytes | None, length: int) -> Request:
        if topic not in self._served:
            raise RecordError(Reason.UNKNOWN_PIPELINE, f"no pipeline is live that reads {topic}")
        if length >= 0:
            message = f"the value has {length} bytes, the limit is {self._limit}"
            raise RecordError(Reason.RECORD_TOO_LONG, message)
        if value is None:
            raise RecordError(Reason.TOMBSTONE, "the record has no value")
        return decode_request(value)

    def _run(
        self,
        served: Served,
        content_type: str,
        members: list[tuple[int, Request]],
        budget: Budget,
        records: Records,
        answers: Answers,
    ) -> None:
        topic = self._topics.inputs(served.release.name)
        tensors, errors = to_columns([request for _, request in members])
        for position, error in errors.items():
            self._fail(answers, members[position][0], topic, error)
        members = [member for position, member in enumerate(members) if position not in errors]
        if not members:
            return
        outcome = served.plan.run(tensors, content_type, self._flags(served.release.name), budget)
        for position, error in outcome.errors.items():
            self._fail(answers, members[position][0], topic, error)
        for name, count in outcome.monitor_failures.items():
            key = (served.release.name, name)
            self.monitor_failures[key] = self.monitor_failures.get(key, 0) + count
        for part in outcome.parts:
            self._finish(served, part, members, records, answers)

    def _finish(
        self,
        served: Served,
        part: Part,
        members: list[tuple[int, Request]],
        records: Records,
        answers: Answers,
    ) -> None:
        here = [members[position] for position in part.requests.tolist()]
        if part.outputs is None:
            for i, _ in here:
                self._put(answers, i, served, SILENT, None)
        else:
            self._respond(served, part.outputs, here, answers)
        kept = np.array([j for j, (i, _) in enumerate(here) if answers.statuses[i] != FAILED], dtype=np.intp)
        if not len(kept):
            return
        numbers = np.array([i for i, _ in here], dtype=np.intp)[kept]
        last = int(numbers[-1])
        for step, column in take(part.gathered, kept).items():
            chunk = _chunk(served, step, column.data, np.repeat(numbers, column.rows), records)
            answers.chunks[last] = [
                *(answers.chunks[last] or ()),
                *(piece.encode() for piece in chunk.parts()),
            ]

    def _respond(
        self, served: Served, outputs: Tensors, here: list[tuple[int, Request]], answers: Answers
    ) -> None:
        release = served.release
        topic = self._topics.inputs(release.name)
        try:
            ids = [request.id for _, request in here]
            bodies = encode_responses(outputs, ids, release.name, str(release.generation))
        except (KeyError, TypeError, ValueError) as error:  # what a model answers may be anything
            message = f"what the models answered cannot be written as JSON: {error}"
            for i, _ in here:
                self._fail(answers, i, topic, RecordError(Reason.NO_OUTPUT, message))
            return
        for (i, _), body in zip(here, bodies, strict=True):
            if len(body) > self._limit:
                message = f"the response has {len(body)} bytes, the limit is {self._limit}"
                self._fail(answers, i, topic, RecordError(Reason.RESPONSE_TOO_LONG, message))
            else:
                self._put(answers, i, served, ANSWERED, body)

    def _put(self, answers: Answers, i: int, served: Served, status: str, body: bytes | None) -> None:
        pipeline, version = served.release.name, str(served.release.generation)
        answers.statuses[i] = status
        answers.pipelines[i] = pipeline
        answers.versions[i] = version
        answers.targets[i] = self._topics.outputs(pipeline)
        answers.bodies[i] = body

    def _fail(self, answers: Answers, i: int, topic: str, error: RecordError) -> None:
        served = self._served.get(topic)
        if served is None:
            answers.statuses[i], answers.bodies[i] = FAILED, error.message.encode()
        else:
            self._put(answers, i, served, FAILED, error.message.encode("utf-8", "backslashreplace"))
        answers.reasons[i] = str(error.reason)
        answers.steps[i] = error.step


def _slices(members: list[tuple[int, Request]]) -> Iterator[list[tuple[int, Request]]]:
    """Cut a group where its rows would be too many to compute at once; no request is cut."""
    start, rows = 0, 0
    for position, (_, request) in enumerate(members):
        count = request.inputs[0].shape[0]
        if rows and rows + count > MOST_ROWS:
            yield members[start:position]
            start, rows = position, 0
        rows += count
    yield members[start:]


def _chunk(served: Served, step: str, rows: Array, records_of_rows: Any, records: Records) -> Chunk:
    return Chunk(
        served.release.name,
        step,
        served.release.generation,
        rows,
        records.partitions[records_of_rows].astype(np.int32),
        records.offsets[records_of_rows],
        records.timestamps[records_of_rows],
    )
