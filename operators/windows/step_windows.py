"""One batched step's windows in keyed state: state → `advance` → effects and state."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules_cache import AlertRulesCache
from operators.core.state import Blobs, Value
from operators.metrics.flink_metrics import WindowMetrics
from operators.rows.counted_rows import Arrived
from operators.windows.advance import Effect, Lookups, StepState, advance, finish
from operators.windows.effects import Counted, WindowEffects
from operators.windows.report import Report
from operators.windows.step_configs import StepConfigs
from operators.windows.superseded import decode_superseded
from operators.windows.window import OpenWindow, decode_window
from operators.windows.window_rows import WindowRows


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
        self._effects = WindowEffects(self._rows, configs, alert_rules, active_alerts, metrics)

    def take(self, chunk: Arrived, now: int) -> Iterator[Report | AlertRecord]:
        """Add a chunk's rows. Yield a report of each window that ends, and alerts that change or are due.

        Rows, the clock or a new epoch end a window. `now` is the clock's time in milliseconds since 1970.
        """
        stored = self._load()
        if stored or not chunk.ended:
            before = stored or StepState(OpenWindow(1, chunk.epoch))
            after, effects = advance(before, chunk, now, self._lookups(chunk))
            after = yield from self._apply(effects, before, after, chunk, now)
            if after != stored:
                self._store(after)
            self._show(after.window, chunk)
        if self._active_alerts.is_firing():
            rules = self._alert_rules.get(chunk.pipeline, chunk.generation - int(chunk.ended))
            yield from self._active_alerts.resend_due(rules.lifecycle, now)

    def finish(self, chunk: Arrived, now: int) -> Iterator[Report | AlertRecord]:
        """Close the open window of a chunk's step if it has fresh rows. Call it when no more rows follow."""
        if before := self._load():
            window, effects = finish(before.window, self._configs.load(chunk).batch)
            after = yield from self._apply(effects, before, before._replace(window=window), chunk, now)
            self._store(after)

    def _load(self) -> StepState | None:
        stored, superseded = self._window.value(), self._superseded.value()
        if not stored:
            return None
        return StepState(
            decode_window(bytes(stored)), decode_superseded(bytes(superseded)) if superseded else None
        )

    def _store(self, state: StepState) -> None:
        self._window.update(state.window.encode())
        if state.superseded:
            self._superseded.update(state.superseded.encode())
        else:
            self._superseded.clear()

    def _lookups(self, chunk: Arrived) -> Lookups:
        return Lookups(
            batch=lambda: self._configs.load(chunk).batch,
            lineage=self._rows.lineage,
            has_topic=lambda: self._has_topic(chunk.step),
        )

    def _apply(
        self, effects: list[Effect], before: StepState, after: StepState, chunk: Arrived, now: int
    ) -> Generator[Report | AlertRecord, None, StepState]:
        """Carry out the effects. Return the state with what they have changed of the open window."""
        counted = Counted(before.window.panes, before.window.streak)
        for effect in effects:
            counted = yield from self._effects.apply(effect, chunk, counted, now)
        self._rows.save()
        return after._replace(window=after.window._replace(panes=counted.panes, streak=counted.streak))

    def _show(self, window: OpenWindow, chunk: Arrived) -> None:
        config = self._configs.loaded(chunk.key)
        size = config.batch.rows if config else None
        self._metrics.show_window(chunk.pipeline, chunk.step, window.rows, window.streak.confirmed, size)
