from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.drift.confirmation import Confirmation, Streak
from detectors.drift.judgement import Judgement
from detectors.quality.data_quality import Feature, Quality
from operators.core.errors import MismatchError
from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.content_types import ContentTypes
from operators.models.runtimes.batched import ROWS, BatchedStep, Verdict, WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.step import InferenceOptions
from operators.rows.chunks import Chunk, SubtaskId, decode, join
from operators.rows.lineage import lineage_of
from operators.rows.pane import Pane, decode_pane, merge
from operators.windows.report import encode_report, read_report

QUALITY = Quality([Feature("age", 17, 90, missing=0.1), Feature("work", categories=("Private", "State"))])
STEP = DataQualityModel(QUALITY)
RULES = WindowRules(Judgement(min_n=100), tolerance=0.02)


def column(*values: object, rows: list[int] | None = None) -> TensorColumn:
    data = np.empty((len(values), 1), dtype=object)
    data[:, 0] = values
    return TensorColumn(data, np.array(rows or [1] * len(values), dtype=np.int64))


def issues(tensors: Tensors, step: DataQualityModel = STEP, content_type: str = "") -> list[list[int]]:
    codes: list[list[int]] = step.infer(tensors, InferenceOptions(content_type))["issues"].data.tolist()
    return codes


def chunk(codes: Array) -> Chunk:
    n = len(codes)
    offsets = np.arange(n, dtype=np.int64)
    return Chunk(
        "p",
        "q",
        3,
        3,
        False,
        SubtaskId(),
        codes,
        ("requests",),
        np.zeros(n, np.int8),
        np.zeros(n, np.int32),
        offsets,
        offsets,
    )


def codes(rows: int, **bad: int) -> Array:
    found = np.zeros((rows, 2), dtype=np.uint8)
    for row, (name, code) in zip(range(0, rows, 2), _spread(bad), strict=False):
        found[row, ["age", "work"].index(name)] = code
    return found


def _spread(bad: dict[str, int]) -> list[tuple[str, int]]:
    """`age2=5` is five ages with the code 2."""
    return [(name[:-1], int(name[-1])) for name, times in bad.items() for _ in range(times)]


def judged(found: Array, rules: WindowRules = RULES) -> Verdict:
    return STEP.judge(STEP.count(found), len(found), rules)


def test_it_is_a_step_that_watches() -> None:
    assert isinstance(STEP, BatchedStep)
    assert STEP.monitor


def test_every_value_has_a_code_and_every_row_a_number_of_bad_values() -> None:
    answers = STEP.infer(
        {"age": column(30, "x", None), "work": column("State", "Mars", 0)}, InferenceOptions()
    )
    assert answers["issues"].data.tolist() == [[0, 0], [4, 3], [1, 0]]
    assert answers["violations"].data.tolist() == [[0], [2], [1]]
    assert (answers["issues"].data.dtype, answers["violations"].data.dtype) == (np.uint8, np.int64)


def test_the_answer_describes_its_columns_and_codes() -> None:
    parameters = STEP.infer({"age": column(30), "work": column(0)}, InferenceOptions())["issues"].parameters
    assert json.loads(str(parameters["features"])) == ["age", "work"]
    legend = {"0": "fine", "1": "missing", "2": "out_of_range", "3": "unseen", "4": "wrong_type"}
    assert json.loads(str(parameters["codes"])) == legend


def test_columns_are_taken_by_position_or_by_name_with_content_type_pd() -> None:
    tensors = {"work": column("State"), "age": column(30)}
    assert issues(tensors) == [[4, 3]]
    assert issues(tensors, content_type="pd") == [[0, 0]]
    assert issues(tensors, DataQualityModel(QUALITY, ContentTypes("pd"))) == [[0, 0]]


def test_a_table_and_columns_of_their_own_are_the_same() -> None:
    table = TensorColumn(np.array([[30.0, 1.0], [99.0, 7.0]]), np.array([2], dtype=np.int64))
    assert issues({"x": table}) == [[0, 0], [2, 3]]
    each = {"a": table._replace(data=table.data[:, :1]), "b": table._replace(data=table.data[:, 1].copy())}
    assert issues(each) == [[0, 0], [2, 3]]


def test_numbers_beside_text_stay_numbers() -> None:
    numbers = TensorColumn(np.array([[30.0], [np.nan]]), np.ones(2, dtype=np.int64))
    texts = TensorColumn(np.array([["State"], ["Mars"]]), np.ones(2, dtype=np.int64))
    assert issues({"age": numbers, "work": texts}) == [[0, 0], [1, 3]]


def test_another_number_of_columns_is_a_mismatch() -> None:
    with pytest.raises(MismatchError, match="takes rows of 2 values, got rows of 1"):
        issues({"age": column(30)})
    with pytest.raises(MismatchError, match="'work' is missing; got 'age', 'job'"):
        issues({"age": column(30), "job": column(1)}, content_type="pd")
    with pytest.raises(ValueError, match="tensor 'b' has another number of rows than 'a'"):
        issues({"a": column(1), "b": column(1, 2)})


def test_a_batched_step_answers_at_once_and_gathers_the_codes() -> None:
    gathered = STEP.gather({"age": column(30, 5), "work": column("State", 9)}, InferenceOptions())
    assert list(gathered) == [ROWS, "issues", "violations"]
    assert gathered[ROWS].data.tolist() == gathered["issues"].data.tolist() == [[0, 0], [2, 3]]


def test_codes_survive_chunks_and_panes() -> None:
    found = codes(60, age1=5, age2=3, work3=4, work4=1)
    parts = [decode(chunk(part).encode()) for part in np.split(found, [7, 30])]
    assert {part.rows.dtype for part in parts} == {np.dtype(np.uint8)}
    assert join(parts).rows.tolist() == found.tolist()
    panes = [
        decode_pane(Pane(lineage_of(part), STEP.count(part.rows)).encode())
        for part in (chunk(found).part(start, stop) for start, stop in pairwise([0, 10, 11, 60]))
    ]
    whole = merge(panes, STEP.add)
    assert whole.lineage.rows == 60
    assert STEP.judge(whole.counts, 60, RULES).details == judged(found).details


def test_a_verdict_contains_counts_a_state_and_the_violating_features() -> None:
    verdict = judged(codes(500, age1=40, age2=30, work4=50))
    assert verdict.state == "VIOLATION"
    assert {name: values.tolist() for name, values in verdict.tensors.items()} == {
        "missing": [[40, 0]],
        "out_of_range": [[30, 0]],
        "unseen": [[0, 0]],
        "wrong_type": [[0, 50]],
        "is_violation": [[1]],
    }
    assert {values.dtype for values in verdict.tensors.values()} == {np.dtype(np.int64)}
    details = msgspec.to_builtins(verdict.details)
    assert details["ranked"] == ["work", "age"]
    assert (details["tolerance"], details["min_n"]) == (0.02, 100)
    age, work = details["features"]
    assert age == {
        "feature": "age",
        "counts": {"missing": 40, "out_of_range": 30, "unseen": 0, "wrong_type": 0},
        "shares": {"missing": 0.08, "out_of_range": 0.06, "unseen": 0.0, "wrong_type": 0.0},
        "reference_missing": 0.1,
        "violating": ["out_of_range"],
    }
    assert work["violating"] == ["wrong_type"]


def test_what_the_reference_misses_too_and_a_short_window_are_no_violation() -> None:
    assert judged(codes(500, age1=50)).state == "OK"
    assert judged(codes(99, work4=40)).state == "INSUFFICIENT_DATA"
    assert judged(codes(500, work4=50), WindowRules(Judgement(min_n=100), tolerance=0.2)).state == "OK"


def test_violations_in_a_row_are_confirmed_and_resolved() -> None:
    confirmation, streak, confirmed = Confirmation(confirm=2, resolve=1), Streak(), []
    for number, bad in enumerate([30, 0, 30, 30, 0], start=1):
        streak = confirmation.after(streak, judged(codes(200, age2=bad)).state, number)
        confirmed.append(streak.confirmed)
    assert confirmed == [False, False, False, True, False]


def test_a_report_is_a_v2_response_and_no_flag_of_drift() -> None:
    window = chunk(codes(300, age2=30))
    body = encode_report(lineage_of(window), 4, judged(window.rows), Streak(True, 3), "sha256:abc")
    report: dict[str, Any] = msgspec.json.decode(body)
    shown = {one["name"]: (one["shape"], one["datatype"], one["data"]) for one in report["outputs"]}
    assert shown["out_of_range"] == ([1, 2], "INT64", [30, 0])
    assert shown["is_violation"] == ([1, 1], "INT64", [1])
    about = report["parameters"]
    assert (about["state"], about["n"], about["confirmed"]) == ("VIOLATION", 300, True)
    found = read_report(body)
    assert found is not None
    assert found.flag() is None
