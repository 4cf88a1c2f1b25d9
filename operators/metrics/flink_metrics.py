"""Labelled Flink metrics, registered at first use. docs/metrics.md lists them.

PyFlink's gauges are integers, so shares are in parts per million. Its distributions do not reach the
reporters, so a histogram is one counter per bucket with the label `le`, as in Prometheus. Only the thread
that Flink calls may use these classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from detectors.drift.judgement import State
from operators.control.status import Event
from operators.metrics.tally import BOUNDS, MOST_FEATURES, StepTally, Tally
from operators.models.runtimes.batched import Verdict
from operators.models.runtimes.verdict_details import DriftFeature, QualityDetails

MILLION = 1_000_000
_LE = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
# These first characters of a digest distinguish models.
_SHORT_DIGEST = 12
_EVENT_COUNTERS = {
    "Serving": "generations_served",
    "LoadFailed": "load_failures",
    "ModelCrashed": "model_crashes",
    "ModelTimedOut": "model_timeouts",
    "Quarantined": "quarantines",
}


class Metrics:
    """The counters and gauges of one subtask, by name and labels."""

    def __init__(self, group: Any) -> None:
        self._group = group.add_group("weir")
        self._counters: dict[tuple[object, ...], Any] = {}
        self._values: dict[tuple[object, ...], int] = {}

    def count(self, name: str, n: int, **labels: str) -> None:
        """Add to a counter. Adding 0 registers it."""
        key = (name, *labels.items())
        if key not in self._counters:
            self._counters[key] = self._labelled(labels).counter(name)
        elif not n:
            return
        self._counters[key].inc(n)

    def show(self, name: str, value: int, **labels: str) -> None:
        """Set a gauge."""
        key = (name, *labels.items())
        is_new = key not in self._values
        self._values[key] = value
        if is_new:
            self._labelled(labels).gauge(name, partial(self._values.__getitem__, key))

    def _labelled(self, labels: Mapping[str, str]) -> Any:
        group = self._group
        for label, value in labels.items():
            group = group.add_group(label, value)
        return group


class PipelineMetrics:
    """The metrics of `infer`, by pipeline and step."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._models: dict[str, dict[str, str]] = {}

    def count(self, tallies: Mapping[str, Tally]) -> None:
        """Add the tallies of a micro-batch, by pipeline."""
        for pipeline, tally in tallies.items():
            self._count_pipeline(pipeline, tally)
            for step, step_tally in tally.steps.items():
                self._count_step(pipeline, step, step_tally)

    def count_event(self, event: Event) -> None:
        """Count an event of a generation, such as that it serves or could not be loaded."""
        for what, name in _EVENT_COUNTERS.items():
            self._metrics.count(name, int(what == event.what), pipeline=event.pipeline)

    def count_skipped(self, topic: str, records: int) -> None:
        """Count the skipped records of a topic; 0 registers the counter."""
        self._metrics.count("skipped_records", records, topic=topic)

    def show_serving(self, pipeline: str, generation: int, head: int, digests: Mapping[str, str]) -> None:
        """Show the generation and the models that serve a pipeline, and its head; 0 after its deletion."""
        self._metrics.show("generation", generation, pipeline=pipeline)
        self._metrics.show("head_generation", head, pipeline=pipeline)
        models = {name: digest.removeprefix("sha256:")[:_SHORT_DIGEST] for name, digest in digests.items()}
        for step, digest in self._models.get(pipeline, {}).items() - models.items():
            self._metrics.show("model_serves", 0, pipeline=pipeline, step=step, digest=digest)
        for step, digest in models.items():
            self._metrics.show("model_serves", 1, pipeline=pipeline, step=step, digest=digest)
        self._models[pipeline] = models

    def _count_pipeline(self, pipeline: str, tally: Tally) -> None:
        count = self._metrics.count
        count("requests", tally.requests, pipeline=pipeline)
        count("failed", tally.failed, pipeline=pipeline)
        count("request_milliseconds", tally.milliseconds, pipeline=pipeline)
        self._count_buckets("request_seconds_bucket", tally.buckets, pipeline=pipeline)
        for step, reasons in tally.errors.items():
            for reason, n in reasons.items():
                count("errors", n, pipeline=pipeline, step=step or "-", reason=reason)

    def _count_step(self, pipeline: str, step: str, tally: StepTally) -> None:
        count = partial(self._metrics.count, pipeline=pipeline, step=step)
        count("rows", tally.rows)
        count("batches", tally.batches)
        if tally.outliers is not None:
            count("outliers", tally.outliers)
        count("busy_microseconds", tally.microseconds)
        self._count_buckets("step_seconds_bucket", tally.buckets, pipeline=pipeline, step=step)
        for feature, issues in tally.bad_values.items():
            for issue, n in issues.items():
                count("bad_values", n, feature=feature, issue=issue)

    def _count_buckets(self, name: str, buckets: Sequence[int], **labels: str) -> None:
        """Add to the buckets of a histogram. They are cumulative, as Prometheus expects."""
        for le, n in zip(_LE, accumulate(buckets), strict=True):
            self._metrics.count(name, n, **labels, le=le)


class WindowMetrics:
    """The metrics of `monitor`, by pipeline and step."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def count_late(self, pipeline: str, step: str, rows: int) -> None:
        """Count rows that arrived too late for their window."""
        self._metrics.count("late_rows", rows, pipeline=pipeline, step=step)

    def show_window(self, pipeline: str, step: str, rows: int, confirmed: bool, size: int | None) -> None:
        """Show the rows and the size of the open window, and whether earlier windows confirmed a finding.

        A finding is drift or a violation. `size` is None while the step's configuration is not loaded.
        """
        show = partial(self._metrics.show, pipeline=pipeline, step=step)
        self.count_late(pipeline, step, 0)
        show("window_rows", rows)
        show("confirmed", int(confirmed))
        if size is not None:
            show("window_size", size)

    def count_closed(self, pipeline: str, step: str, state: State, verdict: Verdict | None = None) -> None:
        """Count a closed window, and show the verdict on each feature.

        Several columns can encode a feature: the smallest p-value and the largest effect of them are shown.
        """
        self._metrics.count("windows", 1, pipeline=pipeline, step=step, state=state)
        if verdict is None:
            return
        show = partial(self._metrics.show, pipeline=pipeline, step=step)
        if isinstance(verdict.details, QualityDetails):
            for feature in verdict.details.features[:MOST_FEATURES]:
                show("violating", int(bool(feature.violating)), feature=feature.feature)
            return
        columns_of: dict[str, list[DriftFeature]] = {}
        for column in verdict.details.features:
            columns_of.setdefault(column.feature, []).append(column)
        for name, columns in list(columns_of.items())[:MOST_FEATURES]:
            show("drifted", int(any(one.drifted for one in columns)), feature=name)
            show("p_value_ppm", round(min(one.p_val or 0.0 for one in columns) * MILLION), feature=name)
            show("effect_ppm", round(max(one.effect or 0.0 for one in columns) * MILLION), feature=name)
