"""Points in time as users write them."""

from __future__ import annotations

from datetime import datetime
from time import time

from operators.core.errors import DeploymentError
from operators.resources.durations import seconds_of


def moment_of(text: str) -> float:
    """Return a point in time in seconds since 1970.

    `text` is a duration before now (`10m`), or an ISO 8601 time, in local time unless it has a time zone.
    Raises DeploymentError if it is neither.

    >>> moment_of("2026-01-02T03:04:05Z")
    1767323045.0
    """
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    try:
        return time() - seconds_of(text)
    except DeploymentError:
        raise DeploymentError(
            f"{text!r} is not a valid time; write 10m for ten minutes ago, or 2026-01-31T12:00:00"
        ) from None
