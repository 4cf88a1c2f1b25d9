from __future__ import annotations

import msgspec
import numpy as np

from detectors.judgement import Judgement
from detectors.tabular import TabularDrift
from operators.chunks import Chunk
from operators.reports import read_flag, report, superseded
from operators.steps.detect_drift import DetectDrift

RNG = np.random.default_rng(0)
REFERENCE = np.column_stack([RNG.normal(size=2_000), RNG.integers(0, 3, 2_000)])
STEP = DetectDrift(
    TabularDrift(REFERENCE, categories_per_feature={1: None}), ["age", "work"], ["age", "work"]
)


def chunk(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Chunk:
    n = len(rows)
    return Chunk(
        "p",
        "d",
        3,
        rows,
        ("requests",),
        np.zeros(n, dtype=np.int8),
        np.arange(n, dtype=np.int32) % 2,
        np.arange(n, dtype=np.int64) + 10,
        np.arange(n, dtype=np.int64) + 1_000,
    )


def test_a_report_is_a_v2_response_with_alibi_detects_tensors() -> None:
    window = chunk(REFERENCE[:400] + np.array([0.8, 0]))
    body = msgspec.json.decode(report(window, 12, STEP, Judgement(), "sha256:abc"))
    shown = {tensor["name"]: (tensor["shape"], tensor["datatype"]) for tensor in body["outputs"]}
    assert shown == {
        "is_drift": ([1, 1], "INT64"),
        "distance": ([1, 2], "FP32"),
        "p_val": ([1, 2], "FP32"),
        "threshold": ([1, 1], "FP64"),
    }
    assert (body["model_name"], body["model_version"]) == ("d", "3")
    told = body["parameters"]
    assert (told["state"], told["window"], told["n"], told["ranked"]) == ("DRIFT", 12, 400, ["age", "work"])
    assert told["detector"] == "sha256:abc"
    assert told["features"][0]["rejected"] is True
    assert told["features"][1]["test"] == "chi-square"


def test_a_report_names_the_requests_in_the_window() -> None:
    told = msgspec.json.decode(report(chunk(REFERENCE[:5]), 1, STEP, Judgement(), ""))["parameters"]
    assert told["members"] == [
        {"topic": "requests", "partition": 0, "first_offset": 10, "last_offset": 14, "rows": 3},
        {"topic": "requests", "partition": 1, "first_offset": 11, "last_offset": 13, "rows": 2},
    ]
    assert (told["first_timestamp"], told["last_timestamp"]) == (1_000, 1_004)


def test_the_flag_is_read_back_from_the_report() -> None:
    found = read_flag(report(chunk(REFERENCE[:300]), 9, STEP, Judgement(), ""))
    assert found is not None
    pipeline, flag = found
    assert (pipeline, flag.is_drift, flag.state, flag.window) == ("p", 0, "OK", 9)
    assert flag.closed_at


def test_what_is_no_verdict_gives_no_flag() -> None:
    assert read_flag(superseded(chunk(REFERENCE[:3]), 2)) is None
    assert read_flag(b"") is None
    assert read_flag(b'{"outputs": [], "parameters": {}}') is None
