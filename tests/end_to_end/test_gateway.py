"""The synchronous door, asked by a V2 client that nobody here wrote."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy
from tests.end_to_end.deployment import Deployment, await_true, deployed
from tests.end_to_end.project import Project

WEIR = Path(sys.executable).with_name("weir")
PIPELINE = "income-workflow"
SLOW: dict[str, Any] = {"steps": [{"name": "income"}], "output": {"steps": ["income"]}}


class Door(str):
    """`host:port` of a gateway."""

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://{self}{path}", data, names)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), dict(error.headers)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://{self}{path}", timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@contextmanager
def gateway(stack: Stack, namespace: str, *options: str) -> Iterator[Door]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "WEIR_HOME": str(stack.folder)}
    command = [WEIR, "gateway", "--port", str(port), "--namespace", namespace, *options]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        assert b"listening on" in process.stdout.readline()
        door = Door(f"127.0.0.1:{port}")
        assert door.get("/v2/health/live")[0] == 200, "it answers as soon as it prints that it listens"
        yield door
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=30)
        assert b"Traceback" not in output, output.decode()


@pytest.fixture(scope="module")
def job(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(stack, tmp_path_factory.mktemp("gateway"), models, "gateway") as job:
        yield job


@pytest.fixture(scope="module")
def door(stack: Stack, job: Deployment) -> Iterator[Door]:
    with gateway(stack, "gateway") as door:
        await_true(lambda: door.get("/v2/health/ready")[0] == 200, "the gateway is ready")
        yield door


@pytest.fixture(scope="module")
def rows(models: Path) -> Any:
    holdout = np.load(models / "holdout.npy")
    return holdout[~np.isnan(holdout).any(axis=1)]


def request(rows: Any, **fields: Any) -> dict[str, Any]:
    tensor = {"name": "x", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}
    return {"inputs": [tensor], **fields}


@pytest.mark.parametrize("binary", [True, False])
def test_a_foreign_client_finds_a_v2_server(door: Door, rows: Any, binary: bool) -> None:
    client = triton.InferenceServerClient(door)
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(PIPELINE)
        assert client.get_server_metadata()["name"] == "weir"
        assert client.get_model_metadata(PIPELINE)["versions"] == ["1"]
        tensor = triton.InferInput("x", [20, 12], "FP64")
        tensor.set_data_from_numpy(rows[:20], binary_data=binary)
        answer = client.infer(PIPELINE, [tensor], request_id="seven")
        assert answer.as_numpy("predict").shape == (20, 1)
        assert answer.as_numpy("is_outlier").shape == (1, 20)
        response = answer.get_response()
        assert (response["id"], response["model_name"], response["model_version"]) == ("seven", PIPELINE, "1")
        with pytest.raises(InferenceServerException, match="there is no pipeline nobody; weir get lists"):
            client.infer("nobody", [tensor])
        narrow = triton.InferInput("x", [1, 5], "FP64")
        narrow.set_data_from_numpy(rows[:1, :5], binary_data=binary)
        with pytest.raises(InferenceServerException, match="STEP_FAILED"):
            client.infer(PIPELINE, [narrow])
    finally:
        client.close()


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("asked", [None, "gzip", "deflate"])
@pytest.mark.parametrize("sent", ["gzip", "deflate"])
def test_a_foreign_client_may_compress(
    door: Door, rows: Any, sent: str, asked: str | None, binary: bool
) -> None:
    client = triton.InferenceServerClient(door)
    try:
        tensor = triton.InferInput("x", [200, 12], "FP64")
        tensor.set_data_from_numpy(rows[:200], binary_data=binary)
        plain = client.infer(PIPELINE, [tensor])
        answer = client.infer(
            PIPELINE, [tensor], request_compression_algorithm=sent, response_compression_algorithm=asked
        )
        for name in ("predict", "is_outlier"):
            assert np.array_equal(answer.as_numpy(name), plain.as_numpy(name))
        narrow = triton.InferInput("x", [1, 5], "FP64")
        narrow.set_data_from_numpy(rows[:1, :5], binary_data=binary)
        with pytest.raises(InferenceServerException, match="STEP_FAILED"):
            client.infer(
                PIPELINE, [narrow], request_compression_algorithm=sent, response_compression_algorithm=asked
            )
    finally:
        client.close()


@pytest.mark.parametrize(
    ("coding", "body", "status", "message"),
    [
        ("br", b"{}", 415, "Content-Encoding 'br' is not supported"),
        ("gzip", b"{}", 400, "BAD_REQUEST: the body is not valid gzip"),
        ("deflate", zlib.compress(b"{}")[:-1], 400, "BAD_REQUEST: the body is not valid deflate"),
        (
            "gzip",
            gzip.compress(bytes(50_000_000)),
            413,
            "RECORD_TOO_LONG: a request may have at most 8,388,608 bytes",
        ),
    ],
)
def test_a_body_that_cannot_be_decoded_is_refused_with_the_reason(
    door: Door, coding: str, body: bytes, status: int, message: str
) -> None:
    found, answer, headers = door.post(f"/v2/models/{PIPELINE}/infer", body, Content_Encoding=coding)
    assert (found, answer["error"][: len(message)]) == (status, message)
    assert headers.get("accept-encoding") == ("gzip, deflate" if status == 415 else None)


def test_seldons_header_names_the_pipeline(door: Door, rows: Any) -> None:
    for name in ("income-production", "income-production.pipeline"):
        status, body, _ = door.post("/v2/models/model/infer", request(rows[:2]), seldon_model=name)
        assert status == 200
        assert [one["name"] for one in body["outputs"]] == ["predict", "is_outlier"]
    status, body, _ = door.post("/v2/pipelines/income-production/infer", request(rows[:2]))
    assert (status, body["model_name"]) == (200, "income-production")


def test_own_and_trace_headers_come_back(door: Door, rows: Any) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    path = f"/v2/models/{PIPELINE}/versions/1/infer"
    status, _, headers = door.post(path, request(rows[:1]), x_who="me", traceparent=trace)
    assert status == 200
    assert (headers["x-who"], headers["traceparent"], headers["x-pipeline-version"]) == ("me", trace, "1")


def tensor(datatype: str, *data: float) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [1, len(data)], "datatype": datatype, "data": data}]}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "UNREADABLE"),
        (b"", 400, "UNREADABLE"),
        ({"inputs": []}, 400, "BAD_REQUEST"),
        (tensor("FP65", *[1.0] * 12), 400, "BAD_REQUEST"),
        (tensor("FP64", 1.0, 2.0), 422, "STEP_FAILED"),
        (b'{"inputs": "' + b"x" * 2_000_000 + b'"}', 413, "RECORD_TOO_LONG"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    door: Door, body: Any, status: int, reason: str
) -> None:
    found, answer, _ = door.post(f"/v2/models/{PIPELINE}/infer", body)
    assert found == status, answer
    assert answer["error"].startswith(reason)


@pytest.mark.parametrize("length", ["x", "999999", "3"])
def test_a_broken_binary_request_is_refused(door: Door, length: str) -> None:
    headers = {"Inference_Header_Content_Length": length}
    status, answer, _ = door.post(f"/v2/models/{PIPELINE}/infer", b'{"inputs":[]}', **headers)
    assert (status, answer["error"][:11]) == (400, "BAD_REQUEST")


def test_unknown_names_and_versions_are_not_found(door: Door, rows: Any) -> None:
    assert door.post("/v2/models/nobody/infer", request(rows[:1]))[0] == 404
    status, answer, _ = door.post(f"/v2/models/{PIPELINE}/versions/9/infer", request(rows[:1]))
    assert (status, answer["error"]) == (404, f"version 9 of {PIPELINE} is not live; version 1 is")
    assert door.get("/v2/models/nobody/ready")[0] == 404
    assert door.get(f"/v2/models/{PIPELINE}/ready") == (200, {"name": PIPELINE, "ready": True})


def test_each_of_many_at_once_has_its_own_answer(door: Door, rows: Any) -> None:
    def ask(number: int) -> tuple[int, str]:
        status, body, _ = door.post(f"/v2/models/{PIPELINE}/infer", request(rows[:1], id=f"n{number}"))
        return status, body["id"]

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, range(400))) == [(200, f"n{number}") for number in range(400)]


def test_a_pipeline_applied_later_is_served_too(
    door: Door, job: Deployment, models: Path, tmp_path: Path, rows: Any
) -> None:
    project = Project(tmp_path, models)
    # The job may run only what lies below its own trusted root.
    file = project.write("later_on", SLOW)
    file.write_text(file.read_text().replace(str(project.models), str(models)))
    apply([file], job.connection, make_policy(str(models), ""))
    await_true(lambda: door.get("/v2/models/later_on/ready")[0] == 200, "the new pipeline is ready")
    status, body, _ = door.post("/v2/models/later_on/infer", request(rows[:1]))
    assert (status, body["model_name"]) == (200, "later_on")


def test_nothing_is_awaited_longer_than_it_may_nor_by_more_than_may(
    stack: Stack, models: Path, tmp_path: Path, rows: Any
) -> None:
    """No job runs in this namespace."""
    where = Connection(stack.brokers, Topics("weir", "nobody-answers"))
    Project(tmp_path, models).apply(where, "silent", SLOW)
    with (
        gateway(stack, "nobody-answers", "--timeout", "3", "--in-flight", "2") as door,
        ThreadPoolExecutor(5) as pool,
    ):
        assert door.get("/v2/health/ready") == (503, {"ready": False})
        assert door.get("/v2/models/silent/ready")[0] == 503
        asked = [pool.submit(door.post, "/v2/models/silent/infer", request(rows[:1])) for _ in range(5)]
        found = [one.result() for one in asked]
    assert sorted(status for status, _, _ in found) == [503, 503, 503, 504, 504]
    by_status = {status: (body["error"], headers) for status, body, headers in found}
    assert "no response within 3 s; run weir status silent" in by_status[504][0]
    assert by_status[503][1]["retry-after"] == "1"
