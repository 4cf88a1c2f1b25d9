"""The windows of one batched step: the code of the job, with state in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import time

from jobs.streaming.settings import Settings
from jobs.traffic.local.emitted_records import EmittedReport
from jobs.traffic.local.flink_in_memory import DiscardedMetrics, MemoryBlobs, MemoryValue
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules_cache import AlertRulesCache
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.release_cache import ReleaseCache
from operators.core.state import Blobs
from operators.metrics.flink_metrics import Metrics, WindowMetrics
from operators.resources.seldon_schema import Batch
from operators.rows.counted_rows import Arrived
from operators.windows.report import Report
from operators.windows.step_configs import StepConfigs
from operators.windows.step_windows import StepWindows, WindowState
from operators.windows.window import decode_window


class LocalWindows:
    """Gathers the rows of one batched step of a release, and reports each window that they close.

    The counted rows of the open window are kept in `panes`.
    """

    def __init__(
        self, release: Release, step: str, batch: Batch, settings: Settings, panes: Blobs | None = None
    ) -> None:
        self._batch = batch
        self._topic = settings.topics.model_outputs(step)
        self._head = MemoryValue()
        self._last: Arrived | None = None
        control = ControlState.empty()
        control.releases[release.name, release.generation] = release
        releases = ReleaseCache(settings.topics, lambda: control)
        self._windows = StepWindows(
            WindowState(self._head, MemoryBlobs(), MemoryBlobs() if panes is None else panes, MemoryValue()),
            StepConfigs(releases, settings.site, settings.rules),
            AlertRulesCache(settings.topics, releases),
            ActiveAlerts(MemoryValue()),
            WindowMetrics(Metrics(DiscardedMetrics())),
            lambda step: True,
        )

    @property
    def room(self) -> int:
        """Number of rows after which the open window closes."""
        return self._batch.rows - (decode_window(self._head.stored).rows if self._head.stored else 0)

    def add(self, chunk: Arrived) -> Iterator[EmittedReport]:
        """Add the rows of a chunk, and yield the reports of the windows that it closes."""
        self._last = chunk
        return self._reports(self._windows.take(chunk, _now()), partial=False)

    def finish(self) -> Iterator[EmittedReport]:
        """Close the open window, because there are no more rows, and yield its report."""
        emitted = self._windows.finish(self._last, _now()) if self._last else ()
        return self._reports(emitted, partial=True)

    def _reports(self, emitted: Iterable[Report | AlertRecord], *, partial: bool) -> Iterator[EmittedReport]:
        for record in emitted:
            if isinstance(record, Report):
                yield EmittedReport(self._topic, partial, record.body)


def _now() -> int:
    return int(time() * 1000)
