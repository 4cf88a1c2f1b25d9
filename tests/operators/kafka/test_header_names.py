from __future__ import annotations

from typing import Any

import pytest
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

import operators.kafka.consumer  # noqa: F401  (whoever reads topics reads such records)


class Name(str):
    """A header's name that another client made of these bytes."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.raw


def name(raw: bytes) -> Name:
    one = Name("x")
    one.raw = raw
    return one


def batch(*headers: list[tuple[str, bytes | None]], compressed: int = 0) -> DefaultRecordBatch:
    builder: Any = DefaultRecordBatchBuilder(2, compressed, False, -1, -1, -1, 1_000_000)
    for offset, one in enumerate(headers):
        builder.append(offset, 1_000, b"key %d" % offset, b"value \xff %d" % offset, one)
    return DefaultRecordBatch(bytes(builder.build()))


@pytest.mark.parametrize("compressed", [0, 1])
@pytest.mark.parametrize("raw", [b"\xff", b"\xff\xfe\x00", b"caf\xc3", b"\xed\xa0\x80", b"\xc0\xaf" * 100])
def test_a_record_with_a_header_name_that_is_not_utf_8_is_read_and_so_are_its_neighbours(
    raw: bytes, compressed: int
) -> None:
    good: list[tuple[str, bytes | None]] = [("größe", b"\xff"), ("none", None)]
    records = list(batch(good, [(name(raw), b"\xff\x00"), *good], good, compressed=compressed))
    assert [one.offset for one in records] == [0, 1, 2]
    assert [one.value for one in records] == [b"value \xff %d" % offset for offset in range(3)]
    assert [one.key for one in records] == [b"key %d" % offset for offset in range(3)]
    assert [one.headers for one in records] == [
        good,
        [(raw.decode("utf-8", "replace"), b"\xff\x00"), *good],
        good,
    ]
    assert {type(one.value) for one in records} == {bytes}
