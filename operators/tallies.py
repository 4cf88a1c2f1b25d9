"""What one micro-batch did in each pipeline, in numbers: for metrics and for alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.issues import ISSUES
from operators.columns import Tensors
from operators.records import FAILED, TICK, Answers, Records

# Upper ends of histogram buckets in seconds, of requests and of steps; the last bucket has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Features behind so many are counted as `OTHER`, so that metrics stay few.
MOST_FEATURES = 200
OTHER = "other"


# Where requests count that no live pipeline reads.
NOBODY = "(none)"


class StepTally:
    """What a step did: `rows` it worked on, in `batches` calls, `seconds` a call took with its rows.

    `outliers` are flagged rows, None where it flags none at all; `bad_values` counts by feature and issue.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.batches = 0
        self.seconds = 0.0
        self.buckets = np.zeros(len(BOUNDS) + 1, dtype=np.int64)
        self.outliers: int | None = None
        self.bad_values: Counter[tuple[str, str]] = Counter()

    def worked(self, rows: int, seconds: float) -> None:
        """Add one call; each of its rows spent all of the time in it."""
        self.rows += rows
        self.batches += 1
        self.seconds += seconds
        self.buckets[int(np.searchsorted(BOUNDS, seconds))] += rows

    def found(self, outputs: Tensors) -> None:
        """Add what a step that watches answered."""
        if (flags := outputs.get("is_outlier")) is not None:
            found = int(flags.data.reshape(len(flags.data), -1).any(axis=1).sum())
            self.outliers = (self.outliers or 0) + found
        if (issues := outputs.get("issues")) is not None:
            self._count_issues(issues.data, issues.parameters)

    def _count_issues(self, codes: NDArray[np.uint8], parameters: Mapping[str, object]) -> None:
        bad = np.argwhere(codes)
        if not len(bad):
            return
        names = msgspec.json.decode(str(parameters["features"]))
        for row, feature in bad.tolist():
            name = names[feature] if feature < MOST_FEATURES else OTHER
            self.bad_values[name, ISSUES[codes[row, feature] - 1]] += 1


class Tally:
    """What a pipeline did.

    `requests` came, `failed` got an error instead of an answer; `errors` counts by step and reason, also
    those that cost no answer. A request's time is from its Kafka timestamp until its answer was there.
    """

    def __init__(self, steps: Iterable[str] = ()) -> None:
        self.requests = 0
        self.failed = 0
        self.milliseconds = 0
        self.buckets = np.zeros(len(BOUNDS) + 1, dtype=np.int64)
        self.errors: Counter[tuple[str, str]] = Counter()
        self.steps = {name: StepTally() for name in steps}

    def took(self, milliseconds: NDArray[np.int64]) -> None:
        """Add the requests of a micro-batch by how long each took; clocks may differ, so none took less
        than nothing."""
        none_negative = np.maximum(milliseconds, 0)
        self.requests += len(milliseconds)
        self.milliseconds += int(none_negative.sum())
        places = np.searchsorted(BOUNDS, none_negative / 1000)
        self.buckets += np.bincount(places, minlength=len(BOUNDS) + 1)

    def step(self, name: str) -> StepTally:
        """Return what a step did."""
        return self.steps.setdefault(name, StepTally())


def count(tallies: dict[str, Tally], records: Records, answers: Answers, now: int) -> None:
    """Add every request of a micro-batch, at a time in milliseconds since 1970."""
    numbers: dict[str, list[int]] = {}
    for i, status in enumerate(answers.statuses):
        if status != TICK:
            numbers.setdefault(answers.pipelines[i] or NOBODY, []).append(i)
    for pipeline, here in numbers.items():
        tally = tallies.setdefault(pipeline, Tally())
        tally.took(now - records.timestamps[here])
        failed = [i for i in here if answers.statuses[i] == FAILED]
        tally.failed += len(failed)
        tally.errors.update((answers.steps[i] or "", answers.reasons[i] or "") for i in failed)
