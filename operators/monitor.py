"""The keyed function of the job: windows in Flink's state around pure windows and reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from detectors.judgement import Judgement
from operators.chunks import Chunk, decode, join
from operators.control import Connection, read_control
from operators.errors import DeploymentError
from operators.orphans import exit_with_task_manager
from operators.releases import serve
from operators.reports import report, superseded
from operators.steps.detect_drift import DetectDrift
from operators.windows import Head, cut, decode_head

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
REPORT = Types.ROW_NAMED(
    ["topic", "key", "pipeline", "version", "body"],
    [Types.STRING(), Types.STRING(), Types.STRING(), Types.STRING(), BYTES],
)


class _Watched(NamedTuple):
    """A batched drift step of one generation."""

    step: DetectDrift
    size: int
    digest: str


class Monitor(KeyedProcessFunction):  # type: ignore[misc]
    """Gathers the chunks of one pipeline's step into windows of exactly N rows, and reports on each."""

    def __init__(self, connection: Connection, judgement: Judgement) -> None:
        self._connection = connection
        self._judgement = judgement

    def open(self, runtime_context: RuntimeContext) -> None:
        """Bind the state: the open window's head, and its rows in blobs."""
        exit_with_task_manager()
        self._head = runtime_context.get_state(ValueStateDescriptor("head", BYTES))
        self._blobs = runtime_context.get_list_state(ListStateDescriptor("rows", BYTES))
        self._watched: dict[tuple[str, str, int], _Watched] = {}

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Add a chunk's rows; a report leaves for every window that they fill."""
        chunk = decode(bytes(value[0]))
        stored = self._head.value()
        head = decode_head(bytes(stored)) if stored else Head(1, 0, chunk.generation)
        if chunk.generation < head.generation:
            return
        if chunk.generation > head.generation:
            if head.rows:
                old = join(self._rows())
                yield self._row(old, superseded(old, head.window))
                head = head._replace(window=head.window + 1, rows=0)
                self._blobs.clear()
            head = head._replace(generation=chunk.generation)
        yield from self._fill(head, chunk)

    def _fill(self, head: Head, chunk: Chunk) -> Iterator[Row]:
        watched = self._look_up(chunk)
        for start, stop, closes in cut(head.rows, watched.size, len(chunk.rows)):
            piece = chunk.part(start, stop)
            if closes:
                full = join([*self._rows(), piece])
                body = report(full, head.window, watched.step, self._judgement, watched.digest)
                yield self._row(full, body)
                head = head._replace(window=head.window + 1, rows=0)
                self._blobs.clear()
            else:
                self._blobs.add(piece.encode())
                head = head._replace(rows=head.rows + stop - start)
        self._head.update(head.encode())

    def _rows(self) -> list[Chunk]:
        return [decode(bytes(blob)) for blob in self._blobs.get()]

    def _row(self, chunk: Chunk, body: bytes) -> Row:
        topic = self._connection.topics.model_outputs(chunk.step)
        return Row(topic, chunk.key, chunk.pipeline, str(chunk.generation), body)

    def _look_up(self, chunk: Chunk) -> _Watched:
        """Return what the chunk's release says of the step, reading the control topic if it is new."""
        key = (chunk.pipeline, chunk.step, chunk.generation)
        if key not in self._watched:
            release: Any = read_control(self._connection).releases.get((chunk.pipeline, chunk.generation))
            if release is None:
                control = self._connection.topics.control
                raise DeploymentError(
                    f"{control} holds no release {chunk.generation} of pipeline {chunk.pipeline}"
                )
            served = serve(release)
            for planned in served.plan.steps:
                if planned.window and isinstance(planned.step, DetectDrift):
                    digest = release.artifacts[planned.name].digest
                    watched = _Watched(planned.step, planned.window, digest)
                    self._watched[chunk.pipeline, planned.name, chunk.generation] = watched
        return self._watched[key]
