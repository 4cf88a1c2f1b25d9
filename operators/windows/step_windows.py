"""One batched step's windows in its state, around pure windows, panes, reports and findings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from logging import INFO, WARNING
from typing import NamedTuple

from detectors.drift.confirmation import Streak
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules import PipelineRules
from operators.alerts.rules_cache import AlertRulesCache
from operators.control.release_cache import ReleaseCache
from operators.core.event_log import log_event
from operators.core.state import Blobs, Value
from operators.metrics.flink_metrics import WindowMetrics
from operators.models.runtimes.batched import WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from operators.pipeline.load import BatchedStepConfig, ModelCache, batched_step_config
from operators.storage.trusted_roots import ArtifactPolicy
from operators.windows.chunks import Chunk, decode, join
from operators.windows.findings import evaluate_window
from operators.windows.lineage import Lineage, lineage_of, merge_lineages
from operators.windows.pane import Pane, compact, decode_pane, keep, merge
from operators.windows.report import report, superseded
from operators.windows.superseded import SupersededWindow, decode_superseded
from operators.windows.window import OpenWindow, cut, decode_window

# Rows are counted so many at a time: one by one would cost more, and more would be held.
_MOST_PENDING = 1_000
_MOST_PANES = 24


class Report(NamedTuple):
    """A window's report, encoded, and where its rows came from."""

    lineage: Lineage
    body: bytes


class WindowState(NamedTuple):
    """The open window's head, its latest rows in blobs, the others in panes, and what is left of the window
    that the last change ended."""

    head: Value
    rows: Blobs
    panes: Blobs
    draining: Value


class StepWindows:
    """Gathers the chunks of the step that the key at hand names into windows, and reports on each.

    `rules` are the job's, for what a Monitor leaves out. `has_topic` tells whether a step that no pipeline
    has any more still has a topic for reports.
    """

    def __init__(
        self,
        state: WindowState,
        releases: ReleaseCache,
        alert_rules: AlertRulesCache,
        active_alerts: ActiveAlerts,
        metrics: WindowMetrics,
        rules: WindowRules,
        site: ArtifactPolicy,
        has_topic: Callable[[str], bool],
    ) -> None:
        self._head, self._rows, self._panes, self._draining = state
        self._releases = releases
        self._alert_rules = alert_rules
        self._active_alerts = active_alerts
        self._metrics = metrics
        self._rules = rules
        self._site = site
        self._has_topic = has_topic
        self._watched: dict[str, tuple[int, BatchedStepConfig]] = {}
        self._logged_late: set[tuple[str, int]] = set()

    def take(self, chunk: Chunk, now: int) -> Iterator[Report | AlertRecord]:
        """Add a chunk's rows; a report leaves for every window that they, the clock or a change end, and
        alerts where something changes by it."""
        yield from self._take(chunk, now)
        if self._active_alerts.is_firing():
            yield from self._active_alerts.resend_due(self._alerting(chunk).lifecycle, now)

    def finish(self, key: str, now: int) -> Iterator[Report | AlertRecord]:
        """Close the open window of the key at hand as it is, if it holds fresh rows: no more will come."""
        stored, watched = self._head.value(), self._watched.get(key, (0, None))[1]
        head = decode_window(bytes(stored)) if stored else None
        if head and head.fresh and watched:
            head = yield from self._close(self._count(head, watched), watched, now)
            self._head.update(head.encode())

    def _take(self, chunk: Chunk, now: int) -> Iterator[Report | AlertRecord]:
        stored, drained = self._head.value(), self._draining.value()
        if chunk.ended and not stored:
            return
        head = decode_window(bytes(stored)) if stored else OpenWindow(1, chunk.epoch)
        draining = decode_superseded(bytes(drained)) if drained else None
        before = (stored and head, draining)
        if chunk.epoch > head.epoch:
            if draining:
                head = yield from self._supersede(head, draining)
            draining = self._end(head, chunk, now)
            head = head.of_epoch(chunk.epoch)
            if chunk.ended:
                head = head._replace(streak=Streak())
                yield from self._active_alerts.update_alerts(self._alerting(chunk).lifecycle, {}, now)
        if chunk.epoch < head.epoch:
            draining = self._join(chunk, draining)
        elif not chunk.ended:
            head = yield from self._fill(head, chunk, now)
        if draining and chunk.epoch == head.epoch:
            draining = draining.with_subtask(chunk.sender, now)
        if draining and draining.is_complete(chunk.sender.subtasks, now):
            head = yield from self._supersede(head, draining)
            draining = None
        if (head, draining) != before:
            self._head.update(head.encode())
            self._keep(draining)
        watched = self._watched.get(chunk.key, (0, None))[1]
        size = watched.batch.rows if watched else None
        self._metrics.show_window(chunk.pipeline, chunk.step, head.rows, head.streak.confirmed, size)

    def _end(self, head: OpenWindow, chunk: Chunk, now: int) -> SupersededWindow:
        """Begin to drain the open window because a new epoch began."""
        draining = SupersededWindow(head.epoch, 0 if chunk.ended else chunk.generation, now, now)
        if head.fresh:
            parts = [*map(lineage_of, self._chunks()), *(pane.lineage for pane in self._counted())]
            draining = draining.with_rows(merge_lineages(parts))
        self._rows.clear()
        self._panes.clear()
        return draining

    def _join(self, chunk: Chunk, draining: SupersededWindow | None) -> SupersededWindow | None:
        """Put rows of an earlier epoch where they belong, if that is still there."""
        if not len(chunk.rows):
            return draining
        if draining and chunk.epoch == draining.epoch:
            return draining.with_rows(lineage_of(chunk))
        self._metrics.count_late(chunk.pipeline, chunk.step, len(chunk.rows))
        if (chunk.key, chunk.epoch) not in self._logged_late:
            self._logged_late.add((chunk.key, chunk.epoch))
            log_event(
                "LateRows", WARNING, pipeline=chunk.pipeline, step=chunk.step, generation=chunk.generation
            )
        return draining

    def _supersede(
        self, head: OpenWindow, draining: SupersededWindow
    ) -> Generator[Report | AlertRecord, None, OpenWindow]:
        """Report on what drained, if anything did, under the next number."""
        if (lineage := draining.lineage) is None:
            return head
        if not draining.successor and not self._has_topic(lineage.step):
            log_event("WindowDropped", WARNING, pipeline=lineage.pipeline, step=lineage.step, why="no topic")
            return head
        self._metrics.count_closed(lineage.pipeline, lineage.step, "SUPERSEDED")
        about = {"pipeline": lineage.pipeline, "step": lineage.step, "generation": lineage.generation}
        log_event("WindowSuperseded", INFO, **about, window=head.window, rows=lineage.rows)
        yield Report(lineage, superseded(lineage, head.window, draining.successor))
        return head._replace(window=head.window + 1)

    def _keep(self, draining: SupersededWindow | None) -> None:
        if draining:
            self._draining.update(draining.encode())
        else:
            self._draining.clear()

    def _fill(
        self, head: OpenWindow, chunk: Chunk, now: int
    ) -> Generator[Report | AlertRecord, None, OpenWindow]:
        watched = self._look_up(chunk)
        if not len(chunk.rows) and head.idle(watched.batch, now):
            head = yield from self._close(self._count(head, watched), watched, now)
        for part in cut(head, watched.batch, chunk.timestamp):
            if part.stop > part.start:
                self._rows.add(chunk.part(part.start, part.stop).encode())
                head = head.grown(part, now)
            if part.closes or part.slides or head.pending >= _MOST_PENDING:
                head = self._count(head, watched)
            if part.closes:
                head = yield from self._close(head, watched, now)
        return head

    def _count(self, head: OpenWindow, watched: BatchedStepConfig) -> OpenWindow:
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

    def _close(
        self, head: OpenWindow, watched: BatchedStepConfig, now: int
    ) -> Generator[Report | AlertRecord, None, OpenWindow]:
        panes, batch = self._counted(), watched.batch
        whole = merge(panes, watched.step.add)
        lineage = whole.lineage
        rules = self._alert_rules.get(lineage.pipeline, lineage.generation)
        verdict = watched.step.judge(whole.counts, lineage.rows, watched.rules).redacted(rules.hides)
        streak = watched.rules.confirmation.after(head.streak, verdict.state, head.window)
        self._metrics.count_closed(lineage.pipeline, lineage.step, verdict.state, verdict)
        yield Report(lineage, report(lineage, head.window, verdict, streak, watched.digest))
        quality = isinstance(watched.step, DataQualityModel)
        rule = rules.of_step(lineage.step, quality=quality)
        found = dict([evaluate_window(rule, lineage, head.window, verdict, streak)])
        yield from self._active_alerts.update_alerts(rules.lifecycle, found, now)
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

    def _alerting(self, chunk: Chunk) -> PipelineRules:
        return self._alert_rules.get(chunk.pipeline, chunk.generation - int(chunk.ended))

    def _look_up(self, chunk: Chunk) -> BatchedStepConfig:
        """Return what the chunk's release says of the step."""
        epoch, watched = self._watched.get(chunk.key, (0, None))
        if watched is None or epoch != chunk.epoch:
            release = self._releases.get(chunk.pipeline, chunk.generation)
            watched = batched_step_config(release, chunk.step, ModelCache(self._site), self._rules)
            self._watched[chunk.key] = (chunk.epoch, watched)
        return watched
