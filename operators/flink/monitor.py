"""`monitor`, the job's keyed function: an adapter between Flink's elements and keyed state."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from logging import ERROR, INFO
from time import time

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules_cache import AlertRulesCache
from operators.control.control_topic import read_control
from operators.control.release_cache import ReleaseCache
from operators.core.event_log import log_event
from operators.core.memory import collect_garbage_rarely
from operators.core.state import Blobs, Value
from operators.flink.python_worker import prepare_worker
from operators.kafka.connection import Connection
from operators.kafka.consumer import topic_exists
from operators.kafka.topic_watch import TopicWatch
from operators.metrics.flink_metrics import Metrics, WindowMetrics
from operators.metrics.pipeline_tally import decode_tally, is_tally
from operators.models.runtimes.batched import WindowRules
from operators.storage.trusted_roots import ArtifactPolicy
from operators.windows.messages import decode_rows
from operators.windows.rate_windows import PipelineRates, Rates
from operators.windows.report import Report
from operators.windows.step_configs import StepConfigs
from operators.windows.step_windows import StepWindows, WindowState

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
OUTPUT_TYPE = Types.ROW_NAMED(
    ["topic", "key", "headers", "body"],
    [Types.STRING(), Types.STRING(), Types.MAP(Types.STRING(), Types.STRING()), BYTES],
)


class MonitorFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Gathers the chunks of a step and the tallies of a pipeline; emits reports, rates and alerts.

    `rules` are the job's defaults for values that a Monitor omits.
    """

    def __init__(self, connection: Connection, rules: WindowRules, site: ArtifactPolicy) -> None:
        self._connection = connection
        self._topics = connection.topics
        self._rules = rules
        self._site = site

    def open(self, runtime_context: RuntimeContext) -> None:
        """Bind the keyed state."""
        prepare_worker()

        def value(name: str) -> Value:
            return runtime_context.get_state(ValueStateDescriptor(name, BYTES))  # type: ignore[no-any-return]

        def blobs(name: str) -> Blobs:
            return runtime_context.get_list_state(ListStateDescriptor(name, BYTES))  # type: ignore[no-any-return]

        metrics = WindowMetrics(Metrics(runtime_context.get_metrics_group()))
        releases = ReleaseCache(self._topics, partial(read_control, self._connection))
        alert_rules = AlertRulesCache(self._topics, releases)
        active_alerts = ActiveAlerts(value("alerts"))
        state = WindowState(value("head"), blobs("rows"), blobs("panes"), value("draining"))
        configs = StepConfigs(releases, self._site, self._rules)
        self._windows = StepWindows(state, configs, alert_rules, active_alerts, metrics, self._has_topic)
        self._rates = PipelineRates(value("slice"), value("slices"), active_alerts, alert_rules.get)
        self._topic_watch = TopicWatch(self._connection.brokers)
        self._topic_watch.want([self._topics.alerts, self._topics.rates])
        self._topic_watch.start()
        collect_garbage_rarely()

    def close(self) -> None:
        """Stop the background thread."""
        self._topic_watch.close()

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Process an encoded tally, chunk, or counted rows, and yield the records to produce."""
        data, now = bytes(value[0]), int(time() * 1000)
        emitted: Iterator[Report | Rates | AlertRecord]
        if is_tally(data):
            emitted = self._rates.take(decode_tally(data), now)
        else:
            rows = decode_rows(data)
            if self._topic_watch.want([self._topics.model_outputs(rows.step)]):
                self._topic_watch.check()
            emitted = self._windows.take(rows, now)
        yield from filter(None, map(self._row, emitted))

    def _has_topic(self, step: str) -> bool:
        return topic_exists(self._connection.brokers, self._topics.model_outputs(step))

    def _row(self, emitted: Report | Rates | AlertRecord) -> Row | None:
        """Return the row of a record; None, with an event, if its topic does not exist."""
        if isinstance(emitted, AlertRecord):
            labels = emitted.alert.labels
            fields = {name: labels.get(name, "") for name in ("pipeline", "step", "severity")}
            log_event(f"Alert{emitted.alert.status.capitalize()}", INFO, alert=labels["alertname"], **fields)
        record = emitted.record(self._topics)
        if record.topic in self._topic_watch.missing:
            log_event("RecordDropped", ERROR, topic=record.topic, key=record.key, why="no topic")
            return None
        return Row(*record)
