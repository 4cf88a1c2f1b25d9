"""The two families of errors. Anything else is a bug or an outage: it propagates, and Flink restarts.

WeirError
├── RecordError      this record is bad: it becomes a dead letter, its neighbours are answered
├── MismatchError    names, types or shapes do not fit a step: true of every record computed together
└── DeploymentError  this deployment is bad: refuse to start, name what to mend
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a record became a dead letter."""

    TOMBSTONE = "TOMBSTONE"
    NOT_JSON = "NOT_JSON"
    BAD_REQUEST = "BAD_REQUEST"
    RECORD_TOO_LONG = "RECORD_TOO_LONG"
    RESPONSE_TOO_LONG = "RESPONSE_TOO_LONG"
    UNKNOWN_PIPELINE = "UNKNOWN_PIPELINE"
    STEP_FAILED = "STEP_FAILED"
    NO_OUTPUT = "NO_OUTPUT"


class WeirError(Exception):
    """Any error that Weir words itself."""


class RecordError(WeirError):
    """One record cannot be answered.

    `step` names the step that failed, empty when none was reached.
    """

    def __init__(self, reason: Reason, message: str, step: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.step = step


class MismatchError(WeirError):
    """A step does not take tensors of these names, types or shapes, whatever their values."""


class DeploymentError(WeirError):
    """A manifest, an artifact or a setting is unusable; the message says where and what to do."""
