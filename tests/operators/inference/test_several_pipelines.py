"""Pipelines that read each other, fail by themselves, and watch without costing an answer."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.core.micro_batch import RequestBatch
from operators.inference.deployments import Deployments
from operators.inference.engine import Engine
from operators.inference.monitor_feed import MonitorTicks, RemovedStep
from operators.inference.outlier_log import FlaggedRowRecord
from operators.kafka.skipped_records import SkippedRecords
from operators.metrics.pipeline_tally import decode_tally, is_tally
from operators.metrics.tally import Tally
from operators.pipeline.load import LoadedPipeline, ModelCache
from operators.rows.chunks import Chunk, SubtaskId
from operators.storage.trusted_roots import make_policy
from operators.windows.messages import key_of
from tests.builders.pipelines import engine, live, pipeline, released
from tests.builders.requests import GOOD, TOPICS, chunks_in, outputs, records, request


def applied_once(releases: list[Release]) -> ControlState:
    control = ControlState.empty()
    control.releases.update({(one.name, 1): msgspec.structs.replace(one, generation=1) for one in releases})
    control.heads.update({one.name: 1 for one in releases})
    return control


def lined_up(control: ControlState, models: Path) -> list[LoadedPipeline]:
    """What a worker that starts serves."""
    lineup = Deployments(ModelCache(make_policy(str(models), str(models.with_name("another-cache")))))
    lineup.reconcile(control)
    return lineup.served


FIRST = pipeline(
    "first",
    [{"name": "income-preprocess"}, {"name": "income-classifier", "inputs": ["income-preprocess"]}],
    output={"steps": ["income-classifier", "income-preprocess"]},
)


def second(external: list[str], **more: Any) -> dict[str, Any]:
    return pipeline(
        "second",
        [{"name": "income-outlier"}],
        input={"externalInputs": external, **more},
        output={"steps": ["income-outlier"]},
    )


def as_external(
    body: bytes, topic: str, origin: str = "first", infer_type: str | None = None
) -> RequestBatch:
    """One record of another pipeline's topic, read by `second`."""
    plain = records(body)
    return plain._replace(topics=[topic], readers=["second"], origins=[origin], infer_types=[infer_type])


def test_another_pipelines_response_is_a_request_once_its_tensor_is_selected(
    tmp_path: Path, models: Path
) -> None:
    served = live(tmp_path, models, FIRST, second(["first.outputs.transform"]))
    answers = engine(served).answer(records(request(GOOD), pipeline="first"))
    response = answers.bodies[0] or b""
    again = engine(served).answer(
        as_external(response, TOPICS.outputs("first"), infer_type=answers.infer_types[0])
    )
    assert list(outputs(again, 0)) == ["instance_score", "is_outlier"]
    assert again.targets == [TOPICS.outputs("second")]
    assert msgspec.json.decode(again.bodies[0] or b"")["id"] == "id"

    unselected = live(tmp_path / "u", models, FIRST, second(["first.outputs"]))
    failed = engine(unselected).answer(as_external(response, TOPICS.outputs("first")))
    assert failed.reasons == ["STEP_FAILED"], "predict and transform together are too wide"


def test_its_tensors_are_renamed_by_the_inputs_tensor_map(tmp_path: Path, models: Path) -> None:
    spec = second(["first.outputs.transform"], tensorMap={"first.outputs.transform": "prepared"})
    spec["spec"]["output"] = {"steps": ["second.inputs.prepared"]}
    served = live(tmp_path, models, FIRST, spec)
    response = engine(served).answer(records(request(GOOD), pipeline="first")).bodies[0] or b""
    answers = engine(served).answer(as_external(response, TOPICS.outputs("first")))
    assert list(outputs(answers, 0)) == ["prepared"]


def test_another_pipelines_error_is_no_request(tmp_path: Path, models: Path) -> None:
    served = live(tmp_path, models, FIRST, second(["first.outputs.transform"]))
    answers = engine(served).answer(as_external(b"it failed", TOPICS.outputs("first"), infer_type="error"))
    assert answers.statuses == ["tick"]


def test_a_response_without_the_tensor_is_a_dead_letter_that_names_it(tmp_path: Path, models: Path) -> None:
    served = live(tmp_path, models, FIRST, second(["first.outputs.other"]))
    response = engine(served).answer(records(request(GOOD), pipeline="first")).bodies[0] or b""
    answers = engine(served).answer(as_external(response, TOPICS.outputs("first")))
    assert answers.errors == [
        "the record contains none of the tensors other; it contains 'predict', 'transform'"
    ]


@pytest.mark.parametrize(("side", "tensor"), [("outputs", "transform"), ("inputs", "x")])
def test_what_another_pipeline_reads_of_a_step_is_published(
    tmp_path: Path, models: Path, side: str, tensor: str
) -> None:
    spec = second([f"first.step.income-preprocess.{side}"])
    if side == "inputs":
        spec["spec"]["steps"] = [{"name": "income"}]
        spec["spec"]["output"] = {"steps": ["income"]}
    served = live(tmp_path, models, FIRST, spec)
    answers = engine(served).answer(records(request(GOOD, id_="a"), b"junk", request(GOOD), pipeline="first"))
    topic = f"weir.default.model.income-preprocess.{side}"
    assert (answers.tap_topics, answers.tap_numbers) == ([[topic], None, [topic]], [[1], None, [1]])
    (body,) = answers.tap_bodies[0] or []
    published = msgspec.json.decode(body)
    assert (published["id"], published[side][0]["name"]) == ("a", tensor)
    read = engine(served).answer(as_external(body, topic))
    assert read.statuses == ["answered"]
    other = engine(served).answer(as_external(body, topic, origin="third"))
    assert other.statuses == ["tick"], "the topic is shared; this record is another pipeline's"


def test_everything_of_the_steps_is_published_while_somebody_looks(tmp_path: Path, models: Path) -> None:
    steps = [*FIRST["spec"]["steps"], {"name": "income-drift", "batch": {"size": 5}}]
    served = live(tmp_path, models, {**FIRST, "spec": {**FIRST["spec"], "steps": steps}})
    now = time.time()
    for until, wanted in ((now + 60, True), (now - 1, False)):
        looked_at = Engine(served, TOPICS, 1_000_000, lambda pipeline: {}, taps={"first": until})
        (topics,) = looked_at.answer(records(request(GOOD), pipeline="first")).tap_topics
        names = {topic.removeprefix("weir.default.model.") for topic in topics or ()}
        assert names == (
            {
                "income-preprocess.inputs",
                "income-preprocess.outputs",
                "income-classifier.inputs",
                "income-classifier.outputs",
                "income-drift.inputs",
            }
            if wanted
            else set()
        )


def test_nothing_is_published_of_steps_that_nobody_reads(tmp_path: Path, models: Path) -> None:
    answers = engine(live(tmp_path, models, FIRST)).answer(records(request(GOOD), pipeline="first"))
    assert answers.tap_topics == [None]


def test_a_pipeline_that_cannot_be_loaded_fails_by_itself(tmp_path: Path, models: Path) -> None:
    copy = shutil.copytree(models, tmp_path / "models")
    beside = pipeline("beside", [{"name": "income"}], output={"steps": ["income"]})
    releases = released(tmp_path / "m", copy, FIRST, beside)
    control = ControlState(
        {(one.name, 1): msgspec.structs.replace(one, generation=1) for one in releases},
        {},
        {},
        {},
        {},
        SkippedRecords(),
    )
    control.heads.update({one.name: 1 for one in releases})
    (copy / "income-preprocess" / "model.joblib").unlink()
    served = lined_up(control, copy)
    answers = engine(served).answer(records(request(GOOD), pipeline="first"))
    assert answers.reasons == ["PIPELINE_FAILED"]
    assert "Model income-preprocess" in (answers.errors[0] or "")
    assert "has changed since it was applied, or was not copied completely" in (answers.errors[0] or "")
    assert engine(served).answer(records(request(GOOD), pipeline="beside")).statuses == ["answered"]


def test_a_pipeline_that_cannot_be_loaded_loses_no_external_input(tmp_path: Path, models: Path) -> None:
    copy = shutil.copytree(models, tmp_path / "models")
    releases = released(
        tmp_path / "m", copy, FIRST, second(["first.step.income-preprocess.outputs.transform"])
    )
    control = ControlState(
        {(one.name, 1): msgspec.structs.replace(one, generation=1) for one in releases},
        {},
        {},
        {},
        {},
        SkippedRecords(),
    )
    control.heads.update({one.name: 1 for one in releases})
    (copy / "income-outlier" / "IForest.json").unlink()
    served = lined_up(control, copy)
    answers = engine(served).answer(as_external(b"{}", "weir.default.model.income-preprocess.outputs"))
    assert answers.reasons == ["PIPELINE_FAILED"]
    others = as_external(b"{}", "weir.default.model.income-preprocess.outputs", origin="third")
    assert engine(served).answer(others).statuses == ["tick"]
    gone = engine([one for one in served if one.release.name == "first"]).answer(others)
    assert gone.statuses == ["tick"], "a reader that is live no more reads nothing"


def test_the_newest_generation_that_can_be_loaded_serves(tmp_path: Path, models: Path) -> None:
    copy = shutil.copytree(models, tmp_path / "models")
    good = released(
        tmp_path / "m", copy, pipeline("only", [{"name": "income"}], output={"steps": ["income"]})
    )[0]
    bad = released(
        tmp_path / "n",
        copy,
        pipeline("only", [{"name": "income-classifier"}], output={"steps": ["income-classifier"]}),
    )[0]
    known = {
        ("only", i): msgspec.structs.replace(one, generation=i) for i, one in enumerate((good, good, bad), 1)
    }
    shutil.rmtree(copy / "income-classifier")
    (served,) = lined_up(ControlState(known, {"only": 3}, {}, {}, {}, SkippedRecords()), copy)
    assert served.release.generation == 2
    answers = engine([served]).answer(records(request(GOOD), pipeline="only"))
    assert answers.versions == ["2"]


def test_steps_end_only_with_the_generation_that_serves(tmp_path: Path, models: Path) -> None:
    """The second one has no drift step any more, but cannot be loaded: the first one's windows go on."""
    copy = shutil.copytree(models, tmp_path / "models")
    both = [{"name": "income"}, {"name": "income-drift", "batch": {"size": 9}}]
    (first,) = released(tmp_path / "m", copy, pipeline("only", both, output={"steps": ["income"]}))
    other = pipeline("only", [{"name": "income-classifier"}], output={"steps": ["income-classifier"]})
    (second,) = released(tmp_path / "n", copy, other)
    control = applied_once([first])
    control.releases["only", 2] = msgspec.structs.replace(second, generation=2)
    lineup = Deployments(ModelCache(make_policy(str(copy), str(tmp_path / "another-cache"))))
    assert lineup.reconcile(control)
    hidden = (copy / "income-classifier").rename(copy / "hidden")
    control.heads["only"] = 2
    assert lineup.reconcile(control)
    assert (lineup.deployments["only"].generation, lineup.deployments["only"].head) == (1, 2)
    assert lineup.ended == []
    assert not lineup.reconcile(control), "it is tried again later"

    hidden.rename(copy / "income-classifier")
    control.releases["only", 3] = msgspec.structs.replace(second, generation=3)
    control.heads["only"] = 3
    assert lineup.reconcile(control)
    assert lineup.ended == [RemovedStep("only", "income-drift", 2)]
    del control.heads["only"]
    assert lineup.reconcile(control)
    assert lineup.served == []
    assert lineup.ended == [RemovedStep("only", "", 4), RemovedStep("only", "income-drift", 2)]


def test_a_monitor_that_fails_beside_the_response_is_reported_and_counted(
    tmp_path: Path, models: Path
) -> None:
    watched = pipeline(
        "watched", [{"name": "income"}, {"name": "income-outlier"}], output={"steps": ["income"]}
    )
    served = live(tmp_path, models, watched)
    tallies: list[Mapping[str, Tally]] = []
    engine_ = Engine(served, TOPICS, 1_000_000, lambda pipeline: {}, tallies.append)
    answers = engine_.answer(records(request(GOOD), request(GOOD), pipeline="watched"))
    assert answers.statuses == ["answered", "answered"]
    assert answers.reasons == ["MONITOR_FAILED"] * 2
    assert answers.steps == ["income-outlier"] * 2
    assert "takes rows of" in (answers.errors[0] or "")
    assert tallies[0]["watched"].errors == {"income-outlier": {"MONITOR_FAILED": 2}}
    assert (tallies[0]["watched"].requests, tallies[0]["watched"].failed) == (2, 0)


def test_ticks_report_live_and_ended_steps_to_the_monitor(tmp_path: Path, models: Path) -> None:
    steps = [
        {"name": "income"},
        {"name": "income-drift", "batch": {"size": 50, "windowMs": 1000}},
        {"name": "income-quality", "batch": {"size": 50}},
    ]
    served = live(tmp_path, models, pipeline("timed", steps, output={"steps": ["income"]}))
    gone, sender = RemovedStep("old", "income-drift", 8), SubtaskId(1, 3)
    engine_ = Engine(served, TOPICS, 1_000_000, lambda pipeline: {}, ended=[gone], sender=sender)
    tick = records(None)._replace(topics=[None])

    def chunks_of_tick() -> list[Chunk]:
        (chunks,) = engine_.answer(tick).chunks
        return chunks_in(chunks)

    first = {chunk.key: chunk for chunk in chunks_of_tick()}
    assert {key: (chunk.epoch, chunk.ended) for key, chunk in first.items()} == {
        "timed/income-drift": (1, False),
        "timed/income-quality": (1, False),
        "old/income-drift": (8, True),
    }
    assert all(len(chunk.rows) == 0 and chunk.sender == sender for chunk in first.values())
    heartbeats = MonitorTicks(served, [gone], sender)
    moments = (1_000.0, 1_089.0, 1_091.0, 1_098.0, 1_099.0)
    keys = [[key_of(one) for one in heartbeats.messages(now) or ()] for now in moments]
    assert set(keys[0]) == set(keys[1]) == {*first, "timed/"}
    assert keys[2] == keys[3] == ["timed/", "timed/income-drift"], "only they need the clock"
    assert keys[4] == ["timed/", "timed/income-drift", "timed/income-quality"]


def test_ticks_report_live_and_ended_pipelines_to_the_monitor(tmp_path: Path, models: Path) -> None:
    plain = live(tmp_path, models, pipeline("plain", [{"name": "income"}], output={"steps": ["income"]}))
    heartbeats = MonitorTicks(plain, [RemovedStep("gone", "", 4)], SubtaskId())
    tallies = [[decode_tally(one) for one in heartbeats.messages(now) or ()] for now in (1_000.0, 1_091.0)]
    assert [(one.pipeline, one.generation, one.ended) for one in tallies[0]] == [
        ("plain", 1, False),
        ("gone", 4, True),
    ]
    assert [one.pipeline for one in tallies[1]] == ["plain"]
    assert all(one.tally.requests == 0 for some in tallies for one in some)


def test_the_monitor_receives_what_a_micro_batch_did_in_each_pipeline(tmp_path: Path, models: Path) -> None:
    steps = [{"name": "income-preprocess"}, {"name": "income-outlier", "inputs": ["income-preprocess"]}]
    served = live(tmp_path, models, pipeline("p", steps, output={"steps": ["income-outlier"]}))
    odd = [90.0, *GOOD[1:8], 99_999.0, 4_000.0, 99.0, GOOD[11]]
    asked = records(request(GOOD, GOOD), request(odd), b"junk", pipeline="p")
    now = int(time.time() * 1000)
    asked = asked._replace(timestamps=np.array([now - 200, now - 40, now - 5_000]))
    answers = engine(served).answer(asked)
    (sent,) = [decode_tally(one) for one in answers.chunks[-1] or () if is_tally(one)]
    assert (sent.key, sent.generation, sent.ended) == ("p/", 1, False)
    tally = sent.tally
    assert (tally.requests, tally.failed, tally.errors) == (3, 1, {"": {"UNREADABLE": 1}})
    assert sum(tally.buckets) == 3
    assert tally.buckets[-2] == 1, "one took 2.5 to 10 s"
    assert tally.steps["income-outlier"].rows == 3
    bodies = [msgspec.json.decode(body or b"") for body in answers.bodies[:2]]
    flags = [value for body in bodies for value in body["outputs"][-1]["data"]]
    assert tally.steps["income-outlier"].outliers == sum(flags) == 1
    assert tally.steps["income-preprocess"].outliers is None


def test_flagged_rows_are_published_with_the_features_that_contributed_most(
    tmp_path: Path, models: Path
) -> None:
    steps = [{"name": "income-preprocess"}, {"name": "income-outlier", "inputs": ["income-preprocess"]}]
    served = live(tmp_path, models, pipeline("p", steps, output={"steps": ["income-outlier"]}))
    odd = [90.0, *GOOD[1:8], 99_999.0, 4_000.0, 99.0, GOOD[11]]
    asked = records(request(GOOD), request(GOOD, odd), request(odd), b"junk", pipeline="p")
    answers = engine(served).answer(asked)
    assert answers.tap_numbers == [None, [1], [1], None]
    assert answers.tap_topics == [None, [TOPICS.outliers], [TOPICS.outliers], None]
    published = [msgspec.json.decode(some[0], type=FlaggedRowRecord) for some in answers.tap_bodies if some]
    places = [(one.offset, one.row) for one in published]
    assert places == [(int(asked.offsets[1]), 1), (int(asked.offsets[2]), 0)]
    first = published[0]
    assert (first.pipeline, first.generation, first.step) == ("p", 1, "income-outlier")
    assert first.topic == TOPICS.inputs("p")
    assert first.score > first.threshold
    assert {one.column for one in first.features} >= {"capital-gain", "capital-loss"}
    contributions = [one.contribution for one in first.features]
    assert contributions == sorted(contributions, reverse=True)
    assert first.detector == served[0].release.artifacts["income-outlier"].digest
    flood = engine(served).answer(records(request(*[odd] * 150), pipeline="p"))
    assert len(flood.tap_bodies[0] or ()) == 100, "a flood is counted, not published row by row"


def test_two_batched_steps_of_one_pipeline_have_rows_of_their_own(tmp_path: Path, models: Path) -> None:
    steps = [
        {"name": "income-preprocess"},
        {"name": "income-drift", "batch": {"size": 2}},
        {"name": "income-drift-preprocessed", "inputs": ["income-preprocess"], "batch": {"size": 3}},
    ]
    served = live(tmp_path, models, pipeline("two", steps, output={"steps": ["income-preprocess"]}))
    (chunks,) = engine(served).answer(records(request(GOOD, GOOD), pipeline="two")).chunks
    found = {chunk.key: chunk.rows.shape for chunk in chunks_in(chunks)}
    assert found["two/income-drift"] == (2, 12)
    assert found["two/income-drift-preprocessed"][0] == 2
    assert found["two/income-drift-preprocessed"][1] > 12


def test_a_batch_on_a_step_of_several_inputs_puts_their_columns_side_by_side(
    tmp_path: Path, models: Path
) -> None:
    names = json.loads((models / "income-drift" / "features.json").read_text())["columns"]
    steps = [
        {"name": "income-drift", "inputs": ["both.inputs.left", "both.inputs.right"], "batch": {"size": 5}}
    ]
    served = live(tmp_path, models, pipeline("both", steps))
    tensors = [
        {"name": "left", "shape": [2, 4], "datatype": "FP64", "data": GOOD[:4] * 2},
        {"name": "right", "shape": [2, 8], "datatype": "FP64", "data": GOOD[4:] * 2},
    ]
    answers = engine(served).answer(records(msgspec.json.encode({"inputs": tensors}), pipeline="both"))
    (chunk,) = chunks_in(answers.chunks[0])
    assert chunk.rows.tolist() == [GOOD, GOOD]

    columns = [
        {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
        for name, value in reversed(list(zip(names, GOOD, strict=True)))
    ]
    named = pipeline("named", [{"name": "income-drift", "batch": {"size": 5}}])
    body = msgspec.json.encode({"inputs": columns, "parameters": {"content_type": "pd"}})
    answers = engine(live(tmp_path / "n", models, named)).answer(records(body, pipeline="named"))
    assert np.concatenate([one.rows for one in chunks_in(answers.chunks[0])]).tolist() == [GOOD]


def test_external_steps_that_do_not_exist_are_refused(tmp_path: Path, models: Path) -> None:
    with pytest.raises(DeploymentError, match="pipeline first has no step nothing; it has income-preprocess"):
        live(tmp_path, models, FIRST, second(["first.step.nothing.outputs"]))


def test_pipelines_that_would_answer_each_other_without_end_are_refused(tmp_path: Path, models: Path) -> None:
    first = {**FIRST, "spec": {**FIRST["spec"], "input": {"externalInputs": ["second.outputs.is_outlier"]}}}
    with pytest.raises(DeploymentError, match="would answer each other without end: first → second → first"):
        live(tmp_path, models, first, second(["first.outputs.transform"]))
    requests = {**FIRST, "spec": {**FIRST["spec"], "input": {"externalInputs": ["second.inputs"]}}}
    assert len(live(tmp_path / "fine", models, requests, second(["first.outputs.transform"]))) == 2


UNENCODABLE = """
import numpy as np


class Unencodable:
    def __init__(self, folder, extra):
        pass

    def predict(self, tensors):
        (rows,) = tensors.values()
        if rows[0, 0] == 1:
            return {"y": np.array([[1j]])}
        if rows[0, 0] == 2:
            return {"y": "\\ud800"}
        if rows[0, 0] == 3:
            return {"y": np.ones((1, 400_000))}
        return {"y": rows[:, :1] + (np.float32(0) if rows[0, 0] == 4 else np.float64(0.1))}
"""


def live_with_unencodable(folder: Path, models: Path, *pipelines: dict[str, Any]) -> list[LoadedPipeline]:
    own = shutil.copytree(models, folder / "models")
    (own / "unencodable").mkdir()
    (own / "unencodable" / "model-settings.json").write_text('{"implementation": "unencodable.Unencodable"}')
    (own / "unencodable" / "unencodable.py").write_text(UNENCODABLE)
    return live(folder / "m", own, *pipelines)


def row(first: float) -> bytes:
    return request([first, *GOOD[1:]])


def test_what_a_tensor_cannot_hold_costs_no_neighbour_its_answer(tmp_path: Path, models: Path) -> None:
    alone = pipeline("odd", [{"name": "unencodable"}], output={"steps": ["unencodable"]})
    answers = engine(live_with_unencodable(tmp_path, models, alone)).answer(
        records(*(row(i) for i in (0, 1, 2, 3, 0)), pipeline="odd")
    )
    assert answers.reasons == [None, "NO_OUTPUT", "NO_OUTPUT", "RESPONSE_TOO_LONG", None]


def test_an_output_that_cannot_be_encoded_for_another_pipeline_costs_no_answer(
    tmp_path: Path, models: Path
) -> None:
    first = pipeline("first", [{"name": "income"}, {"name": "unencodable"}], output={"steps": ["income"]})
    reader = pipeline(
        "second",
        [{"name": "income"}],
        input={"externalInputs": ["first.step.unencodable.outputs"]},
        output={"steps": ["income"]},
    )
    served = live_with_unencodable(tmp_path, models, first, reader)
    answers = engine(served).answer(records(row(0), row(2), row(3), pipeline="first"))
    assert answers.statuses == ["answered"] * 3
    assert answers.reasons == [None, "MONITOR_FAILED", "MONITOR_FAILED"]
    assert [bool(topics) for topics in answers.tap_topics] == [True, False, False]


def test_a_failed_request_names_the_step_that_failed_it_and_not_one_that_only_watches(
    tmp_path: Path, models: Path
) -> None:
    spec = pipeline("both", [{"name": "income-drift"}, {"name": "income"}], output={"steps": ["income"]})
    answers = engine(live(tmp_path, models, spec)).answer(records(request([*GOOD, 1.0]), pipeline="both"))
    assert (answers.statuses, answers.reasons, answers.steps) == (["failed"], ["STEP_FAILED"], ["income"])


def test_a_flood_of_bad_requests_to_one_pipeline_costs_another_nothing(tmp_path: Path, models: Path) -> None:
    beside = pipeline("beside", [{"name": "income"}], output={"steps": ["income"]})
    served = live(tmp_path, models, FIRST, beside)
    bad = request([1e300, *GOOD[1:]]).replace(b"FP64", b"FP32")
    fine = request(GOOD).replace(b"FP64", b"FP32")
    flood = [bad if i % 3 else fine for i in range(900)]
    some = records(*flood, *[bad if i == 50 else fine for i in range(100)])
    topics = [TOPICS.inputs("first")] * 900 + [TOPICS.inputs("beside")] * 100
    answers = engine(served).answer(some._replace(topics=topics))
    assert [i for i in range(900, 1000) if answers.statuses[i] == "failed"] == [950]


def test_an_empty_answer_of_another_pipeline_is_no_request(tmp_path: Path, models: Path) -> None:
    served = live(tmp_path, models, FIRST, second(["first.outputs.transform"]))
    nothing = as_external(b'{"model_name": "d", "outputs": []}', TOPICS.outputs("first"))
    assert engine(served).answer(nothing).statuses == ["tick"]
    elsewhere = as_external(b"{}", TOPICS.outputs("third"))
    assert engine(served).answer(elsewhere).statuses == ["tick"], "the live release does not read that topic"


def test_two_external_tensors_of_one_name_are_an_error(tmp_path: Path, models: Path) -> None:
    spec = second(["first.outputs"], tensorMap={"first.outputs.transform": "predict"})
    served = live(tmp_path, models, FIRST, spec)
    response = engine(served).answer(records(request(GOOD), pipeline="first")).bodies[0] or b""
    answers = engine(served).answer(as_external(response, TOPICS.outputs("first")))
    assert answers.errors == ["two inputs have the same name after renaming with tensorMap: predict, predict"]
