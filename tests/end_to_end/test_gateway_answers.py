"""A gateway on a broker alone: the test applies a pipeline, and answers in place of the job."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer

from jobs.kafka.admin import create_control, create_topics
from jobs.services.gateway.app import Gateway
from operators.control.release import Head
from operators.kafka.connection import Connection
from operators.kafka.consumer import open_consumer
from operators.kafka.headers import ERROR, ERROR_REASON
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.end_to_end.test_page import release
from tests.support.broker import Broker
from tests.support.http_servers import http_server

TOPICS = Topics("weir", "answered")
HOSTILE = {
    "content-type": b"text/html",
    "set-cookie": b"a=b",
    "content-length": b"3",
    "x-accel-redirect": b"/etc/passwd",
    "x-a": b"1\r\nset-cookie: a=b",
    "x-who": b"me",
}


class Job:
    """Answers each request with `value` and `headers`, in a thread."""

    def __init__(self, broker: Broker) -> None:
        self.value = b"{}"
        self.headers: Mapping[str, bytes] = {}
        self._brokers = broker.brokers
        self._stopped = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(30)

    def _run(self) -> None:
        consumer, _ = open_consumer(self._brokers, [TOPICS.inputs("p")])
        with consumer, KafkaProducer(**self._brokers.options()) as producer:
            consumer.seek_to_beginning()
            while not self._stopped.is_set():
                for records in consumer.poll(timeout_ms=100).values():
                    for record in records:
                        headers = list(self.headers.items())
                        producer.send(TOPICS.outputs("p"), self.value, record.key, headers)


@pytest.fixture(scope="module")
def job(broker: Broker) -> Iterator[Job]:
    create_control(Connection(broker.brokers, TOPICS))
    create_topics(broker.brokers, [TOPICS.inputs("p"), TOPICS.outputs("p")], partitions=1)
    with KafkaProducer(**broker.brokers.options()) as producer:
        producer.send(TOPICS.control, key=b"release/p/1", value=msgspec.json.encode(release(1, "")))
        producer.send(TOPICS.control, key=b"head/p", value=msgspec.json.encode(Head(1)))
    job = Job(broker)
    yield job
    job.stop()


@pytest.fixture(scope="module")
def port(broker: Broker, job: Job) -> Iterator[int]:
    gateway = Gateway(Connection(broker.brokers, TOPICS), 20.0, 10)
    with http_server(gateway.app()) as server:
        await_true(lambda: ask(server.port, "GET", "/v2/models/p")[0] == 200, "the pipeline is live")
        yield server.port


def ask(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer.status, dict(answer.headers), json.load(answer)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("failure", "status"),
    [({}, 200), ({ERROR: b"o", ERROR_REASON: b"STEP_FAILED"}, 422), ({ERROR: b"o"}, 400)],
)
def test_headers_of_a_record_do_not_change_the_response(
    job: Job, port: int, failure: dict[str, bytes], status: int
) -> None:
    job.headers = HOSTILE | failure
    job.value = b'"<script>"' if not failure else b"no file /srv/models/o/model.joblib <script>"
    got, headers, body = ask(port, "POST", "/v2/models/p/infer", b"{}")
    assert got == status
    assert headers["x-who"] == "me"
    assert not {"set-cookie", "x-accel-redirect", "x-a"} & set(headers)
    if failure:
        assert body["error"].endswith(": no file (path) <script>")


def test_errors_list_no_other_pipelines(job: Job, port: int) -> None:
    for path in ("/v2/models/nobody/infer", "/v2/models/p/versions/9/infer"):
        status, _, body = ask(port, "POST", path, b"{}")
        assert status == 404
        assert "there are" not in body["error"]
    job.headers = {ERROR: b"", ERROR_REASON: b"UNKNOWN_PIPELINE"}
    job.value = b"there is no pipeline q; there are p, secret"
    assert ask(port, "POST", "/v2/models/p/infer", b"{}")[2] == {
        "error": "UNKNOWN_PIPELINE: there is no pipeline q"
    }


def test_what_there_is_not_and_what_is_not_allowed_are_json_too(port: int) -> None:
    assert ask(port, "GET", "/etc/passwd")[0] == 404
    status, headers, _ = ask(port, "DELETE", "/v2/models/p/infer")
    assert (status, headers["allow"]) == (405, "POST")


def test_deep_json_is_the_request_of_a_bad_client(port: int) -> None:
    head = b'{"inputs": ' + b"[" * 200_000
    sent = {"Inference_Header_Content_Length": str(len(head))}
    status, _, body = ask(port, "POST", "/v2/models/p/infer", head, **sent)
    assert (status, body["error"]) == (400, "BAD_REQUEST: the JSON is nested too deeply")
