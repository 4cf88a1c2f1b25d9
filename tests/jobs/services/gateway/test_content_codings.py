"""Bodies as Python's gzip and zlib encode them, decoded within a bound."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.services.gateway.content_codings import (
    CODINGS,
    CorruptBodyError,
    LongBodyError,
    UnsupportedCodingError,
    accepted_coding,
    decode_body,
    encode_body,
    parse_codings,
)

MOST = 100_000


def raw_deflate(body: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(body) + encoder.flush()


ENCODERS = {"gzip": [gzip.compress], "deflate": [zlib.compress, raw_deflate]}
both = st.sampled_from([(coding, encode) for coding, all_ in ENCODERS.items() for encode in all_])


@given(body=st.binary(max_size=2_000), chain=st.lists(both, max_size=3))
def test_what_was_encoded_is_decoded(body: bytes, chain: list[tuple[str, object]]) -> None:
    encoded = body
    for _, encode in chain:
        encoded = encode(encoded)  # type: ignore[operator]
    header = ", ".join(coding for coding, _ in chain)
    assert decode_body(encoded, parse_codings(header), MOST) == body


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_encoded_here_others_decode(coding: str) -> None:
    decode = gzip.decompress if coding == "gzip" else zlib.decompress
    assert decode(encode_body(b"an answer", coding)) == b"an answer"


def test_several_members_of_gzip_are_one_body() -> None:
    assert decode_body(gzip.compress(b"one ") + gzip.compress(b"two"), ["gzip"], MOST) == b"one two"


@given(body=st.binary(min_size=1, max_size=500), pair=both, data=st.data())
def test_a_body_that_was_cut_is_refused(body: bytes, pair: tuple[str, object], data: st.DataObject) -> None:
    coding, encode = pair
    encoded = encode(body)  # type: ignore[operator]
    cut = encoded[: data.draw(st.integers(1, len(encoded) - 1))]
    with pytest.raises(CorruptBodyError, match=f"the body is not valid {coding}, or is truncated: "):
        decode_body(cut, [coding], MOST)


@given(body=st.binary(max_size=200), coding=st.sampled_from(CODINGS))
def test_any_bytes_are_decoded_or_refused(body: bytes, coding: str) -> None:
    with contextlib.suppress(CorruptBodyError, LongBodyError):
        decode_body(body, [coding], MOST)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("body", [b'{"inputs": []}', b"x" * 100])
def test_a_plain_body_that_calls_itself_encoded_is_refused(coding: str, body: bytes) -> None:
    with pytest.raises(CorruptBodyError, match=f"the body is not valid {coding}"):
        decode_body(body, [coding], MOST)


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress, raw_deflate])
def test_what_is_left_behind_the_end_is_refused(encode: object) -> None:
    coding = "gzip" if encode is gzip.compress else "deflate"
    with pytest.raises(CorruptBodyError):
        decode_body(encode(b"{}") + b"more", [coding], MOST)  # type: ignore[operator]


@pytest.mark.parametrize(("coding", "encode"), [(c, e) for c, all_ in ENCODERS.items() for e in all_])
def test_a_body_may_be_as_long_as_it_may_and_no_longer(coding: str, encode: object) -> None:
    assert len(decode_body(encode(bytes(MOST)), [coding], MOST)) == MOST  # type: ignore[operator]
    with pytest.raises(LongBodyError):
        decode_body(encode(bytes(MOST + 1)), [coding], MOST)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        (["gzip"], gzip.compress(bytes(200_000_000), 1)),
        (["deflate"], zlib.compress(bytes(200_000_000), 1)),
        (["deflate"], raw_deflate(bytes(200_000_000))),
        (["gzip", "gzip"], gzip.compress(gzip.compress(bytes(200_000_000), 1), 1)),
        (["gzip"], gzip.compress(b"") * 100_000 + gzip.compress(bytes(200_000_000), 1)),
    ],
    ids=["gzip", "zlib", "raw", "twice", "members"],
)
def test_a_bomb_costs_one_limit(codings: list[str], body: bytes) -> None:
    most = 4_000_000
    tracemalloc.start()
    try:
        with pytest.raises(LongBodyError):
            decode_body(body, codings, most)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * most


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", []),
        ("identity", []),
        ("gzip", ["gzip"]),
        ("GZip", ["gzip"]),
        ("x-gzip", ["gzip"]),
        ("deflate, gzip", ["deflate", "gzip"]),
        ("deflate ,identity,, gzip", ["deflate", "gzip"]),
    ],
)
def test_codings_are_read_as_http_writes_them(header: str, codings: list[str]) -> None:
    assert parse_codings(header) == codings


@pytest.mark.parametrize("header", ["br", "gzip, zstd", "compress", "gzip;q=1", ",".join(["gzip"] * 5)])
def test_other_codings_are_refused(header: str) -> None:
    with pytest.raises(UnsupportedCodingError, match="Content-Encoding"):
        parse_codings(header)


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", ""),
        ("identity", ""),
        ("br, zstd", ""),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("X-GZip", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("deflate, gzip", "gzip"),
        ("gzip;q=0.2, deflate;q=0.8", "deflate"),
        ("gzip;q=0", ""),
        ("gzip; q=0.000, deflate", "deflate"),
        ("*", "gzip"),
        ("gzip;q=0, *", "deflate"),
        ("*;q=0", ""),
        ("gzip;q=0.5, identity", ""),
        ("gzip;q=high", ""),
    ],
)
def test_a_response_is_encoded_as_the_client_likes_best(header: str, coding: str) -> None:
    assert accepted_coding(header) == coding
