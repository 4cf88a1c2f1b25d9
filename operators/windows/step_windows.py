"""One batched step's windows in keyed state, built on pure windows, panes, reports and findings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from logging import INFO, WARNING
from typing import NamedTuple

from detectors.drift.confirmation import Streak
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules import PipelineRules
from operators.alerts.rules_cache import AlertRulesCache
from operators.core.event_log import log_event
from operators.core.state import Blobs, Value
from operators.metrics.flink_metrics import WindowMetrics
from operators.models.runtimes.data_quality import DataQualityModel
from operators.pipeline.load import BatchedStepConfig
from operators.windows.chunks import Chunk
from operators.windows.findings import evaluate_window
from operators.windows.lineage import Lineage, lineage_of
from operators.windows.pane import keep, merge
from operators.windows.report import encode_report, superseded_report
from operators.windows.step_configs import StepConfigs
from operators.windows.superseded import SupersededWindow, decode_superseded
from operators.windows.window import OpenWindow, cut, decode_window
from operators.windows.window_rows import WindowRows

# Count rows in groups of this size: smaller groups cost more time, larger ones more state.
_MAX_PENDING_ROWS = 1_000


class Report(NamedTuple):
    """The encoded report of a window, and the lineage of its rows."""

    lineage: Lineage
    body: bytes


class WindowState(NamedTuple):
    """Keyed state of a step: the open window, its pending rows, its panes, and the superseded window.

    `rows` contains encoded chunks. The superseded window is the one that the latest epoch ended; it is empty
    once that window is reported.
    """

    window: Value
    rows: Blobs
    panes: Blobs
    superseded: Value


class StepWindows:
    """Gathers the chunks of the step that is the current key into windows, and emits a report of each.

    `has_topic` returns whether the topic of a step's reports exists; it is called for steps that no live
    pipeline contains.
    """

    def __init__(
        self,
        state: WindowState,
        configs: StepConfigs,
        alert_rules: AlertRulesCache,
        active_alerts: ActiveAlerts,
        metrics: WindowMetrics,
        has_topic: Callable[[str], bool],
    ) -> None:
        self._window, self._superseded = state.window, state.superseded
        self._rows = WindowRows(state.rows, state.panes)
        self._configs = configs
        self._alert_rules = alert_rules
        self._active_alerts = active_alerts
        self._metrics = metrics
        self._has_topic = has_topic
        self._logged_late: set[tuple[str, int]] = set()

    def take(self, chunk: Chunk, now: int) -> Iterator[Report | AlertRecord]:
        """Add a chunk's rows. Yield a report of each window that ends, and alerts that change or are due.

        Rows, the clock or a new epoch end a window. `now` is the clock's time in milliseconds since 1970.
        """
        yield from self._take(chunk, now)
        if self._active_alerts.is_firing():
            yield from self._active_alerts.resend_due(self._rules_of(chunk).lifecycle, now)

    def finish(self, key: str, now: int) -> Iterator[Report | AlertRecord]:
        """Close the open window of the current key if it has fresh rows. Call it when no more rows follow."""
        stored, config = self._window.value(), self._configs.loaded(key)
        window = decode_window(bytes(stored)) if stored else None
        if window and window.fresh and config:
            window = yield from self._close(self._rows.count(window, config), config, now)
            self._window.update(window.encode())

    def _take(self, chunk: Chunk, now: int) -> Iterator[Report | AlertRecord]:
        stored, stored_superseded = self._window.value(), self._superseded.value()
        if chunk.ended and not stored:
            return
        window = decode_window(bytes(stored)) if stored else OpenWindow(1, chunk.epoch)
        superseded = decode_superseded(bytes(stored_superseded)) if stored_superseded else None
        before = (stored and window, superseded)
        if chunk.epoch > window.epoch:
            if superseded:
                window = yield from self._supersede(window, superseded)
            superseded = self._end(window, chunk, now)
            window = window.of_epoch(chunk.epoch)
            if chunk.ended:
                window = window._replace(streak=Streak())
                yield from self._active_alerts.update_alerts(self._rules_of(chunk).lifecycle, {}, now)
        if chunk.epoch < window.epoch:
            superseded = self._add_earlier_rows(chunk, superseded)
        elif not chunk.ended:
            window = yield from self._fill(window, chunk, now)
        if superseded and chunk.epoch == window.epoch:
            superseded = superseded.with_subtask(chunk.sender, now)
        if superseded and superseded.is_complete(chunk.sender.subtasks, now):
            window = yield from self._supersede(window, superseded)
            superseded = None
        if (window, superseded) != before:
            self._window.update(window.encode())
            self._store_superseded(superseded)
        config = self._configs.loaded(chunk.key)
        size = config.batch.rows if config else None
        self._metrics.show_window(chunk.pipeline, chunk.step, window.rows, window.streak.confirmed, size)

    def _end(self, window: OpenWindow, chunk: Chunk, now: int) -> SupersededWindow:
        """Return the open window as superseded, because a new epoch began, and clear its state."""
        superseded = SupersededWindow(window.epoch, 0 if chunk.ended else chunk.generation, now, now)
        if window.fresh:
            superseded = superseded.with_rows(self._rows.lineage())
        self._rows.clear()
        return superseded

    def _add_earlier_rows(self, chunk: Chunk, superseded: SupersededWindow | None) -> SupersededWindow | None:
        """Add rows of an earlier epoch to its superseded window; count them as late if that is reported."""
        if not len(chunk.rows):
            return superseded
        if superseded and chunk.epoch == superseded.epoch:
            return superseded.with_rows(lineage_of(chunk))
        self._metrics.count_late(chunk.pipeline, chunk.step, len(chunk.rows))
        if (chunk.key, chunk.epoch) not in self._logged_late:
            self._logged_late.add((chunk.key, chunk.epoch))
            log_event(
                "LateRows", WARNING, pipeline=chunk.pipeline, step=chunk.step, generation=chunk.generation
            )
        return superseded

    def _supersede(
        self, window: OpenWindow, superseded: SupersededWindow
    ) -> Generator[Report | AlertRecord, None, OpenWindow]:
        """Report a superseded window, if it has rows, under the next number."""
        if (lineage := superseded.lineage) is None:
            return window
        if not superseded.successor and not self._has_topic(lineage.step):
            log_event("WindowDropped", WARNING, pipeline=lineage.pipeline, step=lineage.step, why="no topic")
            return window
        self._metrics.count_closed(lineage.pipeline, lineage.step, "SUPERSEDED")
        about = {"pipeline": lineage.pipeline, "step": lineage.step, "generation": lineage.generation}
        log_event("WindowSuperseded", INFO, **about, window=window.number, rows=lineage.rows)
        yield Report(lineage, superseded_report(lineage, window.number, superseded.successor))
        return window._replace(number=window.number + 1)

    def _store_superseded(self, superseded: SupersededWindow | None) -> None:
        if superseded:
            self._superseded.update(superseded.encode())
        else:
            self._superseded.clear()

    def _fill(
        self, window: OpenWindow, chunk: Chunk, now: int
    ) -> Generator[Report | AlertRecord, None, OpenWindow]:
        config = self._configs.load(chunk)
        if not len(chunk.rows) and window.is_overdue(config.batch, now):
            window = yield from self._close(self._rows.count(window, config), config, now)
        for part in cut(window, config.batch, chunk.timestamp):
            if part.stop > part.start:
                self._rows.add(chunk.part(part.start, part.stop))
                window = window.with_rows(part, now)
            if part.closes or part.slides or window.pending >= _MAX_PENDING_ROWS:
                window = self._rows.count(window, config)
            if part.closes:
                window = yield from self._close(window, config, now)
        return window

    def _close(
        self, window: OpenWindow, config: BatchedStepConfig, now: int
    ) -> Generator[Report | AlertRecord, None, OpenWindow]:
        panes = self._rows.panes()
        pane = merge(panes, config.step.add)
        lineage = pane.lineage
        rules = self._alert_rules.get(lineage.pipeline, lineage.generation)
        verdict = config.step.judge(pane.counts, lineage.rows, config.rules).redacted(rules.redaction)
        streak = config.rules.confirmation.after(window.streak, verdict.state, window.number)
        self._metrics.count_closed(lineage.pipeline, lineage.step, verdict.state, verdict)
        yield Report(lineage, encode_report(lineage, window.number, verdict, streak, config.digest))
        quality = isinstance(config.step, DataQualityModel)
        rule = rules.of_step(lineage.step, quality=quality)
        findings = dict([evaluate_window(rule, lineage, window.number, verdict, streak)])
        yield from self._active_alerts.update_alerts(rules.lifecycle, findings, now)
        rows = config.batch.kept(lineage.rows)
        kept = self._rows.replace_panes(keep(panes, rows, config.batch.slide))
        return window._replace(streak=streak).closed(rows, kept)

    def _rules_of(self, chunk: Chunk) -> PipelineRules:
        return self._alert_rules.get(chunk.pipeline, chunk.generation - int(chunk.ended))
