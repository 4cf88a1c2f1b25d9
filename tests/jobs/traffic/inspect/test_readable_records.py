"""Expressions, and records as people read them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from jobs.traffic.inspect.expression import Target, parse_expression
from jobs.traffic.inspect.readable_records import Condition, parse_condition, show
from jobs.traffic.inspect.topic_reader import RecordFilter
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics
from operators.protocol.inference_pb2 import ModelInferResponse


class Record(NamedTuple):
    value: bytes
    key: bytes = b"k"
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = "t"
    partition: int = 1
    offset: int = 7
    timestamp: int = 1_700_000_000_000


BODY = (
    b'{"id": "r1", "outputs": [{"name": "is_outlier", "shape": [1, 2], "datatype": "INT64", "data": [0, 1]},'
    b' {"name": "score", "shape": [2, 1], "datatype": "FP64", "data": [[0.25], [0.5]]}],'
    b' "parameters": {"state": "DRIFT"}}'
)
TARGET = parse_expression("p.s.outputs", Topics())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p", ("p", "", "outputs", "", "weir.default.pipeline.p.outputs")),
        ("p.inputs", ("p", "", "inputs", "", "weir.default.pipeline.p.inputs")),
        ("p.outputs.predict", ("p", "", "outputs", "predict", "weir.default.pipeline.p.outputs")),
        ("p.errors", ("p", "", "errors", "", "weir.default.errors.errors")),
        ("p.s", ("p", "s", "outputs", "", "weir.default.model.s.outputs")),
        ("p.s.inputs.x", ("p", "s", "inputs", "x", "weir.default.model.s.inputs")),
    ],
)
def test_expressions_are_seldons(text: str, expected: tuple[str, ...]) -> None:
    assert parse_expression(text, Topics()) == Target(*expected)


@pytest.mark.parametrize("text", ["", "p.", "p..outputs", "p.s.outputs.a.b", "p.s.t.outputs"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(DeploymentError, match=r"is not PIPELINE, PIPELINE\.inputs or"):
        parse_expression(text, Topics())


def test_a_tensor_is_shown_as_seldon_does() -> None:
    shown = show(Record(BODY), TARGET)
    tensor = '{"name":"is_outlier","shape":[1,2],"datatype":"INT64","data":[0,1]}'
    assert shown.line("is_outlier") == f"t\tk\t{tensor}"
    assert shown.line("other") == "t\tk\t(no tensor other in this record)"


def test_protobuf_is_shown_as_json() -> None:
    message = ModelInferResponse(id="r1")
    message.outputs.add(name="y", datatype="FP64", shape=[1, 2]).contents.fp64_contents.extend([1.5, 2.5])
    shown = show(Record(bytes(message.SerializeToString())), TARGET)
    assert shown.tensor("y") == {
        "name": "y",
        "shape": [1, 2],
        "datatype": "FP64",
        "data": [1.5, 2.5],
    }
    assert shown.value["id"] == "r1"


@pytest.mark.parametrize("value", [b"", b"junk", b"[1]", b'{"outputs": 3}', b'{"outputs": [3]}', b"\xff\xfe"])
def test_junk_is_shown_as_it_is(value: bytes) -> None:
    shown = show(Record(value), TARGET)
    assert shown.tensors() == []
    assert shown.line("x").endswith("(no tensor x in this record)")
    assert shown.json("")


def test_a_record_is_a_line_of_json_with_all_that_kafka_knows() -> None:
    text = show(Record(b"{}", headers=(("pipeline", b"p"),)), TARGET).json("")
    assert text == (
        '{"topic":"t","partition":1,"offset":7,"timestamp":"2023-11-14T22:13:20.000+00:00","key":"k",'
        '"headers":{"pipeline":"p"},"value":{}}'
    )


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("is_outlier=1", True),
        ("is_outlier=2", False),
        ("score>0.4", True),
        ("score>=0.6", False),
        ("score < 0.3", True),
        ("score<=0.2", False),
        ("is_outlier!=0", True),
        ("state=DRIFT", True),
        ("state=OK", False),
        ("score>word", False),
        ("nothing=1", False),
    ],
)
def test_a_condition_holds_where_any_value_fits(condition: str, holds: bool) -> None:
    assert parse_condition(condition).holds(show(Record(BODY), TARGET)) is holds


def test_what_is_no_condition_is_refused() -> None:
    with pytest.raises(DeploymentError, match="is not a condition; write is_outlier=1"):
        parse_condition("is_outlier")


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        ({}, True),
        ({"key": "k"}, True),
        ({"key": "other"}, False),
        ({"id": "r1"}, True),
        ({"id": "r2"}, False),
        ({"since": 1_700_000_000.0}, True),
        ({"since": 1_700_000_001.0}, False),
        ({"until": 1_699_999_999.0}, False),
        ({"conditions": (Condition("is_outlier", "=", 1), Condition("score", ">", 1))}, False),
    ],
)
def test_records_are_chosen(wanted: dict[str, Any], takes: bool) -> None:
    shown = show(Record(BODY, headers=(("pipeline", b"p"),)), TARGET)
    assert RecordFilter(**wanted).matches(shown, TARGET) is takes


def test_another_pipelines_record_on_a_shared_topic_is_not_taken() -> None:
    shown = show(Record(BODY, headers=(("pipeline", b"q"),)), TARGET)
    assert not RecordFilter().matches(shown, TARGET)


def test_a_dead_letter_is_shown_with_what_was_wrong_and_belongs_to_the_pipeline_it_was_sent_to() -> None:
    headers = {
        "__connect.errors.topic": "weir.default.pipeline.p.inputs",
        "__connect.errors.exception.class.name": "STEP_FAILED",
        "__connect.errors.exception.message": "no age",
        "weir-error-step": "income",
    }
    record = Record(b'{"id":"r1"}', headers=tuple((name, text.encode()) for name, text in headers.items()))
    target = parse_expression("p.errors", Topics())
    shown = show(record, target)
    assert shown.value["request"] == {"id": "r1"}
    parameters = shown.value["parameters"]
    assert (parameters["reason"], parameters["step"], parameters["message"]) == (
        "STEP_FAILED",
        "income",
        "no age",
    )
    wanted = RecordFilter(conditions=(parse_condition("reason=STEP_FAILED"),))
    assert wanted.matches(shown, target)
    assert not wanted.matches(shown, parse_expression("q.errors", Topics()))
    assert not RecordFilter(conditions=(parse_condition("reason=TOMBSTONE"),)).matches(shown, target)
