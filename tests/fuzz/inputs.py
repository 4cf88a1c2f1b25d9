"""Inputs that differ from good ones by a few bytes, by a value, or by what a header declares."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.corpus.records import paths, with_value

Inputs = st.SearchStrategy[Any]
_NUMBER = re.compile(rb"-?[0-9]+")
EDGES = (-1, 0, 1, 127, 128, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
ODD: Inputs = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from([*EDGES, 1e300, -1e300, 0.5]),
    st.text(max_size=8),
    st.sampled_from(["²", "a/b", "..", "\x00", "NaN", "1e400", "9" * 5_000, "2000000000", "x" * 10_000]),
    st.lists(st.integers(-2, 2**33), max_size=4),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(-9, 9), max_size=2),
)


@st.composite
def edited(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds with up to four edits: bytes, numbers at the edge, repetitions, other parts."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            data[start : start + length] = draw(st.binary(max_size=12))
        elif kind == 1:
            form = draw(st.sampled_from(["<B", "<H", ">H", "<I", ">I", "<Q", ">Q"]))
            size = struct.calcsize(form)
            number = draw(st.sampled_from(EDGES)) % 256**size
            data[start : start + size] = struct.pack(form, number)
        elif kind == 2:
            data[start:start] = data[start : start + length] * draw(st.sampled_from([1, 2, 300]))
        elif kind == 3:
            del data[start:]
        else:
            other = draw(st.sampled_from(seeds))
            data[start : start + length] = other[draw(st.integers(0, len(other))) :][:200]
    return bytes(data)


@st.composite
def other_numbers(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds, which are texts, with one to three of its numbers replaced."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 3))):
        numbers = list(_NUMBER.finditer(data))
        start, end = draw(st.sampled_from(numbers)).span()
        number = draw(st.integers(-3, 40) | st.sampled_from(EDGES))
        data = data[:start] + str(number).encode() + data[end:]
    return data


def odd_value(document: Any, encode: Callable[[Any], bytes]) -> Inputs:
    """Return an encoded document with one or two values replaced by something odd."""
    places = list(paths(document))
    one = st.tuples(st.sampled_from(places), ODD)
    return st.lists(one, min_size=1, max_size=2).map(partial(_with_values, document)).map(encode)


def of_json(*documents: Any) -> Inputs:
    """Return JSON documents with odd values or edited bytes."""
    encoded = [as_json(document) for document in documents]
    return st.one_of(*(odd_value(document, as_json) for document in documents), edited(encoded))


def with_header(version: int, header: Any, arrays: Sequence[bytes]) -> Inputs:
    """Return encoded rows or panes whose headers declare something odd."""

    def encode(document: Any) -> bytes:
        head = msgspec.msgpack.encode(document)
        return struct.pack("<BI", version, len(head)) + head

    return st.builds(bytes.__add__, odd_value(header, encode), st.sampled_from(arrays))


def as_json(document: Any) -> bytes:
    """Encode any document, also with numbers that no 64 bits contain."""
    return json.dumps(document).encode()


def _with_values(document: Any, changes: list[tuple[tuple[str | int, ...], Any]]) -> Any:
    for path, value in changes:
        try:
            document = with_value(document, path, value)
        except (IndexError, KeyError, TypeError):  # the first change has removed the place of the second
            continue
    return document
