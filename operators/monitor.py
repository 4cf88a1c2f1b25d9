"""The keyed function of the job: windows in Flink's state around pure windows, panes and reports."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from time import time

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from operators.artifacts.trust import Site
from operators.chunks import Chunk, decode, join
from operators.control import Connection, read_control
from operators.errors import DeploymentError
from operators.lineage import Lineage, lineage_of, together
from operators.orphans import exit_with_task_manager
from operators.panes import Pane, compact, decode_pane, keep, merge
from operators.releases import Watched, watched_step
from operators.reports import report, superseded
from operators.steps.watching import Rules
from operators.windows import Head, cut, decode_head

_log = logging.getLogger(__name__)
# Rows are counted so many at a time: one by one would cost more, and more would be held.
_MOST_PENDING = 1_000
_MOST_PANES = 24
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
REPORT = Types.ROW_NAMED(
    ["topic", "key", "pipeline", "version", "body"],
    [Types.STRING(), Types.STRING(), Types.STRING(), Types.STRING(), BYTES],
)


class Monitor(KeyedProcessFunction):  # type: ignore[misc]
    """Gathers the chunks of one pipeline's step into windows, and reports on each."""

    def __init__(self, connection: Connection, rules: Rules, site: Site) -> None:
        self._connection = connection
        self._rules = rules
        self._site = site

    def open(self, runtime_context: RuntimeContext) -> None:
        """Bind the state: the open window's head, its latest rows in blobs, and the others in panes."""
        exit_with_task_manager()
        self._head = runtime_context.get_state(ValueStateDescriptor("head", BYTES))
        self._rows = runtime_context.get_list_state(ListStateDescriptor("rows", BYTES))
        self._panes = runtime_context.get_list_state(ListStateDescriptor("panes", BYTES))
        self._watched: dict[tuple[str, str, int], Watched] = {}

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
                parts = [*map(lineage_of, self._chunks()), *(pane.lineage for pane in self._counted())]
                old = together(parts)
                yield self._row(old, superseded(old, head.window))
                head = head.closed()
            self._rows.clear()
            self._panes.clear()
            head = Head(head.window, chunk.generation, streak=head.streak)
        yield from self._fill(head, chunk, int(time() * 1000))

    def _fill(self, head: Head, chunk: Chunk, now: int) -> Iterator[Row]:
        watched = self._look_up(chunk)
        if not len(chunk.rows) and head.idle(watched.batch, now):
            head = yield from self._close(self._count(head, watched), watched)
        for part in cut(head, watched.batch, chunk.timestamp):
            self._rows.add(chunk.part(part.start, part.stop).encode())
            head = head.grown(part, now)
            if part.closes or part.slides or head.pending >= _MOST_PENDING:
                head = self._count(head, watched)
            if part.closes:
                head = yield from self._close(head, watched)
        self._head.update(head.encode())

    def _count(self, head: Head, watched: Watched) -> Head:
        """Put the latest rows into a pane."""
        if not head.pending:
            return head
        full = join(self._chunks())
        self._rows.clear()
        self._panes.add(Pane(lineage_of(full), watched.step.count(full.rows)).encode())
        panes = head.panes + 1
        if panes > _MOST_PANES:
            panes = self._store(compact(self._counted(), watched.batch.slide, watched.step.add))
        return head._replace(pending=0, panes=panes)

    def _close(self, head: Head, watched: Watched) -> Generator[Row, None, Head]:
        panes, batch = self._counted(), watched.batch
        whole = merge(panes, watched.step.add)
        lineage = whole.lineage
        verdict = watched.step.judge(whole.counts, lineage.rows, watched.rules)
        streak = watched.rules.confirmation.after(head.streak, verdict.state, head.window)
        yield self._row(lineage, report(lineage, head.window, verdict, streak, watched.digest))
        rows = batch.kept(lineage.rows)
        kept = self._store(keep(panes, rows, batch.slide))
        return head._replace(streak=streak).closed(rows, kept)

    def _chunks(self) -> list[Chunk]:
        return [decode(bytes(blob)) for blob in self._rows.get()]

    def _counted(self) -> list[Pane]:
        return [decode_pane(bytes(blob)) for blob in self._panes.get()]

    def _store(self, panes: list[Pane]) -> int:
        self._panes.update([pane.encode() for pane in panes])
        return len(panes)

    def _row(self, lineage: Lineage, body: bytes) -> Row:
        topic = self._connection.topics.model_outputs(lineage.step)
        key = f"{lineage.pipeline}/{lineage.step}"
        return Row(topic, key, lineage.pipeline, str(lineage.generation), body)

    def _look_up(self, chunk: Chunk) -> Watched:
        """Return what the chunk's release says of the step, reading the control topic if it is new."""
        key = (chunk.pipeline, chunk.step, chunk.generation)
        if key not in self._watched:
            release = read_control(self._connection).releases.get((chunk.pipeline, chunk.generation))
            if release is None:
                control = self._connection.topics.control
                raise DeploymentError(
                    f"{control} holds no release {chunk.generation} of pipeline {chunk.pipeline}"
                )
            self._watched[key] = watched_step(release, chunk.step, self._site, self._rules)
        return self._watched[key]
