"""What a pipeline did, in numbers: of one micro-batch, or of several added up."""

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

# Upper ends of histogram buckets in seconds, of requests and of steps; the last bucket has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Features behind so many are counted as `OTHER`, so that metrics stay few.
MOST_FEATURES = 200
OTHER = "other"
# Where requests count that no live pipeline reads.
NOBODY = "(none)"
# Counts by two names.
Counts = dict[str, dict[str, int]]


def _empty_buckets() -> list[int]:
    return [0] * (len(BOUNDS) + 1)


class StepTally(msgspec.Struct):
    """What a step did: `rows` it worked on, in `batches` calls that took `microseconds` together.

    `buckets` are rows by the time of their call. `outliers` are flagged rows, None where it flags none at
    all; `bad_values` counts by feature and issue.
    """

    rows: int = 0
    batches: int = 0
    microseconds: int = 0
    buckets: list[int] = msgspec.field(default_factory=_empty_buckets)
    outliers: int | None = None
    bad_values: Counts = msgspec.field(default_factory=dict)

    def record_call(self, rows: int, seconds: float) -> None:
        """Add one call; each of its rows spent all of the time in it."""
        self.rows += rows
        self.batches += 1
        self.microseconds += round(seconds * 1_000_000)
        self.buckets[int(np.searchsorted(BOUNDS, seconds))] += rows

    def record_outputs(self, outputs: Tensors, hides: Redaction) -> None:
        """Add what a step answered about its rows; some features are not named.

        Anybody's step may answer tensors of these names: what does not look like ours is passed over.
        """
        flags = outputs.get("is_outlier")
        if flags is not None and flags.data.dtype.kind in "biuf" and len(flags.data):
            rows = np.nan_to_num(flags.data.reshape(len(flags.data), -1)) != 0
            self.outliers = (self.outliers or 0) + int(rows.any(axis=1).sum())
        issues = outputs.get("issues")
        if issues is not None and issues.data.dtype == np.uint8 and "codes" in issues.parameters:
            self._count_issues(issues.data, issues.parameters, hides)

    def add(self, other: StepTally) -> None:
        """Add what the step did besides."""
        self.rows += other.rows
        self.batches += other.batches
        self.microseconds += other.microseconds
        self.buckets = _sum(self.buckets, other.buckets)
        if other.outliers is not None:
            self.outliers = (self.outliers or 0) + other.outliers
        _add_counts(self.bad_values, other.bad_values)

    def hide(self, hides: Redaction) -> None:
        """Count the bad values of hidden features together, without their names."""
        known, self.bad_values = self.bad_values, {}
        for feature, issues in known.items():
            _add_counts(self.bad_values, {hides.name(feature): issues})

    def _count_issues(
        self, codes: NDArray[np.uint8], parameters: Mapping[str, object], hides: Redaction
    ) -> None:
        bad = np.argwhere(codes)
        if not len(bad):
            return
        names = msgspec.json.decode(str(parameters["features"]))
        for row, feature in bad.tolist():
            name = names[feature] if feature < MOST_FEATURES else OTHER
            count_up(self.bad_values, hides.name(name), ISSUES[codes[row, feature] - 1])


class Tally(msgspec.Struct):
    """What a pipeline did.

    `requests` came, `failed` got an error instead of an answer; `errors` counts by step and reason, also
    those that cost no answer. A request's time is from its Kafka timestamp until its answer was there.
    """

    requests: int = 0
    failed: int = 0
    milliseconds: int = 0
    buckets: list[int] = msgspec.field(default_factory=_empty_buckets)
    errors: Counts = msgspec.field(default_factory=dict)
    steps: dict[str, StepTally] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, steps: Iterable[str]) -> Tally:
        """Start with steps that did nothing yet."""
        return cls(steps={name: StepTally() for name in steps})

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """Add up tallies."""
        whole = cls()
        for one in tallies:
            whole.add(one)
        return whole

    def record_latency(self, milliseconds: NDArray[np.int64]) -> None:
        """Add the requests of a micro-batch by how long each took; clocks may differ, so none took less
        than nothing."""
        none_negative = np.maximum(milliseconds, 0)
        self.requests += len(milliseconds)
        self.milliseconds += int(none_negative.sum())
        places = np.searchsorted(BOUNDS, none_negative / 1000)
        self.buckets = _sum(self.buckets, np.bincount(places, minlength=len(BOUNDS) + 1).tolist())

    def step(self, name: str) -> StepTally:
        """Return what a step did."""
        return self.steps.setdefault(name, StepTally())

    def add(self, other: Tally) -> None:
        """Add what the pipeline did besides."""
        self.requests += other.requests
        self.failed += other.failed
        self.milliseconds += other.milliseconds
        self.buckets = _sum(self.buckets, other.buckets)
        _add_counts(self.errors, other.errors)
        for name, step in other.steps.items():
            self.step(name).add(step)


def count(tallies: dict[str, Tally], records: RequestBatch, answers: ResponseBatch, now: int) -> None:
    """Add every request of a micro-batch, at a time in milliseconds since 1970."""
    numbers: dict[str, list[int]] = {}
    for i, status in enumerate(answers.statuses):
        if status != TICK:
            numbers.setdefault(answers.pipelines[i] or NOBODY, []).append(i)
    for pipeline, here in numbers.items():
        tally = tallies.setdefault(pipeline, Tally())
        tally.record_latency(now - records.timestamps[here])
        for i in here:
            if answers.statuses[i] == FAILED:
                tally.failed += 1
                count_up(tally.errors, answers.steps[i] or "", answers.reasons[i] or "")


def check_tally(tally: Tally) -> None:
    """Raise MalformedError for a tally that others wrote and that cannot be added to another."""
    counts = [tally.requests, tally.failed, *_inner(tally.errors)]
    times = [tally.milliseconds, *(step.microseconds for step in tally.steps.values())]
    buckets = [tally.buckets]
    for name, step in tally.steps.items():
        require_name(name, "tally.steps: a name")
        counts += [step.rows, step.batches, step.outliers or 0, *_inner(step.bad_values)]
        buckets.append(step.buckets)
    for one in buckets:
        if len(one) != len(BOUNDS) + 1:
            raise MalformedError(f"tally: there must be {len(BOUNDS) + 1} buckets, got {len(one)}")
    for number in (*counts, *(n for one in buckets for n in one)):
        require_number(number, "tally: a count")
    for number in times:
        # Requests whose timestamp is 0 took since 1970.
        require_number(number, "tally: a time", most=2**63)


def _inner(counts: Counts) -> list[int]:
    return [n for inner in counts.values() for n in inner.values()]


def count_up(counts: Counts, one: str, other: str, n: int = 1) -> None:
    """Add to a count."""
    inner = counts.setdefault(one, {})
    inner[other] = inner.get(other, 0) + n


def _add_counts(counts: Counts, more: Counts) -> None:
    for one, inner in more.items():
        for other, n in inner.items():
            count_up(counts, one, other, n)


def _sum(some: Sequence[int], more: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(some, more, strict=True)]
