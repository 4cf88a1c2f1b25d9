"""The two families of errors. Anything else is a bug or an outage: it propagates, and Flink restarts.

WeirError
├── RecordError      this record is bad: it becomes a dead letter, its neighbours are answered
├── MalformedError   what others wrote on a topic cannot be used: whoever reads it skips and reports it
├── MismatchError    names, types or shapes do not fit a step: true of every record computed together
└── DeploymentError  this deployment is bad: refuse to start, name what to mend
"""

from __future__ import annotations

from enum import StrEnum

MESSAGE_LENGTH = 1_000


class Reason(StrEnum):
    """Why a record became a dead letter; after `MONITOR_FAILED` alone it is answered all the same."""

    TOMBSTONE = "TOMBSTONE"
    UNREADABLE = "UNREADABLE"
    BAD_REQUEST = "BAD_REQUEST"
    RECORD_TOO_LONG = "RECORD_TOO_LONG"
    RESPONSE_TOO_LONG = "RESPONSE_TOO_LONG"
    UNKNOWN_PIPELINE = "UNKNOWN_PIPELINE"
    STEP_FAILED = "STEP_FAILED"
    MONITOR_FAILED = "MONITOR_FAILED"
    PIPELINE_FAILED = "PIPELINE_FAILED"
    NO_OUTPUT = "NO_OUTPUT"


class WeirError(Exception):
    """Any error that Weir words itself."""


class RecordError(WeirError):
    """One record cannot be answered.

    `step` names the step that failed, empty when none was reached.
    """

    def __init__(self, reason: Reason, message: str, step: str = "") -> None:
        self.reason = reason
        self.message = tidy(message)
        super().__init__(self.message)
        self.step = step


class MalformedError(WeirError):
    """A record that others wrote cannot be used; the message is one bounded line that says why."""

    def __init__(self, message: str) -> None:
        super().__init__(tidy(message))


class NewerError(MalformedError):
    """A newer version of Weir wrote the record: this one cannot read it, and must not remove it."""


class MismatchError(WeirError):
    """A step does not take tensors of these names, types or shapes, whatever their values."""


class DeploymentError(WeirError):
    """A manifest, an artifact or a setting is unusable; the message says where and what to do."""


def describe(error: BaseException) -> str:
    """Tell on one line, in bounds, what code that is not ours raised."""
    return tidy(f"{type(error).__name__}: {' '.join(str(error).split())}")


def tidy(message: str) -> str:
    """Return a message as one line that every terminal can show, its middle left out where it is long."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    if len(shown) <= MESSAGE_LENGTH:
        return shown
    half = MESSAGE_LENGTH // 2 - 10
    return f"{shown[:half]} […] {shown[-half:]}"
