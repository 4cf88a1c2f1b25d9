"""Bodies over HTTP, as a server of uvicorn's hands them over: no Kafka is needed to see what it would get."""

from __future__ import annotations

import gzip
import http.client
import json
import struct
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from threading import Thread
from time import monotonic, sleep

import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.services.gateway.bodies import MOST_BYTES, BadBodyError, encode_response, read_request
from jobs.services.gateway.content_codings import LongBodyError, UnsupportedCodingError
from tests.support.servers import free_port

STATUS = {UnsupportedCodingError: 415, LongBodyError: 413, BadBodyError: 400}


async def give_back(request: Request) -> Response:
    try:
        body = await read_request(request)
    except tuple(STATUS) as error:
        return Response(str(error), STATUS[type(error)])
    return await encode_response(Response(body), request)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    app = Starlette(routes=[Route("/", give_back, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        deadline = monotonic() + 30
        while not server.started:
            assert monotonic() < deadline, "the server does not start"
            sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(30)


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


def test_json_that_is_nested_too_deeply_before_tensors_is_a_bad_body(port: int) -> None:
    head = b"[" * 100_000
    status, got, _ = post(port, head, Inference_Header_Content_Length=str(len(head)))
    assert status == 400, got


def test_a_body_without_a_content_length_is_bounded_too(port: int) -> None:
    tracemalloc.start()
    try:
        status, _, _ = post(port, (bytes(1_000_000) for _ in range(40)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status == 413
    assert peak < 3 * MOST_BYTES


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
