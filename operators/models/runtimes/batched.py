"""Batched steps: their rows are gathered into windows, which are judged when they close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from detectors.counts import Counts
from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement, State
from operators.core.redaction import Redaction
from operators.core.tensors import Array, Tensors
from operators.models.runtimes.verdict_details import DriftDetails, QualityDetails
from operators.models.step import InferenceOptions

# Name of the tensor with a step's rows for the window.
ROWS = "rows"


class WindowRules(NamedTuple):
    """How a verdict gets its state, and how many states in a row confirm a finding.

    `tolerance` is the share of bad values, in [0, 1), that a feature may have in addition to the share of
    values that the reference misses.
    """

    judgement: Judgement = Judgement()
    confirmation: Confirmation = Confirmation()
    tolerance: float = 0.01


class Verdict(NamedTuple):
    """The result of judging a window: its state, tensors with a leading axis of 1, and details."""

    state: State
    tensors: dict[str, Array]
    details: DriftDetails | QualityDetails

    def redacted(self, redaction: Redaction) -> Verdict:
        """Return the verdict without names and histograms of redacted features; their test results remain."""
        return self._replace(details=self.details.redacted(redaction)) if redaction else self


class WindowVerdict(NamedTuple):
    """The verdict of a batched step's last closed window."""

    is_drift: int
    state: str
    window: int
    closed_at: str


@runtime_checkable
class BatchedStep(Protocol):
    """A step whose rows can be gathered into windows."""

    @property
    def width(self) -> int:
        """The number of columns of the gathered rows."""

    def gather(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Return the tensor `ROWS` of shape (rows, width), and the answers that need no window."""

    def count(self, rows: Array) -> list[Counts]:
        """Reduce rows to counts per column."""

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window."""

    def judge(self, counts: Sequence[Counts], rows: int, rules: WindowRules) -> Verdict:
        """Judge a window by its counts and its number of rows."""
