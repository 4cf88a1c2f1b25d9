from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.core.errors import MESSAGE_LENGTH, MalformedError
from operators.core.foreign_json import MOST_LEVELS, decode
from operators.core.timestamps import parse_time
from tests.corpus.records import VALUES, nested

LEVELS = [1, 50, MOST_LEVELS, MOST_LEVELS + 1, 400, 990, 1_000, 10_000, 1_000_000]


def refusal(read: Callable[[], object]) -> str:
    """Return why something is refused; empty where it is not."""
    try:
        read()
    except MalformedError as error:
        return str(error)
    return ""


def assert_bounded(words: str) -> None:
    assert len(words) <= MESSAGE_LENGTH
    assert not words or words.isprintable()


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_nested_too_deep_is_refused_and_nothing_else(
    levels: int, opened: bytes, closed: bytes
) -> None:
    value = opened * levels + b"0" + closed * levels
    if levels > MOST_LEVELS:
        with pytest.raises(MalformedError, match="nested deeper than 100 levels"):
            decode(value, object)
    else:
        found = decode(value, object)
        assert json.loads(value) == found
        assert msgspec.json.encode(found)
        assert repr(found)


@pytest.mark.parametrize("levels", [MOST_LEVELS + 1, 1_000_000])
def test_a_field_that_nobody_reads_is_not_nested_deep_either(levels: int) -> None:
    class Known(msgspec.Struct):
        a: int

    with pytest.raises(MalformedError, match="nested deeper"):
        decode(b'{"a": 1, "b": ' + nested(b"[", b"]", levels) + b"}", Known)


def test_brackets_in_texts_are_no_levels() -> None:
    text = '[{"' * 1_000 + '\\"'
    assert decode(json.dumps([text, {"a": text}]).encode(), object) == [text, {"a": text}]


PLAIN = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(PLAIN, lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_json_is_read_as_python_reads_it(value: Any) -> None:
    assert decode(json.dumps(value).encode(), object) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused_in_bounded_words(value: bytes) -> None:
    assert_bounded(refusal(lambda: decode(value, object)))


class Strict(msgspec.Struct):
    name: str
    number: int
    what: dict[str, int]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_bad_value_is_refused_in_bounded_words(value: bytes) -> None:
    with pytest.raises(MalformedError) as refused:
        decode(value, Strict)
    assert_bounded(str(refused.value))


def test_no_value_is_refused() -> None:
    with pytest.raises(MalformedError, match="no value"):
        decode(None, Strict)


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05"])
def test_a_moment_can_be_compared_and_shown(text: str) -> None:
    found = parse_time(text, "at")
    assert found.tzinfo is not None
    assert 1e9 < found.timestamp() < 2e9


@given(st.text())
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    assert_bounded(refusal(lambda: parse_time(text, "at").timestamp()))
