"""Carries out the effects that `advance` returns, on keyed state, metrics, logs, reports and alerts."""

from __future__ import annotations

from collections.abc import Generator
from logging import INFO, WARNING
from typing import NamedTuple

from detectors.drift.confirmation import Streak
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules_cache import AlertRulesCache
from operators.core.event_log import log_event
from operators.metrics.flink_metrics import WindowMetrics
from operators.models.runtimes.data_quality import DataQualityModel
from operators.pipeline.load import BatchedStepConfig
from operators.rows.chunks import Chunk
from operators.rows.counted_rows import Arrived
from operators.rows.pane import keep, merge
from operators.windows.advance import (
    AddPane,
    AddRows,
    ClearRows,
    CloseWindow,
    CountLateRows,
    CountRows,
    DropSuperseded,
    Effect,
    ReportSuperseded,
    ResolveAlerts,
)
from operators.windows.findings import evaluate_window
from operators.windows.report import Report, encode_report, superseded_report
from operators.windows.step_configs import StepConfigs
from operators.windows.window_rows import WindowRows


class Counted(NamedTuple):
    """What effects change of an open window: the number of its panes, and the streak of those before it."""

    panes: int
    streak: Streak


Emitted = Generator[Report | AlertRecord, None, Counted]


class WindowEffects:
    """Carries out effects for the step that is the current key."""

    def __init__(
        self,
        rows: WindowRows,
        configs: StepConfigs,
        alert_rules: AlertRulesCache,
        active_alerts: ActiveAlerts,
        metrics: WindowMetrics,
    ) -> None:
        self._rows = rows
        self._configs = configs
        self._alert_rules = alert_rules
        self._active_alerts = active_alerts
        self._metrics = metrics
        self._logged_late: set[tuple[str, int]] = set()

    def apply(self, effect: Effect, chunk: Arrived, counted: Counted, now: int) -> Emitted:
        """Carry out one effect of a chunk; yield reports and alerts."""
        match effect:
            case AddRows(start, stop):
                assert isinstance(chunk, Chunk)
                self._rows.add(chunk.part(start, stop))
            case AddPane(pane):
                panes = self._rows.add_pane(pane, counted.panes, self._configs.load(chunk))
                counted = counted._replace(panes=panes)
            case CountRows():
                panes = self._rows.count(counted.panes, self._configs.load(chunk))
                counted = counted._replace(panes=panes)
            case CloseWindow():
                counted = yield from self._close(effect, self._configs.load(chunk), counted.streak, now)
            case ClearRows():
                self._rows.clear()
                counted = counted._replace(panes=0)
            case ReportSuperseded():
                yield self._report_superseded(effect)
            case DropSuperseded(lineage):
                where = {"pipeline": lineage.pipeline, "step": lineage.step}
                log_event("WindowDropped", WARNING, **where, why="no topic")
            case CountLateRows(rows):
                self._count_late(chunk, rows)
            case ResolveAlerts():
                rules = self._alert_rules.get(chunk.pipeline, chunk.generation - 1)
                yield from self._active_alerts.update_alerts(rules.lifecycle, {}, now)
                counted = counted._replace(streak=Streak())
        return counted

    def _close(self, window: CloseWindow, config: BatchedStepConfig, streak: Streak, now: int) -> Emitted:
        panes = self._rows.panes()
        pane = merge(panes, config.step.add)
        lineage = pane.lineage
        rules = self._alert_rules.get(lineage.pipeline, lineage.generation)
        verdict = config.step.judge(pane.counts, lineage.rows, config.rules).redacted(rules.redaction)
        streak = config.rules.confirmation.after(streak, verdict.state, window.number)
        self._metrics.count_closed(lineage.pipeline, lineage.step, verdict.state, verdict)
        yield Report(lineage, encode_report(lineage, window.number, verdict, streak, config.digest))
        rule = rules.of_step(lineage.step, quality=isinstance(config.step, DataQualityModel))
        findings = dict([evaluate_window(rule, lineage, window.number, verdict, streak)])
        yield from self._active_alerts.update_alerts(rules.lifecycle, findings, now)
        return Counted(self._rows.replace_panes(keep(panes, window.kept, config.batch.slide)), streak)

    def _report_superseded(self, window: ReportSuperseded) -> Report:
        lineage = window.lineage
        self._metrics.count_closed(lineage.pipeline, lineage.step, "SUPERSEDED")
        where = {"pipeline": lineage.pipeline, "step": lineage.step, "generation": lineage.generation}
        log_event("WindowSuperseded", INFO, **where, window=window.number, rows=lineage.rows)
        return Report(lineage, superseded_report(lineage, window.number, window.successor))

    def _count_late(self, chunk: Arrived, rows: int) -> None:
        self._metrics.count_late(chunk.pipeline, chunk.step, rows)
        if (chunk.key, chunk.epoch) not in self._logged_late:
            self._logged_late.add((chunk.key, chunk.epoch))
            where = {"pipeline": chunk.pipeline, "step": chunk.step, "generation": chunk.generation}
            log_event("LateRows", WARNING, **where)
