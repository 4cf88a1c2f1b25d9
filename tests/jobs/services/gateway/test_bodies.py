"""Bodies over HTTP, as a server of uvicorn's hands them over: no Kafka is needed to see what it would get."""

from __future__ import annotations

import gzip
import http.client
import json
import struct
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.services.gateway.bodies import MOST_BYTES, BadBodyError, encode_response, read_request
from jobs.services.gateway.content_codings import LongBodyError, UnsupportedCodingError
from jobs.services.gateway.held_bytes import BodyMemory, BusyError
from tests.support.http_servers import http_server

STATUS = {UnsupportedCodingError: 415, LongBodyError: 413, BadBodyError: 400}


async def give_back(request: Request) -> Response:
    try:
        with BodyMemory(3 * MOST_BYTES).hold() as held:
            body = await read_request(request, held)
    except tuple(STATUS) as error:
        return Response(str(error), STATUS[type(error)])
    return await encode_response(Response(body), request)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with http_server(Starlette(routes=[Route("/", give_back, methods=["POST"])])) as exposure:
        yield exposure.port


def post(
    port: int, body: bytes | Iterable[bytes], **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", "/", body, names, encode_chunked=not isinstance(body, bytes))
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_kafka_would_get_the_plain_request(port: int) -> None:
    body = json.dumps({"inputs": [{"name": "x", "shape": [0], "datatype": "FP64", "data": []}]}).encode()
    for coding, sent in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body)), ("", body)):
        assert post(port, sent, Content_Encoding=coding)[:2] == (200, body)
    both = zlib.compress(gzip.compress(body))
    assert post(port, both, Content_Encoding="gzip, deflate")[:2] == (200, body)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_the_length_of_the_json_is_that_of_the_decoded_body(port: int, coding: str) -> None:
    """As Triton counts it: the binary tensors follow the JSON in the decoded body."""
    rows = np.arange(4.0)
    tensor = {"name": "x", "shape": [4], "datatype": "FP64", "parameters": {"binary_data_size": rows.nbytes}}
    head = json.dumps({"inputs": [tensor]}).encode()
    body = head + struct.pack("<4d", *rows)
    sent = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    headers = {"Content_Encoding": coding, "Inference_Header_Content_Length": str(len(head))}
    status, got, _ = post(port, sent, **headers)
    assert (status, json.loads(got)["inputs"][0]["data"]) == (200, [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("br", b"anything", 415),
        ("gzip, br", b"anything", 415),
        ("gzip", b'{"inputs": []}', 400),
        ("gzip", gzip.compress(b'{"inputs": []}', mtime=0)[:-3], 400),
        ("deflate", zlib.compress(b'{"inputs": []}')[:-3], 400),
        ("gzip", gzip.compress(bytes(MOST_BYTES + 1), mtime=0), 413),
        ("deflate", zlib.compress(bytes(MOST_BYTES + 1)), 413),
        ("identity", bytes(MOST_BYTES + 1), 413),
    ],
)
def test_what_cannot_be_decoded_never_gets_so_far(port: int, coding: str, body: bytes, status: int) -> None:
    assert post(port, body, Content_Encoding=coding)[0] == status


@pytest.mark.parametrize("head", [b"[" * 100_000, b'{"a": ' + b"[" * 100_000, b'{"inputs": 5}'])
def test_json_that_is_not_a_request_before_tensors_is_a_bad_body(port: int, head: bytes) -> None:
    status, got, _ = post(port, head, Inference_Header_Content_Length=str(len(head)))
    assert status == 400, got


def test_other_values_of_a_request_with_tensors_stay_as_they_are_written(port: int) -> None:
    head = b'{"id":"1","inputs":[{"name":"x","datatype":"INT64","shape":[1],"parameters":{"a":1.50,' + (
        b'"binary_data_size":8}}],"parameters":{"big":123456789012345678901234567890}}'
    )
    status, got, _ = post(port, head + bytes(8), Inference_Header_Content_Length=str(len(head)))
    assert status == 200
    assert b'"parameters":{"a":1.50},"data":[0]' in got
    assert b'"big":123456789012345678901234567890' in got


def test_decoding_a_large_body_blocks_no_other_request(port: int) -> None:
    data = bytes(MOST_BYTES - 1_000)
    head = json.dumps(
        {"inputs": [{"datatype": "UINT8", "parameters": {"binary_data_size": len(data)}}]}
    ).encode()
    longest = 0.0
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(post, port, head + data, Inference_Header_Content_Length=str(len(head)))
        while not large.done():
            start = monotonic()
            assert post(port, b"{}")[0] == 200
            longest = max(longest, monotonic() - start)
    assert large.result()[0] == 413, "16 million characters of JSON"
    assert longest < 0.4


@pytest.mark.parametrize("chunked", [True, False])
def test_of_a_body_that_is_too_long_nothing_is_held(port: int, chunked: bool) -> None:
    """It is refused at once if its length is declared, and discarded as it arrives."""
    tracemalloc.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.putrequest("POST", "/")
        connection.putheader(
            *(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "400000000"))
        )
        connection.endheaders()
        for _ in range(400):
            connection.send(b"%x\r\n" % 1_000_000 * chunked + bytes(1_000_000) + b"\r\n" * chunked)
        connection.send(b"0\r\n\r\n" * chunked)
        answer = connection.getresponse()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        connection.close()
    assert answer.status == 413
    assert peak < (3 * MOST_BYTES if chunked else MOST_BYTES)


def test_all_bodies_together_are_bounded() -> None:
    memory = BodyMemory(10)
    with memory.hold() as first, memory.hold() as second:
        first.add(8)
        second.add(2)
        with pytest.raises(BusyError):
            second.add(1)
    assert memory.used == 0


def test_numbers_that_are_longer_as_text_are_bounded_as_text(port: int) -> None:
    data = np.random.default_rng(1).random(MOST_BYTES // 10).tobytes()
    tensor = {
        "name": "x",
        "shape": [len(data) // 8],
        "datatype": "FP64",
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    assert len(head + data) < MOST_BYTES
    assert post(port, head + data, Inference_Header_Content_Length=str(len(head)))[0] == 413


def test_a_client_that_asks_before_it_sends_is_refused_at_once(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", "1000000000")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_response_comes_as_the_client_accepts_it(port: int, coding: str) -> None:
    body = b'{"inputs": []}' + b" " * 5_000
    status, got, headers = post(port, body, Accept_Encoding=coding)
    assert (status, headers["content-encoding"], headers["vary"]) == (200, coding, "accept-encoding")
    assert (gzip if coding == "gzip" else zlib).decompress(got) == body
    assert len(got) < 200


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0"])
def test_a_client_that_accepts_nothing_else_gets_plain_bytes(port: int, accepted: str) -> None:
    body = b'{"inputs": []}' + b" " * 5_000
    status, got, headers = post(port, body, Accept_Encoding=accepted)
    assert (status, got, headers["content-encoding"]) == (200, body, None)


def test_a_short_response_stays_as_it_is(port: int) -> None:
    assert post(port, b"{}", Accept_Encoding="gzip")[1] == b"{}"
