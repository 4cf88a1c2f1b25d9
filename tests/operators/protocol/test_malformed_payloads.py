"""Whatever a request holds, it fails with a reason, and its neighbours are answered as without it."""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.streaming.settings import Settings
from operators.inference.engine import Engine
from tests.corpus.examples import PIPELINES, engine_of_examples, records_of
from tests.corpus.payloads import (
    CASES,
    MESSAGES,
    OTHER_ROW,
    ROW,
    columns_of,
    good,
    good_proto,
    many_tensors,
    unequal_columns,
)

# Each of the ways in which a request may be right.
NEIGHBOURS = (good(), good_proto(), good_proto(raw=True), columns_of(ROW), good(OTHER_ROW))
# What passes one at a time, and what passes in company.


class Outcome(NamedTuple):
    """What became of one record."""

    status: str
    reason: str | None
    step: str | None
    error: str | None
    body: bytes | None


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return engine_of_examples(models)


@pytest.fixture(scope="module", params=PIPELINES)
def pipeline(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def outcomes(engine: Engine, pipeline: str, values: list[bytes], types: list[str | None]) -> list[Outcome]:
    answers = engine.answer(records_of(pipeline, values, types))
    columns = (answers.statuses, answers.reasons, answers.steps, answers.errors, answers.bodies)
    return [Outcome(*one) for one in zip(*columns, strict=True)]


def among_neighbours(engine: Engine, pipeline: str, names: list[str]) -> list[Outcome]:
    """Answer cases between good requests; check that those are answered as always, and return the others."""
    good = [NEIGHBOURS[i % len(NEIGHBOURS)] for i in range(len(names) + 1)]
    expected = {body: outcomes(engine, pipeline, [body], [None])[0] for body in NEIGHBOURS}
    bad = [CASES[name] for name in names]
    values = [*chain.from_iterable(zip(good, (case.value for case in bad), strict=False)), good[-1]]
    types = [*chain.from_iterable((None, case.infer_type) for case in bad), None]
    got = outcomes(engine, pipeline, values, types)
    for body, outcome in zip(good, got[::2], strict=True):
        assert outcome.status == "answered"
        assert outcome == expected[body]
    return got[1::2]


def check_failure(name: str, outcome: Outcome) -> None:
    assert (outcome.status, outcome.reason) == ("failed", CASES[name].reason), outcome
    assert outcome.error
    assert MESSAGES[name] in outcome.error
    assert len(outcome.error) < 2_000
    assert outcome.body == outcome.error.encode()


def test_the_corpus_is_large_and_the_job_takes_all_of_it() -> None:
    assert len(CASES) >= 110
    assert len({(case.value, case.infer_type) for case in CASES.values()}) == len(CASES)
    assert max(len(case.value) for case in CASES.values()) <= Settings().max_record_bytes


def test_the_neighbours_are_right(engine: Engine, pipeline: str) -> None:
    for body in NEIGHBOURS:
        (outcome,) = outcomes(engine, pipeline, [body], [None])
        assert outcome.status == "answered"


@pytest.mark.parametrize("name", CASES)
def test_a_malformed_request_fails_alone_with_its_reason(name: str, engine: Engine, pipeline: str) -> None:
    start = process_time()
    (outcome,) = among_neighbours(engine, pipeline, [name])
    assert process_time() - start < 5
    check_failure(name, outcome)
    (by_itself,) = outcomes(engine, pipeline, [CASES[name].value], [CASES[name].infer_type])
    assert by_itself == outcome


@pytest.mark.parametrize("order", ["as it is", "reversed", "shuffled"])
def test_all_malformed_requests_at_once_fail_as_each_alone(order: str, engine: Engine, pipeline: str) -> None:
    names = {"as it is": list(CASES), "reversed": list(CASES)[::-1]}.get(order, [])
    names = names or random.Random(1).sample(list(CASES), len(CASES))
    for name, outcome in zip(names, among_neighbours(engine, pipeline, names), strict=True):
        check_failure(name, outcome)
        (alone,) = outcomes(engine, pipeline, [CASES[name].value], [CASES[name].infer_type])
        assert outcome == alone


@settings(deadline=None)
@given(names=st.lists(st.sampled_from(list(CASES)), max_size=40))
def test_any_malformed_requests_fail_as_each_alone(names: list[str], engine: Engine) -> None:
    for name, outcome in zip(names, among_neighbours(engine, PIPELINES[0], names), strict=True):
        check_failure(name, outcome)


def test_the_same_malformed_request_a_thousand_times_costs_no_neighbour(engine: Engine) -> None:
    for name in ("numbers that the models cannot hold", "words", "a row of thirteen", "half a message"):
        for outcome in among_neighbours(engine, PIPELINES[0], [name] * 1_000):
            check_failure(name, outcome)


def test_a_hundred_thousand_tensors_cost_no_neighbour(engine: Engine) -> None:
    start = process_time()
    values = [good(), many_tensors(100_000), good()]
    got = outcomes(engine, PIPELINES[0], values, [None] * 3)
    assert process_time() - start < 30
    assert [outcome.status for outcome in got] == ["answered", "failed", "answered"]
    assert got[1].reason == "STEP_FAILED"


def test_columns_of_unequal_length_do_not_reach_into_other_requests(engine: Engine, pipeline: str) -> None:
    values = [unequal_columns(OTHER_ROW, 2, 1), columns_of(ROW), unequal_columns(OTHER_ROW, 1, 2)]
    got = outcomes(engine, pipeline, values, [None] * 3)
    assert got[1] == outcomes(engine, pipeline, values[1:2], [None])[0]
    assert [outcome.status for outcome in got] == ["failed", "answered", "failed"]


def is_answered_or_fails(engine: Engine, value: bytes) -> None:
    expected = outcomes(engine, PIPELINES[0], [good()], [None])
    before, outcome, after = outcomes(engine, PIPELINES[0], [good(), value, good()], [None] * 3)
    assert [before, after] == expected * 2
    assert outcome.status in ("answered", "failed")
    if outcome.status == "failed":
        assert outcome.reason
        assert outcome.error
        assert len(outcome.error) < 2_000


tokens = st.sampled_from([*b'{}[]":,0123456789.-+eE\\ntfu \t\n\0\x7f\x80\xff*2:\x1a\x12'])
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.lists(tokens, max_size=4)), max_size=4)


@settings(deadline=None)
@given(body=st.sampled_from(NEIGHBOURS), edits=edits, cut=st.none() | st.integers(0, 300))
def test_a_request_with_any_change_of_its_bytes_is_answered_or_fails(
    body: bytes, edits: list[tuple[float, int, list[int]]], cut: int | None, engine: Engine
) -> None:
    for place, removed, put in edits:
        at = int(place * len(body))
        body = body[:at] + bytes(put) + body[at + removed :]
    is_answered_or_fails(engine, body[:cut])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1_000, 1_000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        ["FP32", "INT64", "BYTES", "BOOL", "UINT8", "pd", "np", "str", "predict", 2**63, -(2**63)]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def changed(document: Any, path: list[int], value: Any) -> Any:
    """Return a copy with another value somewhere below; the path selects which child to take."""
    if not path or not isinstance(document, (dict, list)) or not document:
        return value
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = keys[path[0] % len(keys)]
    copy = document.copy()
    copy[key] = changed(copy[key], path[1:], value)
    return copy


@settings(deadline=None)
@given(
    body=st.sampled_from([body for body in NEIGHBOURS if body[:1] == b"{"]),
    changes=st.lists(st.tuples(st.lists(st.integers(0, 11), min_size=1, max_size=5), values), max_size=3),
)
def test_a_request_with_any_change_of_its_values_is_answered_or_fails(
    body: bytes, changes: list[tuple[list[int], Any]], engine: Engine
) -> None:
    document = msgspec.json.decode(body)
    for path, value in changes:
        document = changed(document, path, value)
    is_answered_or_fails(engine, msgspec.json.encode(document))


@settings(deadline=None)
@given(value=st.binary(max_size=300))
def test_any_bytes_are_answered_or_fail(value: bytes, engine: Engine) -> None:
    is_answered_or_fails(engine, value)
