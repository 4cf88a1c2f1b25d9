"""Decoding of JSON that other programs wrote: any invalid bytes raise MalformedError.

All readers of the control, status, reports, rates, alerts and outliers topics use it. The decoded value is
never nested deeper than `MOST_LEVELS`, so that it can be compared, encoded, printed and traversed.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from operators.core.errors import MalformedError
from operators.core.names import check_name

# Weir's own records have at most a dozen levels. Python's recursion limit is 1,000, including the callers.
MOST_LEVELS = 100
# Up to this number, every JSON library represents integers exactly.
MAX_INTEGER = 2**53
_SHOWN = 200
_BYTE = re.compile(r"\(byte (\d+)\)")
_NO_NUMBER = re.compile(rb"-?(NaN|Infinity|nan|inf)\b")
# Matches complete strings, so that brackets in them are not counted. Possessive: it never backtracks.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
T = TypeVar("T")


def decode(value: bytes | None, type_: type[T]) -> T:
    """Decode JSON as a type; raise MalformedError if it is invalid."""
    if value is None:
        raise MalformedError("the record has no value")
    try:
        decoded = msgspec.json.decode(value, type=type_)
    except RecursionError:
        raise MalformedError(_TOO_DEEP) from None
    except msgspec.ValidationError as error:
        raise MalformedError(shorten(error)) from None
    except (ValueError, MemoryError, OverflowError) as error:
        reason = syntax_error(value, error, "write null")
        raise MalformedError(f"the value is not JSON: {shorten(reason)}") from None
    if _is_deep(value):
        raise MalformedError(_TOO_DEEP)
    return decoded


def convert(value: object, type_: type[T], at: str) -> T:
    """Convert decoded JSON to a type; raise MalformedError, beginning with `at`, if it does not fit."""
    try:
        return msgspec.convert(value, type_)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MalformedError(f"{at}: {shorten(error)}") from None


def require_name(name: str, at: str) -> None:
    """Raise MalformedError unless the name is valid for a pipeline, a step or a model."""
    for problem in check_name(name, at):
        raise MalformedError(shorten(problem))


def require_number(number: int, at: str, least: int = 0, most: int = MAX_INTEGER) -> None:
    """Raise MalformedError unless an integer is from `least` to `most`."""
    if not least <= number <= most:
        raise MalformedError(f"{at} must be a whole number from {least} to {most}, got {shorten(number)}")


def syntax_error(data: bytes, error: Exception, remedy: str) -> str:
    """Return the parser's error; for NaN or Infinity, which JSON does not have, with the remedy.

    >>> syntax_error(b'{"a": NaN}', ValueError("JSON is malformed (byte 6)"), "send null")
    'it contains NaN at byte 6, which JSON does not have; send null'
    """
    match = _BYTE.search(str(error))
    position = int(match[1]) if match else len(data)
    # The parser may stop at a later letter of the word than its first.
    word = _NO_NUMBER.search(data, max(position - 4, 0), position + len("Infinity"))
    if not word:
        return str(error)
    return f"it contains {word[0].decode()} at byte {word.start()}, which JSON does not have; {remedy}"


def shorten(value: object) -> str:
    """Return a value as a text of at most 200 characters, followed by … if it is longer.

    >>> len(shorten("x" * 1_000_000))
    201
    """
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_TOO_DEEP = f"the value is nested deeper than {MOST_LEVELS} levels"


def _is_deep(value: bytes) -> bool:
    """Return whether well-formed JSON has more than `MOST_LEVELS` levels.

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
