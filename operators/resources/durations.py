"""Durations written as text, such as `90s` or `2h`."""

from __future__ import annotations

import re

from operators.core.errors import DeploymentError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")


def seconds_of(text: str) -> float:
    """Return a duration in seconds; DeploymentError if the text is not a duration.

    >>> seconds_of("90"), seconds_of("90s"), seconds_of("1.5m"), seconds_of("2h")
    (90.0, 90.0, 90.0, 7200.0)
    """
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise DeploymentError(f"{text!r} is not a duration; write it as 30s, 10m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2] or "s"]
