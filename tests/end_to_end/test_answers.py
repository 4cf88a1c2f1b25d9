"""One job at parallelism 2 on a real cluster, asked everything that a client may ask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.drift.alibi_detect_files import read_drift
from jobs.kafka.pipeline_client import request_body
from jobs.local_stack.stack import Stack
from jobs.traffic.local.emitted_records import EmittedResponse
from operators.windows.report import read_report
from tests.corpus.payloads import CASES, good
from tests.end_to_end.deployment import Deployment, await_answers, await_true, deployed
from tests.jobs.traffic.local.deployed import deploy, letters, local, numbered, reports

SIZE = 300
# Headers that a dead letter repeats from its request.
_HEADERS = [("x-who", b"me"), ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
GOOD: list[Any] = [40.0, 2, 1, 1, 3, 0, 3, 1, 0, 0, 40, 4]


@pytest.fixture(scope="module")
def deployment(stack: Stack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("answers")
    with deployed(stack, folder, models, "answers", size=SIZE, settings=["--parallelism", "2"]) as one:
        yield one


@pytest.fixture(scope="module")
def holdout(models: Path) -> Any:
    return np.load(models / "holdout.npy")


def body(data: Any, shape: list[int], datatype: str = "FP64", **more: Any) -> bytes:
    tensor = {"name": "input_1", "shape": shape, "datatype": datatype, "data": data}
    return json.dumps({"inputs": [tensor], **more}).encode()


def test_one_response_holds_prediction_outlier_and_drift(deployment: Deployment) -> None:
    with deployment.client("income-workflow") as client:
        answer = client.ask(body(GOOD * 3, [3, 12], id="abc"), seconds=120)
    outputs = answer.outputs()
    shapes = {name: (tensor["datatype"], tensor["shape"]) for name, tensor in outputs.items()}
    assert shapes == {
        "predict": ("INT64", [3, 1]),
        "is_outlier": ("INT64", [1, 3]),
        "instance_score": ("FP64", [1, 3]),
        "violations": ("INT64", [3, 1]),
        "is_drift": ("INT64", [1, 1]),
    }
    assert json.loads(answer.value)["id"] == "abc"


def test_key_and_headers_come_back_and_the_origin_is_named(deployment: Deployment) -> None:
    sent = [("x-request-id", b"r1"), ("traceparent", b"00-abc"), ("x-tenant", "ü".encode())]
    with deployment.client("income-production") as client:
        key = client.send(body(GOOD, [1, 12]), headers=sent)
        client.producer.flush()
        (answer,) = await_answers(client, [key])[key]
    for name, value in sent:
        assert answer.headers[name] == value
    assert answer.headers["pipeline"] == b"income-production"
    assert answer.headers["x-pipeline-version"] == b"1"
    assert answer.headers["weir-request-topic"] == client.inputs.encode()


def test_a_request_without_a_key_is_found_by_partition_and_offset(deployment: Deployment) -> None:
    with deployment.client("income-production") as client:
        sent = client.producer.send(client.inputs, value=body(GOOD, [1, 12])).get(timeout=30)
        for answer in client.answers(60):
            if answer.key == b"" and answer.headers["weir-request-offset"] == str(sent.offset).encode():
                break
        else:
            pytest.fail("no answer carries the request's offset")
    assert answer.headers["weir-request-partition"] == str(sent.partition).encode()


def bad_requests() -> dict[str, tuple[bytes | None, str]]:
    """Name → value and reason."""
    return {
        "not-json": (b"{nope", "UNREADABLE"),
        "empty": (b"", "UNREADABLE"),
        "binary": (bytes(range(256)), "UNREADABLE"),
        "tombstone": (None, "TOMBSTONE"),
        "list": (b"[1, 2]", "BAD_REQUEST"),
        "no-inputs": (b"{}", "BAD_REQUEST"),
        "no-tensor": (b'{"inputs": []}', "BAD_REQUEST"),
        "shape": (body(GOOD, [2, 12]), "BAD_REQUEST"),
        "negative-shape": (body(GOOD, [-1, 12]), "BAD_REQUEST"),
        "ragged": (body([GOOD, GOOD[:3]], [2, 12]), "BAD_REQUEST"),
        "datatype": (body(GOOD, [1, 12], "FLOAT"), "BAD_REQUEST"),
        "words": (body(["a"] * 12, [1, 12]), "BAD_REQUEST"),
        "fractions": (body([0.5] * 12, [1, 12], "INT64"), "BAD_REQUEST"),
        "width": (body(GOOD[:5], [1, 5]), "STEP_FAILED"),
        "strings": (body(["a"] * 12, [1, 12], "BYTES"), "STEP_FAILED"),
        "refused-value": (body([1e300, *GOOD[1:]], [1, 12], "FP32"), "STEP_FAILED"),
        "two-tensors": (
            json.dumps(
                {
                    "inputs": [
                        {"name": n, "shape": [1, 12], "datatype": "FP64", "data": GOOD} for n in ("a", "b")
                    ]
                }
            ).encode(),
            "STEP_FAILED",
        ),
        "ten-megabytes": (b'{"inputs": "' + b"x" * 10_000_000 + b'"}', "RECORD_TOO_LONG"),
        "many-rows": (body(GOOD * 40_000, [40_000, 12]), "RECORD_TOO_LONG"),
    }


def test_every_bad_request_becomes_a_dead_letter_and_its_neighbours_are_answered(
    deployment: Deployment,
) -> None:
    bad = bad_requests()
    pipeline = "income-workflow"
    with deployment.client(pipeline) as client:
        client.ask(body(GOOD, [1, 12]), seconds=120)
        keys = []
        for name, (value, _) in bad.items():
            key = f"bad-{name}".encode()
            client.producer.send(client.inputs, value=value, key=key, headers=_HEADERS)
            neighbour = client.send(body(GOOD, [1, 12]), key=f"good-{name}".encode())
            keys += [key, neighbour]
        client.producer.flush()
        answers = await_answers(client, keys)
    letters = {
        record.key.decode(): record
        for record in deployment.records(
            deployment.topics.errors,
            lambda found: {f"bad-{name}".encode() for name in bad} <= {record.key for record in found},
        )
    }
    for name, (value, reason) in bad.items():
        assert not answers[f"good-{name}".encode()][0].failed
        (error,) = answers[f"bad-{name}".encode()]
        assert error.failed
        assert error.headers["weir-error-reason"].decode() == reason, name
        letter = letters[f"bad-{name}"]
        headers = dict(letter.headers)
        assert {name: headers[name] for name, _ in _HEADERS} == dict(_HEADERS)
        assert headers["__connect.errors.topic"] == client.inputs.encode()
        assert headers["__connect.errors.exception.class.name"].decode() == reason
        assert headers["__connect.errors.exception.message"] == error.value
        if reason == "RECORD_TOO_LONG":
            assert value is not None
            assert letter.value == value[:1_048_576]
            assert headers["weir-original-length"] == str(len(value)).encode()
            assert headers["weir-original-sha256"] == hashlib.sha256(value).hexdigest().encode()
        else:
            assert letter.value == value
    assert deployment.failures() == 0


def test_a_missing_value_is_answered(deployment: Deployment) -> None:
    with deployment.client("income-production") as client:
        answer = client.ask(body([None, None, *GOOD[2:]], [1, 12]))
    assert answer.outputs()["predict"]["data"][0] in (0, 1)


def test_flat_and_nested_rows_are_answered_alike(deployment: Deployment, holdout: Any) -> None:
    rows = np.nan_to_num(holdout[:40])
    with deployment.client("income-production") as client:
        flat = client.ask(body(rows.ravel().tolist(), [40, 12]))
        nested = client.ask(body(rows.tolist(), [40, 12]))
    assert flat.outputs() == nested.outputs()
    assert flat.outputs()["predict"]["shape"] == [40, 1]
    assert flat.outputs()["is_outlier"]["shape"] == [1, 40]


def test_windows_hold_exactly_n_rows_of_requests_that_their_reports_name(
    deployment: Deployment, models: Path, holdout: Any
) -> None:
    step, pipeline = "income-drift", "income-production"
    rng = np.random.default_rng(0)
    with deployment.client(pipeline) as client:
        keys = []
        for i in range(400):
            rows = holdout[rng.integers(0, len(holdout), int(rng.integers(1, 6)))]
            keys.append(client.send(request_body(rows, f"w{i}")))
        client.producer.flush()
        await_answers(client, keys)
    answered = deployment.records(
        deployment.topics.outputs(pipeline), lambda found: set(keys) <= {record.key for record in found}
    )
    total = sum(
        json.loads(record.value)["outputs"][0]["shape"][0]
        for record in answered
        if "seldon-pipeline-errors" not in dict(record.headers)
    )
    reports = deployment.reports(step, total // SIZE)
    assert len(reports) == total // SIZE
    assert [report["parameters"]["window"] for report in reports] == list(range(1, len(reports) + 1))

    requests = {
        (record.partition, record.offset): record
        for record in deployment.records(client.inputs, lambda found: set(keys) <= {r.key for r in found})
    }
    detector = read_drift(models / step)
    seen = 0
    for report in reports:
        parameters = report["parameters"]
        assert parameters["n"] == SIZE == sum(member["rows"] for member in parameters["members"])
        assert all((m["partition"], m["first_offset"]) in requests for m in parameters["members"])
        seen += parameters["n"]
        assert all(len(output["data"]) in (1, detector.n_features) for output in report["outputs"])
        columns = {output["name"]: output["data"] for output in report["outputs"]}
        level = detector.p_val / detector.n_features
        assert columns["is_drift"] == [int(min(columns["p_val"]) < level)]
    assert total - seen < SIZE


def test_responses_carry_the_verdict_of_the_last_window(deployment: Deployment, holdout: Any) -> None:
    with deployment.client("income-workflow") as client:
        older = holdout[: 2 * SIZE] + np.array([30.0, *[0.0] * 11])
        keys = [client.send(request_body(row[None], "older")) for row in older]
        client.producer.flush()
        await_answers(client, keys)
        reports = deployment.records(
            deployment.topics.model_outputs("income-drift-preprocessed"), lambda found: len(found) >= 2
        )
        report = read_report(reports[-1].value)
        verdict = report.flag() if report else None
        assert verdict is not None
        assert verdict.state == "DRIFT"

        def shown() -> bool:
            flag = client.ask(request_body(holdout[:1], "after")).outputs()["is_drift"]
            return bool(flag["parameters"]["window"] >= verdict.window and flag["data"] == [1])

        await_true(shown, "the response shows the last verdict")


def test_requests_are_answered_as_in_a_process_of_their_own(
    deployment: Deployment, models: Path, holdout: Any, tmp_path: Path
) -> None:
    values = [request_body(holdout[i : i + 1 + i % 3], f"r{i}") for i in range(60)]
    values += [value for value, _ in bad_requests().values() if value is not None]
    with deployment.client("income-production") as client:
        keys = [client.send(value) for value in values]
        client.producer.flush()
        answers = await_answers(client, keys)
    manifests = deploy(tmp_path, models, f"size: {SIZE}")
    emitted = list(local(manifests, models, "income-production").answer(numbered(*values)))
    bodies = {one.offset: one.body for one in emitted if isinstance(one, EmittedResponse)}
    failed = {one.offset: one for one in letters(emitted)}
    assert len(bodies) == 60
    for offset, key in enumerate(keys):
        (answer,) = answers[key]
        if offset in bodies:
            assert answer.value == bodies[offset]
        else:
            letter = failed[offset]
            assert answer.value.decode() == letter.message
            assert answer.headers["weir-error-reason"].decode() == letter.reason
            where = answer.headers["seldon-pipeline-errors"].decode()
            assert where == (letter.step or "income-production")


def test_windows_are_reported_as_in_a_process_of_their_own(
    deployment: Deployment, models: Path, holdout: Any, tmp_path: Path
) -> None:
    pipeline, step = "income-production", "income-drift"
    with deployment.client(pipeline) as client:
        keys = {client.send(request_body(row[None], "same")) for row in holdout[: 3 * SIZE]}
        client.producer.flush()
        await_answers(client, keys)
    records = deployment.records(client.inputs, lambda found: keys <= {record.key for record in found})
    sent = {(record.partition, record.offset): record.value for record in records if record.key in keys}

    def places(parameters: dict[str, Any]) -> list[tuple[int, int]]:
        return [
            (member["partition"], offset)
            for member in parameters["members"]
            for offset in range(member["first_offset"], member["last_offset"] + 1)
        ]

    report = deployment.report(step, lambda parameters: set(places(parameters)) <= sent.keys())
    values = [sent[place] for place in places(report["parameters"])]
    manifests = deploy(tmp_path, models, f"size: {SIZE}")
    emitted = list(local(manifests, models, pipeline).answer(numbered(*values)))
    ((partial, same),) = reports(emitted, step)
    assert not partial
    for one in (report, same):
        # These fields depend on when a window closed, and on the windows before it.
        for name in ("window", "closed_at", "first_timestamp", "last_timestamp", "members"):
            del one["parameters"][name]
        for name in ("confirmed", "confirmed_since_window"):
            del one["parameters"][name]
    assert report == same


def test_an_inputs_topic_without_a_pipeline_gets_dead_letters(deployment: Deployment) -> None:
    from kafka import KafkaProducer

    from jobs.kafka.admin import create_topics

    topic = deployment.topics.inputs("nobody")
    create_topics(deployment.connection.brokers, [topic], 1)
    producer = KafkaProducer(**deployment.connection.brokers.options())
    producer.send(topic, value=body(GOOD, [1, 12]), key=b"to-nobody").get(timeout=30)
    producer.close()
    letters = deployment.records(
        deployment.topics.errors, lambda found: b"to-nobody" in {record.key for record in found}
    )
    (letter,) = [record for record in letters if record.key == b"to-nobody"]
    assert dict(letter.headers)["__connect.errors.exception.class.name"] == b"UNKNOWN_PIPELINE"


def test_the_web_ui_shows_readable_names(deployment: Deployment) -> None:
    plan = deployment.stack.cluster.rest.get(f"/jobs/{deployment.job}")
    names = " ".join(vertex["name"] for vertex in plan["vertices"])
    for word in ("requests", "ticks", "infer", "monitor", "responses", "dead letters", "reports"):
        assert word in names
    assert "PythonCalc" not in names
    assert "TableToDataStream" not in names


def test_every_malformed_request_that_we_know_fails_with_its_reason_and_none_restarts_the_job(
    deployment: Deployment,
) -> None:
    failures = deployment.failures()
    with deployment.client("income-workflow") as client:
        keys = {}
        for name, case in CASES.items():
            headers = [("seldon-infer-type", case.infer_type.encode())] if case.infer_type else []
            keys[client.send(case.value, headers=headers)] = name
            keys[client.send(good())] = ""
        client.producer.flush()
        answers = await_answers(client, keys)
    for key, name in keys.items():
        answer = answers[key][0]
        assert answer.failed == bool(name), name
        if name:
            assert answer.headers["weir-error-reason"].decode() == CASES[name].reason, (name, answer.value)
            assert b"Traceback" not in answer.value
            assert len(answer.value) < 2_000
    assert deployment.failures() == failures
