"""Flink metrics by labels, made when they are first needed. docs/metrics.md lists them.

PyFlink's gauges are whole numbers and its distributions do not arrive, so shares are in parts per million,
and a histogram is a counter for each bucket, labelled `le` as Prometheus' own. All of it belongs to the
thread that Flink calls.
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

MILLION = 1_000_000
_LE = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
# Enough of a digest to tell models apart.
_SHORT = 12
_HAPPENED = {"Serving": "generations_served", "LoadFailed": "load_failures"}


class Metrics:
    """Counters and gauges of one subtask."""

    def __init__(self, group: Any) -> None:
        self._group = group.add_group("weir")
        self._counters: dict[tuple[object, ...], Any] = {}
        self._values: dict[tuple[object, ...], int] = {}

    def count(self, name: str, n: int, **labels: str) -> None:
        """Add to a counter; adding 0 makes it."""
        key = (name, *labels.items())
        if key not in self._counters:
            self._counters[key] = self._labelled(labels).counter(name)
        elif not n:
            return
        self._counters[key].inc(n)

    def show(self, name: str, value: int, **labels: str) -> None:
        """Set a gauge."""
        key = (name, *labels.items())
        known = key in self._values
        self._values[key] = value
        if not known:
            self._labelled(labels).gauge(name, partial(self._values.__getitem__, key))

    def _labelled(self, labels: Mapping[str, str]) -> Any:
        group = self._group
        for label, value in labels.items():
            group = group.add_group(label, value)
        return group


class PipelineMetrics:
    """What infer counts, by pipeline and step."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._models: dict[str, dict[str, str]] = {}

    def count(self, tallies: Mapping[str, Tally]) -> None:
        """Add what a micro-batch did."""
        for pipeline, tally in tallies.items():
            self._pipeline(pipeline, tally)
            for step, one in tally.steps.items():
                self._step(pipeline, step, one)

    def count_event(self, event: Event) -> None:
        """Count a generation that serves or cannot be loaded."""
        for what, name in _HAPPENED.items():
            self._metrics.count(name, int(what == event.what), pipeline=event.pipeline)

    def count_skipped(self, topic: str, records: int) -> None:
        """Count records on a topic that could not be used; 0 shows that none was."""
        self._metrics.count("skipped_records", records, topic=topic)

    def show_serving(self, pipeline: str, generation: int, head: int, digests: Mapping[str, str]) -> None:
        """Show which generation and models serve a pipeline, and which should; none (0) after its end."""
        self._metrics.show("generation", generation, pipeline=pipeline)
        self._metrics.show("head_generation", head, pipeline=pipeline)
        there = {name: digest.removeprefix("sha256:")[:_SHORT] for name, digest in digests.items()}
        for step, digest in self._models.get(pipeline, {}).items() - there.items():
            self._metrics.show("model_serves", 0, pipeline=pipeline, step=step, digest=digest)
        for step, digest in there.items():
            self._metrics.show("model_serves", 1, pipeline=pipeline, step=step, digest=digest)
        self._models[pipeline] = there

    def _pipeline(self, pipeline: str, tally: Tally) -> None:
        count = self._metrics.count
        count("requests", tally.requests, pipeline=pipeline)
        count("failed", tally.failed, pipeline=pipeline)
        count("request_milliseconds", tally.milliseconds, pipeline=pipeline)
        self._buckets("request_seconds_bucket", tally.buckets, pipeline=pipeline)
        for step, reasons in tally.errors.items():
            for reason, n in reasons.items():
                count("errors", n, pipeline=pipeline, step=step or "-", reason=reason)

    def _step(self, pipeline: str, step: str, tally: StepTally) -> None:
        count = partial(self._metrics.count, pipeline=pipeline, step=step)
        count("rows", tally.rows)
        count("batches", tally.batches)
        if tally.outliers is not None:
            count("outliers", tally.outliers)
        count("busy_microseconds", tally.microseconds)
        self._buckets("step_seconds_bucket", tally.buckets, pipeline=pipeline, step=step)
        for feature, issues in tally.bad_values.items():
            for issue, n in issues.items():
                count("bad_values", n, feature=feature, issue=issue)

    def _buckets(self, name: str, buckets: Sequence[int], **labels: str) -> None:
        """Add to the buckets of a histogram: as Prometheus reads them, each holds those below it too."""
        for le, n in zip(_LE, accumulate(buckets), strict=True):
            self._metrics.count(name, n, **labels, le=le)


class WindowMetrics:
    """What the monitor counts, by pipeline and step."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def count_late(self, pipeline: str, step: str, rows: int) -> None:
        """Count rows that are in no window."""
        self._metrics.count("late_rows", rows, pipeline=pipeline, step=step)

    def show_window(self, pipeline: str, step: str, rows: int, confirmed: bool, size: int | None) -> None:
        """Show the rows of the open window and its size, and whether the windows before it confirmed drift
        or violations."""
        show = partial(self._metrics.show, pipeline=pipeline, step=step)
        self.count_late(pipeline, step, 0)
        show("window_rows", rows)
        show("confirmed", int(confirmed))
        if size is not None:
            show("window_size", size)

    def count_closed(self, pipeline: str, step: str, state: State, verdict: Verdict | None = None) -> None:
        """Count a window that closed, and show what was found of each feature: of the columns that encode
        it, those that moved most."""
        self._metrics.count("windows", 1, pipeline=pipeline, step=step, state=state)
        columns_of: dict[str, list[dict[str, Any]]] = {}
        for one in verdict.about.get("features", ()) if verdict else ():
            columns_of.setdefault(one["feature"], []).append(one)
        for feature, columns in list(columns_of.items())[:MOST_FEATURES]:
            show = partial(self._metrics.show, pipeline=pipeline, step=step, feature=feature)
            if "violating" in columns[0]:
                show("violating", int(any(one["violating"] for one in columns)))
            else:
                show("drifted", int(any(one["guilty"] for one in columns)))
                show("p_value_ppm", round(min(one["p_val"] for one in columns) * MILLION))
                show("effect_ppm", round(max(one["effect"] for one in columns) * MILLION))
