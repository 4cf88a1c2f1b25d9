"""Times as records and commands hold them: parsed, limited, and formatted as ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime

from operators.core.errors import MalformedError
from operators.core.foreign_json import shorten

FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def parse_time(text: str, at: str) -> datetime:
    """Parse an ISO 8601 time, in UTC unless it has a zone.

    Raises MalformedError for an invalid time, and for one before 1970-01-01 or after 9998-12-31.
    """
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        if FIRST_MOMENT <= time <= LAST_MOMENT:
            return time
    except (ValueError, OverflowError):
        pass
    raise MalformedError(f"{at} must be a time such as 2026-01-31T12:00:00Z, got {shorten(repr(text))}")


def nearest_time(milliseconds: float) -> datetime:
    """Return the time for milliseconds since 1970, limited to `FIRST_MOMENT` and `LAST_MOMENT`.

    >>> nearest_time(2**62).isoformat()
    '9998-12-31T00:00:00+00:00'
    """
    return datetime.fromtimestamp(min(max(milliseconds / 1000, 0), LAST_MOMENT.timestamp()), UTC)


def require_seconds(seconds: float, at: str) -> None:
    """Raise MalformedError unless seconds since 1970 are from 0 to those of `LAST_MOMENT`."""
    if not 0 <= seconds <= LAST_MOMENT.timestamp():
        raise MalformedError(f"{at} must be seconds since 1970, got {shorten(seconds)}")


def iso_milliseconds(milliseconds: float) -> str:
    """Format a time in milliseconds since 1970 as ISO 8601.

    >>> iso_milliseconds(1_500)
    '1970-01-01T00:00:01.500Z'
    """
    return nearest_time(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_seconds(seconds: float) -> str:
    """Format a time in seconds since 1970 as ISO 8601, without fractions.

    >>> iso_seconds(1.5)
    '1970-01-01T00:00:01+00:00'
    """
    return nearest_time(seconds * 1000).isoformat(timespec="seconds")
