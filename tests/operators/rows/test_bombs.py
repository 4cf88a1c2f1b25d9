"""Encoded rows and counts that would become far more than they can contain: each costs little."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from operators.rows.chunks import decode, decode_sender
from operators.rows.counted_rows import decode_counted
from operators.rows.encoding import MOST_BYTES
from operators.rows.pane import decode_pane
from operators.windows.messages import decode_rows
from tests.operators.rows.test_chunks import chunk
from tests.operators.rows.test_pane import pane

MB = 1_000_000
GIB_OF_ZEROS = b"".join(
    [(deflater := zlib.compressobj(9)).compress(bytes(2**20)) for _ in range(2**10)] + [deflater.flush()]
)
COUNTED = b"C\x01" + struct.pack("<QII", 1, 0, 1)


def encoded(version: int, header: Any, arrays: bytes) -> bytes:
    head = msgspec.msgpack.encode(header)
    return struct.pack("<BI", version, len(head)) + head + arrays


def bad_chunk(dtype: str, shape: object, arrays: bytes, topics: tuple[str, ...] = ("t",)) -> bytes:
    return encoded(3, ["p", "d", 1, 1, False, [0, 1], dtype, shape, topics], arrays)


def bad_pane(columns: object, arrays: bytes) -> bytes:
    return encoded(1, ["p", "d", 1, [["t", 0, 1, 1, 1]], 0, 0, columns], arrays)


def peak_of(decoded: Callable[[bytes], object], data: bytes) -> int:
    """Return the peak memory of decoding in bytes; it must fail with a ValueError of one line."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^(a chunk|a pane|counted rows) .*$"):
            decoded(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        bad_chunk("<f8", (1_000, 4), GIB_OF_ZEROS),
        bad_chunk("<f8", (0, 0), GIB_OF_ZEROS),
        bad_chunk("<f8", (2**27 - 4, 1), GIB_OF_ZEROS),
        bad_chunk("<f8", (1, 2**27 - 4), GIB_OF_ZEROS),
        bad_chunk("<f8", (2**62, 2**62), GIB_OF_ZEROS),
        bad_pane([(1_000, 0)], GIB_OF_ZEROS),
        bad_pane([(2**26, 0)], GIB_OF_ZEROS),
        bad_pane([(2**23, 0)] * 8, GIB_OF_ZEROS),
        COUNTED + bad_pane([(2**26, 0)], GIB_OF_ZEROS),
    ],
)
def test_a_megabyte_that_inflates_to_a_gigabyte_is_refused_for_little_memory(data: bytes) -> None:
    assert len(data) < 1.1 * MB
    decoder = decode_pane if data[:1] == b"\x01" else decode_rows
    assert peak_of(decoder, data) < 5 * MB


SMALL = zlib.compress(bytes(16))
CUT = zlib.compress(np.zeros(1_000).tobytes())


@pytest.mark.parametrize(
    "data",
    [
        b"\x03",
        struct.pack("<BI", 3, 2**32 - 1),
        chunk(3).encode()[:-5],
        chunk(3).encode() + b"more",
        encoded(3, {"not": "a list"}, SMALL),
        bad_chunk("<f8", (-1, 4), SMALL),
        bad_chunk("<f8", (1, -4), SMALL),
        bad_chunk("<f8", (0, 2**63), zlib.compress(b"")),
        bad_chunk("<f8", (1, MOST_BYTES // 8 - 3), SMALL),
        bad_chunk("|O", (1, 1), SMALL),
        bad_chunk("|V1000000000", (1, 1), SMALL),
        bad_chunk("", (1, 1), SMALL),
        bad_chunk("|u1", (1, 1), zlib.compress(bytes([0, 1] + [0] * 20))),
        bad_chunk("|u1", (1, 1), zlib.compress(bytes(22)), ()),
        bad_chunk("<f8", (1, 1), b"not deflated"),
    ],
)
def test_a_chunk_whose_header_and_bytes_do_not_fit_is_refused(data: bytes) -> None:
    assert peak_of(decode, data) < 5 * MB


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pane(0, 9).encode()[:-5],
        bad_pane([(-1, 0)], SMALL),
        bad_pane([(-1, 0), (2, 0)], SMALL),
        bad_pane([(2**62, 0)], SMALL),
        bad_pane([(10_000, 0)], SMALL),
        bad_pane([(1, 0)], CUT[:10]),
    ],
)
def test_a_pane_whose_header_and_bytes_do_not_fit_is_refused(data: bytes) -> None:
    assert peak_of(decode_pane, data) < 5 * MB
    assert peak_of(decode_counted, COUNTED + data) < 5 * MB


@pytest.mark.parametrize("data", [b"C", b"C\x01", COUNTED, COUNTED[:9]])
def test_counted_rows_that_are_cut_are_refused(data: bytes) -> None:
    assert peak_of(decode_counted, data) < 5 * MB


def test_the_longest_row_is_still_a_chunk() -> None:
    wide = chunk(1, width=2_000_000, dtype=np.float64)
    (part,) = wide.parts()
    assert decode(part.encode()).rows.shape == (1, 2_000_000)
    assert decode_sender(part.encode())[0] == wide.key
