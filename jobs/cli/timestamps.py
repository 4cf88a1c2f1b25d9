"""Moments as people write them."""

from __future__ import annotations

from datetime import datetime
from time import time

from operators.core.errors import DeploymentError
from operators.resources.durations import seconds_of


def moment_of(text: str) -> float:
    """Read a moment, in seconds since 1970: so long ago (`10m`), or ISO time, local unless it says otherwise.

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
            f"{text!r} is no moment: write 10m for ten minutes ago, or 2026-01-31T12:00:00"
        ) from None
