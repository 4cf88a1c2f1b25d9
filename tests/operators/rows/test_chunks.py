from __future__ import annotations

import numpy as np
import pytest

from operators.rows.chunks import Chunk, SubtaskId, decode, decode_sender, join


def chunk(n: int, width: int = 3, dtype: type = np.float32) -> Chunk:
    rng = np.random.default_rng(n)
    return Chunk(
        "income",
        "income-drift",
        4,
        3,
        False,
        SubtaskId(1, 2),
        rng.normal(size=(n, width)).astype(dtype),
        ("a", "b"),
        np.arange(n, dtype=np.int8) % 2,
        np.arange(n, dtype=np.int32) % 2,
        np.arange(n, dtype=np.int64) + 2**40,
        np.arange(n, dtype=np.int64),
    )


def assert_equal(one: Chunk, other: Chunk) -> None:
    assert (one[:6], one.topics) == (other[:6], other.topics)
    for mine, yours in zip((one.rows, *one[8:]), (other.rows, *other[8:]), strict=True):
        assert mine.dtype == yours.dtype
        assert np.array_equal(mine, yours, equal_nan=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
@pytest.mark.parametrize("n", [0, 1, 17])
def test_a_chunk_survives_encoding(n: int, dtype: type) -> None:
    assert_equal(decode(chunk(n, dtype=dtype).encode()), chunk(n, dtype=dtype))


def test_the_key_is_read_without_the_rows() -> None:
    assert decode_sender(chunk(5).encode()) == (chunk(5).key, chunk(5).sender)


def test_no_part_is_longer_than_a_megabyte() -> None:
    whole = chunk(40_000, width=20, dtype=np.float64)
    encoded = [part.encode() for part in whole.parts()]
    assert len(encoded) > 1
    assert max(map(len, encoded)) < 1_010_000
    assert_equal(join([decode(part) for part in encoded]), whole)


def test_a_chunk_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="a chunk of version 4"):
        decode(b"\x04" + chunk(1).encode()[1:])


def test_rows_of_several_topics_keep_their_topics_after_joining() -> None:
    one = chunk(2)._replace(topics=("x", "y"), topic=np.array([0, 1], dtype=np.int8))
    other = chunk(1)._replace(topics=("y",), topic=np.array([0], dtype=np.int8))
    joined = join([one, other])
    assert [joined.topics[i] for i in joined.topic] == ["x", "y", "y"]
