"""What was written for Seldon, on the real broker and cluster."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.kafka.pipeline_client import Answer, request_body
from jobs.local_stack.stack import Stack
from operators.core.errors import DeploymentError
from operators.protocol.inference_pb2 import ModelInferRequest, ModelInferResponse
from tests.end_to_end.deployment import Deployment, await_answers, running

MODEL = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: {0}}}
spec: {{storageUri: {1}/{0}}}
"""
SOURCE = "external-source"
PIPELINES: dict[str, dict[str, Any]] = {
    SOURCE: {
        "steps": [
            {"name": "income-preprocess"},
            {"name": "income-classifier", "inputs": ["income-preprocess"]},
            {"name": "income-drift", "batch": {"size": 40}},
        ],
        "output": {"steps": ["income-classifier"]},
    },
    "reads-step": {
        "input": {"externalInputs": [f"{SOURCE}.step.income-preprocess.outputs.transform"]},
        "steps": [{"name": "income-outlier"}],
        "output": {"steps": ["income-outlier"]},
    },
    "reads-outputs": {
        "input": {
            "externalInputs": [f"{SOURCE}.outputs"],
            "tensorMap": {f"{SOURCE}.outputs.predict": "prediction"},
        },
        "steps": [{"name": "echo"}],
        "output": {"steps": ["echo"]},
    },
    "reads-reports": {
        "input": {"externalInputs": [f"{SOURCE}.step.income-drift.outputs.is_drift"]},
        "steps": [{"name": "echo"}],
        "output": {"steps": ["echo"]},
    },
    "timed": {
        "steps": [{"name": "income-drift", "batch": {"size": 1000, "windowMs": 3000}}],
        "output": {"steps": ["income-drift.outputs.is_drift"]},
    },
    "rolls": {"steps": [{"name": "income-drift", "batch": {"size": 50, "rolling": True}}]},
    "watched": {
        "steps": [{"name": "income"}, {"name": "income-outlier"}],
        "output": {"steps": ["income"]},
    },
    "broken": {"steps": [{"name": "doomed"}], "output": {"steps": ["doomed"]}},
}
ECHO = """
class Echo:
    row_by_row = True

    def __init__(self, folder, extra):
        pass

    def predict(self, tensors):
        return tensors
"""


def document(name: str, spec: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def write(folder: Path, models: Path, pipelines: dict[str, dict[str, Any]]) -> Path:
    """Write manifests of pipelines and of the models in their steps."""
    folder.mkdir(exist_ok=True)
    names = sorted({step["name"] for spec in pipelines.values() for step in spec["steps"]})
    documents = [MODEL.format(name, models) for name in names]
    documents += [document(name, spec) for name, spec in pipelines.items()]
    (folder / "all.yaml").write_text("\n---\n".join(documents))
    return folder


@pytest.fixture(scope="module")
def job(stack: Stack, tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Deployment]:
    """One job that serves all of them; the model of one is taken away before a worker can load it."""
    folder = tmp_path_factory.mktemp("pipelines")
    own = shutil.copytree(models, folder / "models")
    echo = own / "echo"
    echo.mkdir()
    (echo / "echo.py").write_text(ECHO)
    (echo / "model-settings.json").write_text('{"implementation": "echo.Echo"}')
    doomed = shutil.copytree(models / "income", own / "doomed")
    # Or the copy that is kept of another model with the same files would serve it.
    (doomed / "README").write_text("not the same digest")
    manifests = write(folder / "manifests", own, PIPELINES)

    def lose() -> None:
        shutil.rmtree(doomed)
        shutil.rmtree(folder / "cache")

    with running(stack, manifests, own, "pipelines", ["--parallelism", "2"], lose) as job:
        yield job


@pytest.fixture(scope="module")
def rows(models: Path) -> Any:
    """Rows to send, without missing values."""
    holdout = np.load(models / "holdout.npy")
    return holdout[~np.isnan(holdout).any(axis=1)]


def ask(job: Deployment, pipeline: str, bodies: list[bytes], **headers: bytes) -> list[Answer]:
    with job.client(pipeline) as client:
        keys = [client.send(body, headers=list(headers.items())) for body in bodies]
        client.producer.flush()
        answers = await_answers(client, keys)
    return [answers[key][0] for key in keys]


def protobuf(rows: Any, raw: bool) -> bytes:
    message = ModelInferRequest(id="proto")
    tensor = message.inputs.add(name="x", datatype="FP64", shape=rows.shape)
    if raw:
        message.raw_input_contents.append(rows.astype("<f8").tobytes())
    else:
        tensor.contents.fp64_contents.extend(rows.ravel())
    return bytes(message.SerializeToString())


def test_protobuf_is_answered_in_protobuf_with_what_json_is_answered(job: Deployment, rows: Any) -> None:
    bodies = [request_body(rows[:3], "json"), protobuf(rows[:3], raw=False), protobuf(rows[:3], raw=True)]
    in_json, typed, raw = ask(job, "watched", bodies)
    expected = in_json.outputs()["predict"]["data"]
    assert in_json.headers["seldon-infer-type"] == b"json/inferModelResponse"
    for answer in (typed, raw):
        assert answer.headers["seldon-infer-type"] == b"proto/InferModelResponse"
        message = ModelInferResponse.FromString(answer.value)
        assert (message.id, message.model_name, list(message.outputs[0].shape)) == (
            "proto",
            "watched",
            [3, 1],
        )
    assert list(ModelInferResponse.FromString(typed.value).outputs[0].contents.int64_contents) == expected
    contents = ModelInferResponse.FromString(raw.value).raw_output_contents
    assert np.frombuffer(contents[0], "<i8").tolist() == expected


def test_the_header_determines_how_a_request_is_decoded(job: Deployment, rows: Any) -> None:
    headers = {"seldon-infer-type": b"proto/InferModelRequest"}
    right, wrong = ask(
        job, "watched", [protobuf(rows[:1], raw=False), request_body(rows[:1], "a")], **headers
    )
    assert not right.failed
    assert wrong.failed
    assert wrong.headers["weir-error-reason"] == b"UNREADABLE"


def test_a_failing_monitor_costs_no_response_and_becomes_a_dead_letter(job: Deployment, rows: Any) -> None:
    (answer,) = ask(job, "watched", [request_body(rows[:1], "watched-one")])
    assert "predict" in answer.outputs()
    letters = job.records(
        job.topics.errors, lambda found: any(b"watched-one" in (record.value or b"") for record in found)
    )
    headers = dict(next(one for one in letters if b"watched-one" in (one.value or b"")).headers)
    assert headers["__connect.errors.exception.class.name"] == b"MONITOR_FAILED"
    assert headers["weir-error-step"] == b"income-outlier"


def test_a_pipeline_whose_model_vanished_names_it_and_the_others_answer(job: Deployment, rows: Any) -> None:
    (answer,) = ask(job, "broken", [request_body(rows[:1], "a")])
    assert answer.failed
    assert answer.headers["weir-error-reason"] == b"PIPELINE_FAILED"
    assert b"Model doomed" in answer.value
    assert not ask(job, "watched", [request_body(rows[:1], "b")])[0].failed
    assert job.failures() == 0


def test_pipelines_read_each_others_steps_responses_and_reports(job: Deployment, rows: Any) -> None:
    with (
        job.client("reads-step") as step,
        job.client("reads-outputs") as outputs,
        job.client("reads-reports") as reports,
    ):
        answers = ask(job, SOURCE, [*(request_body(row[np.newaxis], "r") for row in rows[:40]), b"junk"])
        keys = [answer.key for answer in answers[:40]]
        scored = await_answers(step, keys)
        echoed = await_answers(outputs, keys)
        drift_answers = await_answers(reports, [f"{SOURCE}/income-drift".encode()])
        assert answers[40].key not in scored.keys() | echoed.keys()
    for answer in answers[:40]:
        (one,) = scored[answer.key]
        assert set(one.outputs()) == {"instance_score", "is_outlier"}
        assert one.headers["pipeline"] == b"reads-step"
        assert one.headers["weir-request-topic"].endswith(b".model.income-preprocess.outputs")
        (other,) = echoed[answer.key]
        assert other.outputs()["prediction"]["data"] == answer.outputs()["predict"]["data"]
    ((report,),) = drift_answers.values()
    assert report.outputs()["is_drift"]["data"] in ([0], [1])


def test_a_window_that_does_not_fill_closes_by_the_clock(job: Deployment, rows: Any) -> None:
    ask(job, "timed", [request_body(rows[:30], "t")])
    (report,) = job.reports_of("timed", "income-drift", 1)[:1]
    parameters = report["parameters"]
    assert (parameters["n"], parameters["window"], parameters["state"]) == (30, 1, "INSUFFICIENT_DATA")
    assert sum(member["rows"] for member in parameters["members"]) == 30
    (later,) = ask(job, "timed", [request_body(rows[:5], "t")])
    assert later.outputs()["is_drift"]["parameters"]["state"] == "INSUFFICIENT_DATA"


def test_a_rolling_window_keeps_nine_tenths(job: Deployment, rows: Any) -> None:
    with job.client("rolls") as client:
        for row in rows[:75]:
            client.send(request_body(row[np.newaxis], "r"))
        client.producer.flush()
    reports = job.reports_of("rolls", "income-drift", 6)
    assert [report["parameters"]["n"] for report in reports] == [50] * 6
    assert [report["parameters"]["window"] for report in reports] == [1, 2, 3, 4, 5, 6]


def test_the_three_income_versions_run_from_one_name(
    stack: Stack, tmp_path: Path, models: Path, rows: Any
) -> None:
    drift = {"name": "income-drift", "batch": {"size": 20}}
    outlier = [{"name": "income-preprocess"}, {"name": "income-outlier", "inputs": ["income-preprocess"]}]
    versions: list[dict[str, Any]] = [
        {"steps": [{"name": "income"}], "output": {"steps": ["income"]}},
        {"steps": [{"name": "income"}, drift], "output": {"steps": ["income"]}},
        {
            "steps": [{"name": "income"}, *outlier, drift],
            "output": {"steps": ["income", "income-outlier.outputs.is_outlier"]},
        },
    ]
    shown = []
    for number, spec in enumerate(versions, start=1):
        manifests = write(tmp_path / "manifests", models, {"income-prod": spec})
        with running(stack, manifests, models, "versions") as job:
            (answer,) = ask(job, "income-prod", [request_body(rows[:20], "v")])
            assert answer.headers["x-pipeline-version"] == str(number).encode()
            shown.append({name: tensor["shape"] for name, tensor in answer.outputs().items()})
            if number > 1:
                report = job.report("income-drift", lambda parameters: parameters["generation"] == number)  # noqa: B023
                assert report["parameters"]["n"] == 20
    assert shown == [{"predict": [20, 1]}, {"predict": [20, 1]}, {"predict": [20, 1], "is_outlier": [1, 20]}]


def test_an_external_input_that_nobody_writes_is_refused(stack: Stack, tmp_path: Path, models: Path) -> None:
    spec = {**PIPELINES["reads-step"], "input": {"externalInputs": ["stranger.outputs.x"]}}
    manifests = write(tmp_path / "m", models, {"lonely": spec})
    with (
        pytest.raises(DeploymentError, match=r"no pipeline stranger was applied and there is no topic"),
        running(stack, manifests, models, "lonely"),
    ):
        pass
