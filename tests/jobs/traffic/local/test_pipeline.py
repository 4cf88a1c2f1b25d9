from __future__ import annotations

import json
from pathlib import Path

import joblib
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.kafka.pipeline_client import request_body
from jobs.models.judge import judge_windows, load_monitor
from jobs.models.rows_to_judge import read_rows
from jobs.streaming.settings import Settings
from jobs.traffic.local.emitted_records import Emitted, EmittedReport, EmittedResponse
from jobs.traffic.local.pipeline import LocalPipeline
from jobs.traffic.local.request_files import read_requests
from operators.core.errors import DeploymentError
from operators.models.runtimes.batched import BatchedStep, WindowRules
from operators.protocol.decode import decode_request
from tests.corpus.payloads import CASES, MESSAGES, good, good_proto
from tests.jobs.traffic.local.deployed import SIZE, deploy, letters, local, numbered, reports, responses
from tests.operators.storage.model import TRUSTING

Rows = NDArray[np.float64]
DRIFT = "income-drift-preprocessed"
NOTHING = WindowRules()._replace(judgement=WindowRules().judgement._replace(min_n=50))


@pytest.fixture(scope="module")
def holdout(models: Path) -> Rows:
    return np.load(models / "holdout.npy")


@pytest.fixture(scope="module")
def manifests(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy(tmp_path_factory.mktemp("local"), models)


@pytest.fixture(scope="module")
def rolling_manifests(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy(tmp_path_factory.mktemp("rolling"), models, f"size: {SIZE}\n        rolling: true")


@pytest.fixture
def workflow(manifests: Path, models: Path) -> LocalPipeline:
    return local(manifests, models, "income-workflow", min_n=50)


@pytest.fixture
def production(manifests: Path, models: Path) -> LocalPipeline:
    return local(manifests, models, "income-production", min_n=50)


def json_line(one: Emitted) -> bytes:
    return msgspec.json.encode(one.as_json())


def single(rows: Rows) -> list[bytes]:
    return [request_body(row[np.newaxis], str(i)) for i, row in enumerate(rows)]


def test_predictions_are_those_of_scikit_learn(
    production: LocalPipeline, models: Path, holdout: Rows
) -> None:
    got = responses(list(production.answer(numbered(*single(holdout[:250])))))
    predicted = joblib.load(models / "income" / "model.joblib").predict(holdout[:250])
    assert [got[i]["predict"]["data"] for i in range(250)] == predicted[:, np.newaxis].tolist()


def test_windows_are_judged_as_by_weir_judge(production: LocalPipeline, models: Path, holdout: Rows) -> None:
    drifted = np.concatenate([holdout[:350], holdout[:300] + np.array([25.0, *[0.0] * 11])])
    emitted = list(production.answer(numbered(*single(drifted))))
    step = load_monitor(models / "income-drift", TRUSTING)
    assert isinstance(step, BatchedStep)
    file = models.parent / "drifted.npy"
    np.save(file, drifted)
    tensors = read_rows(file, step, models / "income-drift").tensors
    expected = [one for one in judge_windows(step, tensors, SIZE, NOTHING) if one.rows == SIZE]
    got = [report for partial, report in reports(emitted, "income-drift") if not partial]
    assert len(got) == len(expected) == 6
    assert {one.verdict.state for one in expected} == {"OK", "DRIFT"}
    for report, window in zip(got, expected, strict=True):
        parameters = report["parameters"]
        assert (parameters["window"], parameters["state"]) == (window.number, window.verdict.state)
        assert parameters["confirmed"] == window.streak.confirmed
        assert parameters["features"] == msgspec.to_builtins(window.verdict.details.features)
        tensors = {tensor["name"]: tensor["data"] for tensor in report["outputs"]}
        for name, values in window.verdict.tensors.items():
            assert tensors[name] == json.loads(json.dumps(values.ravel().tolist()))
        (member,) = parameters["members"]
        assert (member["first_offset"], member["rows"]) == (window.first, SIZE)


def test_rows_behind_a_preprocessor_are_judged_as_by_weir_judge(
    workflow: LocalPipeline, models: Path, holdout: Rows
) -> None:
    emitted = list(workflow.answer(numbered(*single(holdout[:300]))))
    step = load_monitor(models / DRIFT, TRUSTING)
    assert isinstance(step, BatchedStep)
    before = load_monitor(models / "income-preprocess", TRUSTING)
    rows = read_rows(models / "holdout.npy", step, models / DRIFT, before).tensors
    expected = list(judge_windows(step, rows, SIZE, NOTHING))[:3]
    got = [report["parameters"]["features"] for _, report in reports(emitted, DRIFT)]
    assert got == [msgspec.to_builtins(one.verdict.details.features) for one in expected]


def test_a_response_shows_the_verdict_of_the_last_window_that_closed_before_its_request(
    workflow: LocalPipeline, holdout: Rows
) -> None:
    drifted = holdout[:350] + np.array([25.0, *[0.0] * 11])
    values = single(np.concatenate([holdout[:250], drifted]))
    for position in (20, 99, 200, 460):
        values[position] = b"{nope"
    emitted = list(workflow.answer(numbered(*values)))
    verdicts = {
        report["parameters"]["window"]: next(
            tensor["data"] for tensor in report["outputs"] if tensor["name"] == "is_drift"
        )
        for _, report in reports(emitted, DRIFT)
    }
    assert set(map(tuple, verdicts.values())) == {(0,), (1,)}
    for answered, (_, got) in enumerate(sorted(responses(emitted).items())):
        window = answered // SIZE
        assert got["is_drift"]["parameters"]["window"] == window
        assert got["is_drift"]["data"] == (verdicts[window] if window else [0])


@pytest.mark.parametrize("count", [1, 7, 99, 100, 130])
def test_a_verdict_is_shown_in_time_however_many_rows_a_request_has(
    workflow: LocalPipeline, holdout: Rows, count: int
) -> None:
    values = [request_body(holdout[first : first + count], "r") for first in range(0, 700, count)]
    got = responses(list(workflow.answer(numbered(*values))))
    for i in range(len(values)):
        assert got[i]["is_drift"]["parameters"]["window"] == i * count // SIZE


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("count", [5, 99, 100, 101, 235])
def test_the_end_of_the_data_closes_what_is_open(
    manifests: Path, rolling_manifests: Path, models: Path, holdout: Rows, count: int, rolling: bool
) -> None:
    here = rolling_manifests if rolling else manifests
    pipeline = local(here, models, "income-production", min_n=20)
    found = reports(list(pipeline.answer(numbered(*single(holdout[:count])))), "income-drift")
    slide = SIZE // 10 if rolling else SIZE
    full = 0 if count < SIZE else (count - SIZE) // slide + 1
    fresh = count - (SIZE + (full - 1) * slide if full else 0)
    assert [partial for partial, _ in found] == [False] * full + [True] * bool(fresh)
    assert all(report["parameters"]["n"] == SIZE for _, report in found[:full])
    if fresh:
        parameters = found[-1][1]["parameters"]
        kept = SIZE - slide if full else 0
        assert parameters["n"] == kept + fresh
        assert (parameters["state"] == "INSUFFICIENT_DATA") == (parameters["n"] < 20)
        (member,) = parameters["members"]
        assert member["last_offset"] == count - 1


def test_the_monitors_rules_are_in_force_and_the_jobs_for_what_it_leaves_out(
    workflow: LocalPipeline, holdout: Rows
) -> None:
    emitted = list(workflow.answer(numbered(*single(holdout[:100]))))
    by_step = {
        one["parameters"]["step"]: one["parameters"]
        for _, one in (*reports(emitted, "income-prediction-drift"), *reports(emitted, DRIFT))
    }
    assert by_step["income-prediction-drift"]["min_effect"] == 0.05
    assert by_step[DRIFT]["min_effect"] == 0.1
    assert {one["min_n"] for one in by_step.values()} == {50}


def test_every_malformed_request_becomes_a_dead_letter_and_its_neighbours_are_answered(
    workflow: LocalPipeline,
) -> None:
    cases = {name: case for name, case in CASES.items() if case.infer_type is None}
    values = [value for case in cases.values() for value in (case.value, good())]
    emitted = list(workflow.answer(numbered(*values)))
    found = letters(emitted)
    assert [one.offset for one in found] == list(range(0, len(values), 2))
    assert all(one.failed for one in found)
    assert [one.reason for one in found] == [case.reason for case in cases.values()]
    for one, name in zip(found, cases, strict=True):
        assert MESSAGES[name] in one.message
    assert sorted(responses(emitted)) == list(range(1, len(values), 2))
    for one in emitted:
        assert json.loads(json_line(one))["kind"] in ("response", "dead_letter", "report", "outlier")


def test_a_request_longer_than_the_limit_is_cut(manifests: Path, models: Path) -> None:
    pipeline = local(manifests, models, "income-production", max_record_bytes=1_000)
    (letter,) = letters(list(pipeline.answer(numbered(b"x" * 5_000))))
    assert (letter.reason, letter.message) == (
        "RECORD_TOO_LONG",
        "the value has 5000 bytes, the limit is 1000",
    )
    assert len(letter.body) == 1_000


@pytest.mark.parametrize("raw", [False, True])
def test_a_protobuf_request_is_answered_in_protobuf_and_shown_as_json(
    production: LocalPipeline, raw: bool
) -> None:
    emitted = list(production.answer(numbered(good_proto(raw=raw), good())))
    in_protobuf, in_json = [one for one in emitted if isinstance(one, EmittedResponse)]
    tensors = decode_request(in_protobuf.body, in_protobuf.infer_type, response=True).inputs
    shown = json.loads(json_line(in_protobuf))["value"]
    shown_of_json = json.loads(json_line(in_json))["value"]
    assert [one["data"] for one in shown["outputs"]] == [one.data.tolist() for one in tensors]
    assert [(one["name"], one["data"]) for one in shown["outputs"]] == [
        (one["name"], one["data"]) for one in shown_of_json["outputs"]
    ]


def test_a_reports_bytes_are_shown_as_they_are(production: LocalPipeline, holdout: Rows) -> None:
    emitted = list(production.answer(numbered(*single(holdout[:100]))))
    (report,) = [one for one in emitted if isinstance(one, EmittedReport)]
    assert report.body in json_line(report)
    assert report.topic == "weir.default.model.income-drift.outputs"


def test_flagged_rows_are_those_that_the_responses_flag(workflow: LocalPipeline, holdout: Rows) -> None:
    emitted = list(workflow.answer(numbered(*single(holdout[:80]))))
    flagged = [offset for offset, got in responses(emitted).items() if got["is_outlier"]["data"] == [1]]
    rows = [json.loads(json_line(one)) for one in emitted]
    assert [one["offset"] for one in rows if one["kind"] == "outlier"] == flagged
    assert flagged


SECOND = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {name: second}
spec:
  input: {externalInputs: [first.outputs.transform]}
  steps: [{name: income-outlier}]
  output: {steps: [income-outlier]}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {name: first}
spec:
  steps: [{name: income-preprocess}]
  output: {steps: [income-preprocess]}
"""


def test_another_pipelines_responses_are_requests_of_one_that_reads_them(
    models: Path, holdout: Rows, tmp_path: Path
) -> None:
    manifests = deploy(tmp_path, models)
    (manifests / "second.yaml").write_text(SECOND)
    sent = numbered(*single(holdout[:40]))
    first = [
        one for one in local(manifests, models, "first").answer(sent) if isinstance(one, EmittedResponse)
    ]
    second = local(manifests, models, "second", external=True)
    got = responses(list(second.answer(numbered(*(one.body for one in first)))))
    expected = responses(list(local(manifests, models, "income-production").answer(sent)))
    assert [one["is_outlier"] for one in got.values()] == [one["is_outlier"] for one in expected.values()]
    (letter,) = letters(list(second.answer(numbered(good()))))
    assert letter.reason == "BAD_REQUEST", "a request is no response"
    with pytest.raises(DeploymentError, match=r"weir\.default\.pipeline\.first\.outputs contains responses"):
        read_requests(models / "holdout.npy", second, 1, pytest.fail)


def test_a_pipeline_without_an_external_input_has_no_records_of_one(manifests: Path, models: Path) -> None:
    with pytest.raises(DeploymentError, match=r"income-workflow has no spec.input.externalInputs"):
        local(manifests, models, "income-workflow", external=True)


def test_the_rows_of_many_requests_are_gathered_as_they_come(
    production: LocalPipeline, models: Path, holdout: Rows
) -> None:
    values = [request_body(holdout[first : first + 7], "r") for first in range(0, 210, 7)]
    found = reports(list(production.answer(numbered(*values))), "income-drift")
    step = load_monitor(models / "income-drift", TRUSTING)
    assert isinstance(step, BatchedStep)
    tensors = read_rows(models / "holdout.npy", step, models / "income-drift").tensors
    rows = next(iter(tensors.values())).data
    for number, (_, report) in enumerate(found):
        part = rows[number * SIZE : min(210, (number + 1) * SIZE)]
        verdict = step.judge(step.count(part), len(part), Settings(min_n=50).rules)
        tensors_of_report = {tensor["name"]: tensor["data"] for tensor in report["outputs"]}
        assert tensors_of_report["p_val"] == json.loads(json.dumps(verdict.tensors["p_val"].ravel().tolist()))
    assert len(found) == 3
