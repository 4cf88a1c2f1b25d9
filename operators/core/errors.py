"""The errors of Weir. Any other error is a bug or an outage: it propagates, and Flink restarts the task.

WeirError
├── RecordError      A record is invalid. It becomes a dead letter; other records are answered.
├── MalformedError   A record that another program wrote is unusable. Its reader skips and reports it.
├── MismatchError    Names, types or shapes do not fit a step. All records computed together are affected.
└── DeploymentError  A deployment is invalid. The job does not start; the message names what to fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

MESSAGE_LENGTH = 1_000
# A user before the host, and a password, which may contain a slash.
_USERINFO = re.compile(r"://(?:[^/@\s]*|[^/@:\s]+:[^@\s]*)@")


class Reason(StrEnum):
    """The reason why a record became a dead letter; with `MONITOR_FAILED` only, it is answered as well."""

    TOMBSTONE = "TOMBSTONE"
    UNREADABLE = "UNREADABLE"
    BAD_REQUEST = "BAD_REQUEST"
    RECORD_TOO_LONG = "RECORD_TOO_LONG"
    RESPONSE_TOO_LONG = "RESPONSE_TOO_LONG"
    UNKNOWN_PIPELINE = "UNKNOWN_PIPELINE"
    STEP_FAILED = "STEP_FAILED"
    MODEL_CRASHED = "MODEL_CRASHED"
    MODEL_TIMEOUT = "MODEL_TIMEOUT"
    MONITOR_FAILED = "MONITOR_FAILED"
    PIPELINE_FAILED = "PIPELINE_FAILED"
    NO_OUTPUT = "NO_OUTPUT"
    NO_TOPIC = "NO_TOPIC"


class WeirError(Exception):
    """Base class of the errors that Weir raises."""


class RecordError(WeirError):
    """One record cannot be answered.

    `step` is the name of the failed step, empty if no step was reached.
    """

    def __init__(self, reason: Reason, message: str, step: str = "") -> None:
        self.reason = reason
        self.message = one_line(message)
        super().__init__(self.message)
        self.step = step

    def __reduce__(self) -> tuple[type[RecordError], tuple[Reason, str, str]]:
        """Let errors cross the border of a process."""
        return RecordError, (self.reason, self.message, self.step)


class MalformedError(WeirError):
    """A record that another program wrote is unusable; the message is one line of bounded length."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class NewerError(MalformedError):
    """A newer version of Weir wrote the record; this version cannot read it and must not remove it."""


class MismatchError(WeirError):
    """A step does not accept tensors of these names, types or shapes, whatever their values."""


class DeploymentError(WeirError):
    """A manifest, an artifact or a setting is unusable; the message names the place and the remedy.

    The message contains no user and no password of a URI.
    """

    def __init__(self, message: str) -> None:
        super().__init__(hide_userinfo(message))


def describe(error: BaseException) -> str:
    """Format an exception of third-party code as one line of bounded length."""
    return one_line(hide_userinfo(f"{type(error).__name__}: {' '.join(str(error).split())}"))


def hide_userinfo(text: str) -> str:
    """Return a text without the users and passwords of the URIs in it.

    >>> hide_userinfo("s3://user:password@bucket/m and s3://bucket/m@2")
    's3://(redacted)@bucket/m and s3://bucket/m@2'
    """
    return _USERINFO.sub("://(redacted)@", text)


def does_not_exist(what: str, existing: Iterable[str]) -> str:
    """Return the message that something does not exist, with the names of what exists.

    >>> does_not_exist("pipeline a", ["c", "b"])
    'there is no pipeline a; there are b, c'
    """
    return f"there is no {what}; there are {', '.join(sorted(existing)) or 'none'}"


def one_line(message: str) -> str:
    """Return a message as one printable line of at most 1,000 characters; omit the middle of a longer one."""
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    if len(printable) <= MESSAGE_LENGTH:
        return printable
    half = MESSAGE_LENGTH // 2 - 10
    return f"{printable[:half]} […] {printable[-half:]}"
