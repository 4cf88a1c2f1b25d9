from __future__ import annotations

import msgspec
import numpy as np

from detectors.calibration import calibrate
from detectors.confirmation import Streak
from detectors.tabular import TabularDrift
from operators.chunks import Chunk, Sender
from operators.lineage import lineage_of
from operators.reports import read_flag, report, superseded
from operators.steps.detect_drift import DetectDrift
from operators.steps.tables import Table
from operators.steps.watching import Rules

RNG = np.random.default_rng(0)
REFERENCE = np.column_stack([RNG.normal(size=2_000), RNG.integers(0, 3, 2_000)])
STEP = DetectDrift(
    TabularDrift(REFERENCE, categories_per_feature={1: None}),
    ["age", "work"],
    ["age", "work"],
    Table(2, ["age", "work"], {"work": ["Private", "State-gov", "Self-emp"]}),
)


def chunk(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Chunk:
    n = len(rows)
    return Chunk(
        "p",
        "d",
        3,
        3,
        False,
        Sender(),
        rows,
        ("requests",),
        np.zeros(n, dtype=np.int8),
        np.arange(n, dtype=np.int32) % 2,
        np.arange(n, dtype=np.int64) + 10,
        np.arange(n, dtype=np.int64) + 1_000,
    )


NOTHING = Streak()


def reported(step: DetectDrift, window: Chunk, streak: Streak = NOTHING) -> bytes:
    verdict = step.judge(step.count(window.rows), len(window.rows), Rules())
    return report(lineage_of(window), 12, verdict, streak, "sha256:abc")


def test_a_report_is_a_v2_response_with_alibi_detects_tensors() -> None:
    window = chunk(REFERENCE[:400] + np.array([0.8, 0]))
    body = msgspec.json.decode(reported(STEP, window))
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
    told = msgspec.json.decode(reported(STEP, chunk(REFERENCE[:5])))["parameters"]
    assert told["members"] == [
        {"topic": "requests", "partition": 0, "first_offset": 10, "last_offset": 14, "rows": 3},
        {"topic": "requests", "partition": 1, "first_offset": 11, "last_offset": 13, "rows": 2},
    ]
    assert (told["first_timestamp"], told["last_timestamp"]) == (1_000, 1_004)


def test_the_flag_is_read_back_from_the_report() -> None:
    found = read_flag(reported(STEP, chunk(REFERENCE[:300])))
    assert found is not None
    pipeline, flag = found
    assert (pipeline, flag.is_drift, flag.state, flag.window) == ("p", 0, "OK", 12)
    assert flag.closed_at


def test_what_is_no_verdict_gives_no_flag() -> None:
    assert read_flag(superseded(lineage_of(chunk(REFERENCE[:3])), 2, 4)) is None
    assert read_flag(b"") is None
    assert read_flag(b'{"outputs": [], "parameters": {}}') is None


def test_a_report_tells_enough_to_draw_the_columns_that_moved() -> None:
    moved = REFERENCE[:400].copy()
    moved[:100, 1] = 7
    told = msgspec.json.decode(reported(STEP, chunk(moved)))["parameters"]
    work, age = told["histograms"]
    assert work["column"] == "work"
    assert work["categories"] == ["Private", "State-gov", "Self-emp", "7"]
    assert len(work["window"]) == len(work["reference"]) == 5
    assert work["window"][3] == 0.25
    assert len(age["window"]) == len(age["edges"]) + 1 == 10
    assert abs(sum(age["reference"]) - 1) < 1e-3
    assert told["features"][1]["outside"] == 100
    assert told["features"][1]["guilty"] is True


def test_a_report_says_what_windows_in_a_row_confirmed() -> None:
    told = msgspec.json.decode(reported(STEP, chunk(REFERENCE[:300]), Streak(True, 7)))["parameters"]
    assert (told["confirmed"], told["confirmed_since_window"]) == (True, 7)


def test_a_calibrated_detector_tells_what_it_would_take() -> None:
    held_out = np.column_stack([RNG.normal(size=2_000), RNG.integers(0, 3, 2_000)])
    calibration = calibrate(STEP.detector, held_out, window=100, rate=0.05, windows=200)
    step = DetectDrift(STEP.detector, ["age", "work"], ["age", "work"], calibrations=[calibration])
    told = msgspec.json.decode(reported(step, chunk(held_out[:100])))["parameters"]
    assert told["state"] == "OK", "100 rows are enough for what was calibrated for 100"
    assert told["calibrated"] == [{"window": 100, "rate": 0.05}]
    assert 0.1 < told["features"][0]["least_effect"] < 0.25
