"""Tallies: counts of requests, rows and errors of a pipeline, for one or more micro-batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.quality.issues import ISSUES
from operators.core.errors import MalformedError
from operators.core.foreign_json import require_name, require_number
from operators.core.micro_batch import FAILED, TICK, RequestBatch, ResponseBatch
from operators.core.redaction import Redaction
from operators.core.tensors import Tensors

# Upper bounds of histogram buckets in seconds, for requests and steps. The last bucket is unbounded.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Features after the first 200 are counted together as `OTHER`, to limit the number of metrics.
MOST_FEATURES = 200
OTHER = "other"
# The pipeline name of requests that no live pipeline reads.
NO_PIPELINE = "(none)"
# Counts by two names, for example step and reason.
Counts = dict[str, dict[str, int]]


def _empty_buckets() -> list[int]:
    return [0] * (len(BOUNDS) + 1)


class StepTally(msgspec.Struct):
    """The counts of a step: its `rows`, its calls (`batches`), and their total time in microseconds.

    `buckets` counts rows by the duration of their call. `outliers` counts flagged rows; it is None for a step
    that does not flag rows. `bad_values` counts by feature and issue.
    """

    rows: int = 0
    batches: int = 0
    microseconds: int = 0
    buckets: list[int] = msgspec.field(default_factory=_empty_buckets)
    outliers: int | None = None
    bad_values: Counts = msgspec.field(default_factory=dict)

    def record_call(self, rows: int, seconds: float) -> None:
        """Add one call. Each of its rows counts with the duration of the whole call."""
        self.rows += rows
        self.batches += 1
        self.microseconds += round(seconds * 1_000_000)
        self.buckets[int(np.searchsorted(BOUNDS, seconds))] += rows

    def record_outputs(self, outputs: Tensors, redaction: Redaction) -> None:
        """Add the outliers and bad values in a step's outputs, without names of redacted features.

        A custom step may return tensors with these names, so tensors of other types are ignored.
        """
        flags = outputs.get("is_outlier")
        if flags is not None and flags.data.dtype.kind in "biuf" and len(flags.data):
            rows = np.nan_to_num(flags.data.reshape(len(flags.data), -1)) != 0
            self.outliers = (self.outliers or 0) + int(rows.any(axis=1).sum())
        issues = outputs.get("issues")
        if issues is not None and issues.data.dtype == np.uint8 and "codes" in issues.parameters:
            self._count_issues(issues.data, issues.parameters, redaction)

    def add(self, other: StepTally) -> None:
        """Add the counts of another tally of the step."""
        self.rows += other.rows
        self.batches += other.batches
        self.microseconds += other.microseconds
        self.buckets = _sum(self.buckets, other.buckets)
        if other.outliers is not None:
            self.outliers = (self.outliers or 0) + other.outliers
        _add_counts(self.bad_values, other.bad_values)

    def hide(self, redaction: Redaction) -> None:
        """Count the bad values of redacted features together, without their names."""
        bad_values, self.bad_values = self.bad_values, {}
        for feature, issues in bad_values.items():
            _add_counts(self.bad_values, {redaction.name(feature): issues})

    def _count_issues(
        self, codes: NDArray[np.uint8], parameters: Mapping[str, object], redaction: Redaction
    ) -> None:
        bad = np.argwhere(codes)
        if not len(bad):
            return
        names = msgspec.json.decode(str(parameters["features"]))
        for row, feature in bad.tolist():
            name = names[feature] if feature < MOST_FEATURES else OTHER
            count_up(self.bad_values, redaction.name(name), ISSUES[codes[row, feature] - 1])


class Tally(msgspec.Struct):
    """The counts of a pipeline.

    `failed` counts the requests with an error response. `errors` counts by step and reason, including errors
    of steps that only watch, which do not affect the response. `milliseconds` is the total latency: from a
    request's Kafka timestamp until its response is computed. `buckets` counts requests by latency.
    """

    requests: int = 0
    failed: int = 0
    milliseconds: int = 0
    buckets: list[int] = msgspec.field(default_factory=_empty_buckets)
    errors: Counts = msgspec.field(default_factory=dict)
    steps: dict[str, StepTally] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, steps: Iterable[str]) -> Tally:
        """Return a tally of zeros with an entry for each step."""
        return cls(steps={name: StepTally() for name in steps})

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """Return the sum of tallies."""
        total = cls()
        for tally in tallies:
            total.add(tally)
        return total

    def record_latency(self, milliseconds: NDArray[np.int64]) -> None:
        """Add the requests of a micro-batch by their latencies.

        Clocks of machines may differ, so a negative latency counts as 0.
        """
        latencies = np.maximum(milliseconds, 0)
        self.requests += len(milliseconds)
        self.milliseconds += int(latencies.sum())
        positions = np.searchsorted(BOUNDS, latencies / 1000)
        self.buckets = _sum(self.buckets, np.bincount(positions, minlength=len(BOUNDS) + 1).tolist())

    def step(self, name: str) -> StepTally:
        """Return the tally of a step; create it if it does not exist."""
        return self.steps.setdefault(name, StepTally())

    def add(self, other: Tally) -> None:
        """Add the counts of another tally of the pipeline."""
        self.requests += other.requests
        self.failed += other.failed
        self.milliseconds += other.milliseconds
        self.buckets = _sum(self.buckets, other.buckets)
        _add_counts(self.errors, other.errors)
        for name, step in other.steps.items():
            self.step(name).add(step)


def count(tallies: dict[str, Tally], records: RequestBatch, answers: ResponseBatch, now: int) -> None:
    """Add each request of a micro-batch to the tally of its pipeline.

    `now` is the time of the responses, in milliseconds since 1970.
    """
    positions: dict[str, list[int]] = {}
    for i, status in enumerate(answers.statuses):
        if status != TICK:
            positions.setdefault(answers.pipelines[i] or NO_PIPELINE, []).append(i)
    for pipeline, requests in positions.items():
        tally = tallies.setdefault(pipeline, Tally())
        tally.record_latency(now - records.timestamps[requests])
        for i in requests:
            if answers.statuses[i] == FAILED:
                tally.failed += 1
                count_up(tally.errors, answers.steps[i] or "", answers.reasons[i] or "")


def check_tally(tally: Tally) -> None:
    """Raise MalformedError if a tally from a topic cannot be added to another one."""
    counts = [tally.requests, tally.failed, *_flatten(tally.errors)]
    times = [tally.milliseconds, *(step.microseconds for step in tally.steps.values())]
    buckets = [tally.buckets]
    for name, step in tally.steps.items():
        require_name(name, "tally.steps: a name")
        counts += [step.rows, step.batches, step.outliers or 0, *_flatten(step.bad_values)]
        buckets.append(step.buckets)
    for histogram in buckets:
        if len(histogram) != len(BOUNDS) + 1:
            raise MalformedError(f"tally: there must be {len(BOUNDS) + 1} buckets, got {len(histogram)}")
    for number in (*counts, *(n for histogram in buckets for n in histogram)):
        require_number(number, "tally: a count")
    for number in times:
        # The latency of a request with timestamp 0 is the time since 1970.
        require_number(number, "tally: a time", most=2**63)


def _flatten(counts: Counts) -> list[int]:
    return [n for inner in counts.values() for n in inner.values()]


def count_up(counts: Counts, outer: str, inner: str, n: int = 1) -> None:
    """Add `n` to the count of two names."""
    by_inner = counts.setdefault(outer, {})
    by_inner[inner] = by_inner.get(inner, 0) + n


def _add_counts(counts: Counts, added: Counts) -> None:
    for outer, by_inner in added.items():
        for inner, n in by_inner.items():
            count_up(counts, outer, inner, n)


def _sum(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(first, second, strict=True)]
