"""Steps that watch: their rows can be gathered into windows, which are judged when they close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from detectors.counts import Counts
from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement, State
from operators.core.redaction import Redaction
from operators.core.tensors import Array, Tensors
from operators.models.step import InferenceOptions

# The tensor that holds a watcher's rows for the window.
ROWS = "rows"


class WindowRules(NamedTuple):
    """What makes a state of a verdict, and a confirmed finding of states.

    `tolerance` is the share of bad values, in [0, 1), that a feature may have besides those that the
    reference misses.
    """

    judgement: Judgement = Judgement()
    confirmation: Confirmation = Confirmation()
    tolerance: float = 0.01


class Verdict(NamedTuple):
    """What a window showed: its state, tensors with a leading axis of 1, and what a report tells besides."""

    state: State
    tensors: dict[str, Array]
    about: dict[str, Any]

    def redacted(self, redaction: Redaction) -> Verdict:
        """Return it without names and histograms of hidden features; how far they moved stays."""
        return self._replace(about=redaction.about(self.about)) if redaction else self


@runtime_checkable
class BatchedStep(Protocol):
    """A step whose rows can be gathered into windows."""

    @property
    def width(self) -> int:
        """Columns of the rows that it gathers."""

    def gather(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        """Return `ROWS`, numbers of shape (rows, width), and what can be answered without the window."""

    def count(self, rows: Array) -> list[Counts]:
        """Reduce rows to counts per column."""

    def add(self, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
        """Add the counts of parts of a window."""

    def judge(self, counts: Sequence[Counts], rows: int, rules: WindowRules) -> Verdict:
        """Judge a window of so many rows."""
