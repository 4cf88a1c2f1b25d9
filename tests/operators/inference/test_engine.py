from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from jobs.kafka.pipeline_client import request_body
from jobs.releases.validation.manifests import check
from operators.core.tensors import Tensors
from operators.inference.engine import Engine
from operators.models.runtimes.batched import WindowVerdict
from operators.models.step import InferenceOptions
from operators.pipeline.load import LoadedPipeline, ModelCache, load_pipeline
from operators.storage.trusted_roots import make_policy
from tests.builders.pipelines import engine
from tests.builders.requests import GOOD, TOPICS, chunks_in, chunks_of, outputs, records, request


@pytest.fixture(scope="module")
def served(models: Path) -> list[LoadedPipeline]:
    """Both income topologies, as their releases would be live."""
    examples = models.parent / "examples" / "income"
    if not examples.exists():
        examples.mkdir(parents=True)
        for file in Path("examples/income").glob("*.yaml"):
            (examples / file.name).write_text(file.read_text())
    site = make_policy(str(models), "")
    releases = check([examples], TOPICS, site).require().releases
    return [
        load_pipeline(msgspec.structs.replace(release, generation=5), ModelCache(site))
        for release in releases
    ]


BATCHED = ("income-drift-preprocessed", "income-prediction-drift", "income-quality")


def test_the_workflow_answers_with_prediction_outlier_and_drift(served: list[LoadedPipeline]) -> None:
    flags = {"income-drift-preprocessed": WindowVerdict(1, "DRIFT", 3, "2026-01-01T00:00:00Z")}
    answers = engine(served, **flags).answer(records(request(GOOD, GOOD, id_="seven")))
    got = outputs(answers, 0)
    assert {name: tensor["shape"] for name, tensor in got.items()} == {
        "predict": [2, 1],
        "is_outlier": [1, 2],
        "instance_score": [1, 2],
        "violations": [2, 1],
        "is_drift": [1, 1],
    }
    assert got["is_drift"]["data"] == [1]
    assert got["is_drift"]["parameters"]["state"] == "DRIFT"
    body = msgspec.json.decode(answers.bodies[0] or b"")
    assert (body["id"], body["model_name"], body["model_version"]) == ("seven", "income-workflow", "5")
    assert answers.targets[0] == "weir.default.pipeline.income-workflow.outputs"


def test_seldons_topology_answers_as_seldon_does(served: list[LoadedPipeline]) -> None:
    answers = engine(served).answer(records(request(GOOD), pipeline="income-production"))
    assert list(outputs(answers, 0)) == ["predict", "is_outlier"]


def test_both_topologies_predict_the_same(served: list[LoadedPipeline], models: Path) -> None:
    rows = np.load(models / "holdout.npy")[:300]
    bodies = [request_body(row[np.newaxis], "id") for row in rows]
    one = engine(served).answer(records(*bodies))
    other = engine(served).answer(records(*bodies, pipeline="income-production"))
    for i in range(len(rows)):
        for name in ("predict", "is_outlier"):
            assert outputs(one, i)[name] == outputs(other, i)[name]


def test_a_batch_of_one_answers_as_a_batch_of_many(served: list[LoadedPipeline], models: Path) -> None:
    rows = np.load(models / "holdout.npy")[:700]
    bodies = [request_body(row[np.newaxis], "id") for row in rows]
    many = engine(served).answer(records(*bodies))
    for i in range(0, 700, 100):
        one = outputs(engine(served).answer(records(bodies[i])), 0)
        got = outputs(many, i)
        assert one["predict"] == got["predict"]
        assert one["is_outlier"] == got["is_outlier"]
        assert one["instance_score"]["data"] == pytest.approx(got["instance_score"]["data"], abs=1e-15)


def test_bad_requests_fail_with_their_reasons_and_leave_their_neighbours_alone(
    served: list[LoadedPipeline],
) -> None:
    wide = request([*GOOD, 1.0])
    bad = {
        b"{nope": "UNREADABLE",
        b"\xff": "UNREADABLE",
        b'{"inputs":[]}': "BAD_REQUEST",
        request(GOOD).replace(b"FP64", b"FP99"): "BAD_REQUEST",
        request(GOOD).replace(b"[1,12]", b"[2,12]"): "BAD_REQUEST",
        request(["word", *GOOD[1:]]): "BAD_REQUEST",
        wide: "STEP_FAILED",
        request([1e300, *GOOD[1:]]).replace(b"FP64", b"FP32"): "STEP_FAILED",
    }
    values = [value for one in bad for value in (one, request(GOOD))] + [None]
    answers = engine(served).answer(records(*values))
    assert answers.reasons[0:-1:2] == list(bad.values())
    assert answers.reasons[-1] == "TOMBSTONE"
    assert set(answers.statuses[1::2]) == {"answered"}
    assert answers.steps[list(values).index(wide)] == "income-preprocess"
    assert b"takes rows of 12 values, got rows of shape [13]" in (answers.bodies[values.index(wide)] or b"")
    rows = {step: sum(len(c.rows) for c in chunks_of(answers) if c.step == step) for step in BATCHED}
    assert set(rows.values()) == {len(bad)}, "rows of the answered requests, and no others, enter the windows"


def test_what_belongs_on_a_missing_topic_is_a_dead_letter_and_is_not_sent(
    served: list[LoadedPipeline],
) -> None:
    missing = {TOPICS.outputs("income-workflow")}
    one = Engine(served, TOPICS, 1_000_000, lambda pipeline: {}, missing=lambda: frozenset(missing))
    answers = one.answer(records(request(GOOD), b"{}"))
    assert answers.targets == [None, None], "Flink's sink would wait for the topic"
    assert answers.statuses == ["failed", "failed"]
    assert answers.reasons == ["NO_TOPIC", "BAD_REQUEST"]
    assert "weir.default.pipeline.income-workflow.outputs does not exist" in (answers.errors[0] or "")
    missing.clear()
    assert one.answer(records(request(GOOD))).statuses == ["answered"]


def test_rows_of_a_sharded_step_go_to_its_shards_and_no_others_do(served: list[LoadedPipeline]) -> None:
    (step, *others) = BATCHED
    sharded = [one._replace(sharded=frozenset({step})) for one in served]
    answers = engine(sharded).answer(records(request(GOOD), request(GOOD)))
    assert {chunk.step for chunk in chunks_of(answers)} == set(others)
    (chunk,) = [chunk for messages in answers.shards for chunk in chunks_in(messages)]
    assert (chunk.step, len(chunk.rows)) == (step, 2)


def test_a_refused_value_takes_no_neighbour_with_it(served: list[LoadedPipeline]) -> None:
    flagged = request([1e300, *GOOD[1:]]).replace(b"FP64", b"FP32")
    fine = request(GOOD).replace(b"FP64", b"FP32")
    answers = engine(served).answer(records(*[flagged if i % 50 == 7 else fine for i in range(600)]))
    assert [i for i, status in enumerate(answers.statuses) if status == "failed"] == list(range(7, 600, 50))


def test_missing_values_are_answered(served: list[LoadedPipeline]) -> None:
    answers = engine(served).answer(records(request([None, None, *GOOD[2:]])))
    assert outputs(answers, 0)["predict"]["data"][0] in (0, 1)


def test_an_unknown_pipeline_is_reported_and_has_no_outputs_topic(served: list[LoadedPipeline]) -> None:
    answers = engine(served).answer(records(request(GOOD), pipeline="nobody"))
    assert answers.reasons == ["UNKNOWN_PIPELINE"]
    assert answers.targets == [None]


def test_an_overlong_request_fails_with_its_length(served: list[LoadedPipeline]) -> None:
    answers = engine(served, limit=1_000).answer(records(b"x" * 1_000, lengths=[5_000_000]))
    assert answers.reasons == ["RECORD_TOO_LONG"]
    assert answers.bodies == [b"the value has 5000000 bytes, the limit is 1000"]


def test_an_overlong_response_becomes_an_error(served: list[LoadedPipeline]) -> None:
    answers = engine(served, limit=800).answer(records(request(GOOD), request(*[GOOD] * 100)))
    assert answers.statuses == ["answered", "failed"]
    assert answers.reasons[1] == "RESPONSE_TOO_LONG"
    assert {chunk.step: len(chunk.rows) for chunk in chunks_of(answers)} == dict.fromkeys(BATCHED, 1)


def test_answers_that_json_has_no_words_for_become_errors(served: list[LoadedPipeline]) -> None:
    class ComplexOutput:
        monitor = False
        functions = ()

        def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
            (column,) = tensors.values()
            return {"predict": column._replace(data=column.data[:, :1].astype(complex))}

    workflow = next(one for one in served if one.release.name == "income-workflow")
    steps = tuple(
        planned._replace(step=ComplexOutput()) if planned.name == "income-classifier" else planned
        for planned in workflow.plan.steps
    )
    plan = workflow.plan._replace(steps=steps)
    answers = engine([workflow._replace(plan=plan)]).answer(records(request(GOOD)))
    assert answers.reasons == ["NO_OUTPUT"]
    assert b"the outputs of the models cannot be encoded as V2 tensors" in (answers.bodies[0] or b"")


def test_ticks_pass_through(served: list[LoadedPipeline]) -> None:
    tick = records(None, request(GOOD))
    answers = engine(served).answer(tick._replace(topics=[None, tick.topics[1]]))
    assert answers.statuses == ["tick", "answered"]


def test_chunks_contain_partition_offset_and_timestamp_of_their_rows(served: list[LoadedPipeline]) -> None:
    answers = engine(served).answer(records(request(GOOD), request(GOOD, GOOD), pipeline="income-production"))
    (chunk,) = chunks_of(answers)
    assert chunk.key == "income-production/income-drift"
    assert chunk.generation == 5
    assert chunk.rows.tolist() == [GOOD] * 3
    assert chunk.partition.tolist() == [0, 1, 1]
    assert chunk.offset.tolist() == [100, 101, 101]
    assert chunk.timestamp.tolist() == [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_001]


def test_requests_of_many_rows_are_computed_a_slice_at_a_time(served: list[LoadedPipeline]) -> None:
    body = request(*[GOOD] * 9_000)
    answers = engine(served, limit=10_000_000).answer(records(*[body] * 5))
    assert answers.statuses == ["answered"] * 5
    chunks = [chunks_in(some) for some in answers.chunks]
    for step in BATCHED:
        rows = [sum(len(chunk.rows) for chunk in some if chunk.step == step) for some in chunks]
        assert rows == [0, 18_000, 0, 18_000, 9_000]
