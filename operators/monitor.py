"""The keyed function of the job: windows in Flink's state around pure windows and reports."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from time import time
from typing import NamedTuple

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from detectors.judgement import Judgement
from operators.artifacts.trust import Site
from operators.chunks import Chunk, decode, join
from operators.control import Connection, read_control
from operators.errors import DeploymentError
from operators.orphans import exit_with_task_manager
from operators.releases import batched_step
from operators.reports import report, superseded
from operators.resources.schema import Batch
from operators.steps.detect_drift import DetectDrift
from operators.windows import Head, cut, decode_head

_log = logging.getLogger(__name__)
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
REPORT = Types.ROW_NAMED(
    ["topic", "key", "pipeline", "version", "body"],
    [Types.STRING(), Types.STRING(), Types.STRING(), Types.STRING(), BYTES],
)


class _Watched(NamedTuple):
    """A batched drift step of one generation."""

    step: DetectDrift
    batch: Batch
    digest: str


class Monitor(KeyedProcessFunction):  # type: ignore[misc]
    """Gathers the chunks of one pipeline's step into windows, and reports on each."""

    def __init__(self, connection: Connection, judgement: Judgement, site: Site) -> None:
        self._connection = connection
        self._judgement = judgement
        self._site = site

    def open(self, runtime_context: RuntimeContext) -> None:
        """Bind the state: the open window's head, and its rows in blobs."""
        exit_with_task_manager()
        self._head = runtime_context.get_state(ValueStateDescriptor("head", BYTES))
        self._blobs = runtime_context.get_list_state(ListStateDescriptor("rows", BYTES))
        self._watched: dict[tuple[str, str, int], _Watched] = {}

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Add a chunk's rows; a report leaves for every window that they close, or that fell idle."""
        chunk = decode(bytes(value[0]))
        stored = self._head.value()
        head = decode_head(bytes(stored)) if stored else Head(1, chunk.generation)
        if chunk.generation < head.generation:
            if len(chunk.rows):
                _log.warning(
                    "%s: %d rows of generation %d came after generation %d: in no window",
                    chunk.key,
                    len(chunk.rows),
                    chunk.generation,
                    head.generation,
                )
            return
        if chunk.generation > head.generation:
            if head.fresh:
                old = join(self._rows())
                yield self._row(old, superseded(old, head.window))
                head = head.closed(0)
            self._blobs.clear()
            head = head._replace(generation=chunk.generation, rows=0)
        yield from self._fill(head, chunk, int(time() * 1000))

    def _fill(self, head: Head, chunk: Chunk, now: int) -> Iterator[Row]:
        watched = self._look_up(chunk)
        if not len(chunk.rows) and head.idle(watched.batch, now):
            head = yield from self._close(head, self._rows(), watched)
        for part in cut(head, watched.batch, chunk.timestamp):
            piece = chunk.part(part.start, part.stop)
            if part.closes:
                head = yield from self._close(head, [*self._rows(), piece], watched)
            else:
                self._blobs.add(piece.encode())
                head = head.grown(part, now)
        self._head.update(head.encode())

    def _close(self, head: Head, pieces: list[Chunk], watched: _Watched) -> Generator[Row, None, Head]:
        full = join(pieces)
        yield self._row(full, report(full, head.window, watched.step, self._judgement, watched.digest))
        self._blobs.clear()
        kept = min(len(full.rows), watched.batch.kept)
        if kept:
            self._blobs.add(full.part(len(full.rows) - kept, len(full.rows)).encode())
        return head.closed(kept)

    def _rows(self) -> list[Chunk]:
        return [decode(bytes(blob)) for blob in self._blobs.get()]

    def _row(self, chunk: Chunk, body: bytes) -> Row:
        topic = self._connection.topics.model_outputs(chunk.step)
        return Row(topic, chunk.key, chunk.pipeline, str(chunk.generation), body)

    def _look_up(self, chunk: Chunk) -> _Watched:
        """Return what the chunk's release says of the step, reading the control topic if it is new."""
        key = (chunk.pipeline, chunk.step, chunk.generation)
        if key not in self._watched:
            release = read_control(self._connection).releases.get((chunk.pipeline, chunk.generation))
            if release is None:
                control = self._connection.topics.control
                raise DeploymentError(
                    f"{control} holds no release {chunk.generation} of pipeline {chunk.pipeline}"
                )
            step, batch = batched_step(release, chunk.step, self._site)
            self._watched[key] = _Watched(step, batch, release.artifacts[chunk.step].digest)
        return self._watched[key]
