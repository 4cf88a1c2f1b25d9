"""JSON that others wrote → checked values: one decoder and one error, whatever the bytes are.

Everything that reads the control, status, reports, rates, alerts and outliers topics decodes with it. What it
returns can be compared, encoded, printed and walked: it is never nested deeper than `MOST_LEVELS`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from operators.core.errors import MalformedError
from operators.core.names import check_name

# No document of ours has more than a dozen levels; Python's own limit is 1,000, from wherever it is called.
MOST_LEVELS = 100
# Every reader of JSON agrees on whole numbers up to here.
MOST_NUMBER = 2**53
_SHOWN = 200
FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
# Strings are matched whole, so that brackets in them do not count; nothing is ever matched twice.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
T = TypeVar("T")


def decode(value: bytes | None, type_: type[T]) -> T:
    """Decode JSON; MalformedError says what is wrong with it."""
    if value is None:
        raise MalformedError("the record has no value")
    try:
        found = msgspec.json.decode(value, type=type_)
    except RecursionError:
        raise MalformedError(_TOO_DEEP) from None
    except msgspec.ValidationError as error:
        raise MalformedError(shorten(error)) from None
    except (ValueError, MemoryError, OverflowError) as error:
        raise MalformedError(f"the value is not JSON: {shorten(error)}") from None
    if _is_deep(value):
        raise MalformedError(_TOO_DEEP)
    return found


def convert(value: object, type_: type[T], at: str) -> T:
    """Check decoded JSON against a type; MalformedError says what is wrong, `at` what it is about."""
    try:
        return msgspec.convert(value, type_)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MalformedError(f"{at}: {shorten(error)}") from None


def require_name(name: str, at: str) -> None:
    """Raise MalformedError for what cannot be the name of a pipeline, a step or a model."""
    for problem in check_name(name, at):
        raise MalformedError(shorten(problem))


def require_number(number: int, at: str, least: int = 0, most: int = MOST_NUMBER) -> None:
    """Raise MalformedError for a whole number below `least`, or above what every reader can hold."""
    if not least <= number <= most:
        raise MalformedError(f"{at} must be a whole number from {least} to {most}, got {shorten(number)}")


def parse_time(text: str, at: str) -> datetime:
    """Read a time in ISO 8601, as UTC where it names no zone; MalformedError for one that no clock shows."""
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        if FIRST_MOMENT <= found <= LAST_MOMENT:
            return found
    except (ValueError, OverflowError):
        pass
    raise MalformedError(f"{at} must be a time as 2026-01-31T12:00:00Z, got {shorten(repr(text))}")


def nearest_time(milliseconds: float) -> datetime:
    """Return the time so many milliseconds after 1970; of one that no clock shows, the nearest that it does.

    >>> nearest_time(2**62).isoformat()
    '9998-12-31T00:00:00+00:00'
    """
    return datetime.fromtimestamp(min(max(milliseconds / 1000, 0), LAST_MOMENT.timestamp()), UTC)


def require_seconds(seconds: float, at: str) -> None:
    """Raise MalformedError for seconds since 1970 that no clock shows."""
    if not 0 <= seconds <= LAST_MOMENT.timestamp():
        raise MalformedError(f"{at} must be seconds since 1970, got {shorten(seconds)}")


def shorten(value: object) -> str:
    """Return enough of a text to recognise it.

    >>> len(shorten("x" * 1_000_000))
    201
    """
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_TOO_DEEP = f"the value is nested deeper than {MOST_LEVELS} levels"


def _is_deep(value: bytes) -> bool:
    """Tell whether well-formed JSON has more levels than any document of ours.

    >>> [_is_deep(b"[" * levels + b'"[{"' + b"]" * levels) for levels in (100, 101)]
    [False, True]
    """
    if value.count(b"[") + value.count(b"{") <= MOST_LEVELS:
        return False
    level = 0
    for token in _TOKENS.findall(value):
        if token in b"[{":
            level += 1
            if level > MOST_LEVELS:
                return True
        elif token in b"]}":
            level -= 1
    return False
