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
from operators.draining import Draining, decode_draining
from operators.errors import DeploymentError
from operators.kafka_log import open_consumer
from operators.lineage import Lineage, lineage_of, together
from operators.metrics import Metrics, WindowMetrics
from operators.orphans import exit_with_task_manager
from operators.panes import Pane, compact, decode_pane, keep, merge
from operators.reports import report, superseded
from operators.serving import Models, Watched, watched_step
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
        """Bind the state: the open window's head, its latest rows in blobs, the others in panes, and what is
        left of the window that the last change ended."""
        exit_with_task_manager()
        self._head = runtime_context.get_state(ValueStateDescriptor("head", BYTES))
        self._rows = runtime_context.get_list_state(ListStateDescriptor("rows", BYTES))
        self._panes = runtime_context.get_list_state(ListStateDescriptor("panes", BYTES))
        self._draining = runtime_context.get_state(ValueStateDescriptor("draining", BYTES))
        self._metrics = WindowMetrics(Metrics(runtime_context.get_metrics_group()))
        self._watched: dict[str, tuple[int, Watched]] = {}
        self._told_late: set[tuple[str, int]] = set()

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Add a chunk's rows; a report leaves for every window that they, the clock or a change end."""
        chunk, now = decode(bytes(value[0])), int(time() * 1000)
        stored, drained = self._head.value(), self._draining.value()
        if chunk.ended and not stored:
            return
        head = decode_head(bytes(stored)) if stored else Head(1, chunk.epoch)
        draining = decode_draining(bytes(drained)) if drained else None
        before = (stored and head, draining)
        if chunk.epoch > head.epoch:
            if draining:
                head = yield from self._supersede(head, draining)
            draining = self._end(head, chunk, now)
            head = head.of_epoch(chunk.epoch)
        if chunk.epoch < head.epoch:
            draining = self._join(chunk, draining)
        elif not chunk.ended:
            head = yield from self._fill(head, chunk, now)
        if draining and chunk.epoch == head.epoch:
            draining = draining.told(chunk.sender, now)
        if draining and draining.over(chunk.sender.subtasks, now):
            head = yield from self._supersede(head, draining)
            draining = None
        if (head, draining) != before:
            self._head.update(head.encode())
            self._keep(draining)
        watched = self._watched.get(chunk.key, (0, None))[1]
        self._metrics.holds(chunk.pipeline, chunk.step, head, watched and watched.batch)

    def _end(self, head: Head, chunk: Chunk, now: int) -> Draining:
        """Begin to drain the open window because a new epoch began."""
        draining = Draining(head.epoch, 0 if chunk.ended else chunk.generation, now, now)
        if head.fresh:
            parts = [*map(lineage_of, self._chunks()), *(pane.lineage for pane in self._counted())]
            draining = draining.joined(together(parts))
        self._rows.clear()
        self._panes.clear()
        return draining

    def _join(self, chunk: Chunk, draining: Draining | None) -> Draining | None:
        """Put rows of an earlier epoch where they belong, if that is still there."""
        if not len(chunk.rows):
            return draining
        if draining and chunk.epoch == draining.epoch:
            return draining.joined(lineage_of(chunk))
        self._metrics.late(chunk.pipeline, chunk.step, len(chunk.rows))
        if (chunk.key, chunk.epoch) not in self._told_late:
            self._told_late.add((chunk.key, chunk.epoch))
            _log.warning("%s: rows of epoch %d come late, they are in no window", chunk.key, chunk.epoch)
        return draining

    def _supersede(self, head: Head, draining: Draining) -> Generator[Row, None, Head]:
        """Report on what drained, if anything did, under the next number."""
        if (lineage := draining.lineage) is None:
            return head
        if not draining.successor and not self._has_topic(lineage.step):
            _log.warning("%s/%s ended, and so did its topic: nothing is told", lineage.pipeline, lineage.step)
            return head
        self._metrics.closed(lineage.pipeline, lineage.step, "SUPERSEDED")
        yield self._row(lineage, superseded(lineage, head.window, draining.successor))
        return head._replace(window=head.window + 1)

    def _has_topic(self, step: str) -> bool:
        consumer, partitions = open_consumer(
            self._connection.bootstrap, [self._connection.topics.model_outputs(step)]
        )
        consumer.close()
        return bool(partitions)

    def _keep(self, draining: Draining | None) -> None:
        if draining:
            self._draining.update(draining.encode())
        else:
            self._draining.clear()

    def _fill(self, head: Head, chunk: Chunk, now: int) -> Generator[Row, None, Head]:
        watched = self._look_up(chunk)
        if not len(chunk.rows) and head.idle(watched.batch, now):
            head = yield from self._close(self._count(head, watched), watched)
        for part in cut(head, watched.batch, chunk.timestamp):
            if part.stop > part.start:
                self._rows.add(chunk.part(part.start, part.stop).encode())
                head = head.grown(part, now)
            if part.closes or part.slides or head.pending >= _MOST_PENDING:
                head = self._count(head, watched)
            if part.closes:
                head = yield from self._close(head, watched)
        return head

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
        self._metrics.closed(lineage.pipeline, lineage.step, verdict.state, verdict)
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
        epoch, watched = self._watched.get(chunk.key, (0, None))
        if watched is None or epoch != chunk.epoch:
            release = read_control(self._connection).releases.get((chunk.pipeline, chunk.generation))
            if release is None:
                control = self._connection.topics.control
                raise DeploymentError(
                    f"{control} holds no release {chunk.generation} of pipeline {chunk.pipeline}"
                )
            watched = watched_step(release, chunk.step, Models(self._site), self._rules)
            self._watched[chunk.key] = (chunk.epoch, watched)
        return watched
