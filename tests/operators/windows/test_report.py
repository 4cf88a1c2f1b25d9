from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from detectors.drift.calibration import calibrate
from detectors.drift.confirmation import Confirmation, Streak
from detectors.drift.tabular import TabularDrift
from operators.alerts.finding import UNKNOWN
from operators.alerts.rules import StepRule
from operators.models.column_origins import Origin
from operators.models.runtimes.batched import WindowRules
from operators.models.runtimes.drift import DriftModel
from operators.rows.lineage import lineage_of
from operators.windows.findings import evaluate_window
from operators.windows.report import read_report, superseded_report
from tests.builders.reports import REFERENCE, RNG, STEP, chunk, reported


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
    parameters = body["parameters"]
    assert (parameters["state"], parameters["window"], parameters["n"], parameters["ranked"]) == (
        "DRIFT",
        12,
        400,
        ["age", "work"],
    )
    assert parameters["detector"] == "sha256:abc"
    assert parameters["features"][0]["rejected"] is True
    assert parameters["features"][1]["test"] == "chi-square"


def test_a_report_names_the_requests_in_the_window() -> None:
    parameters = msgspec.json.decode(reported(STEP, chunk(REFERENCE[:5])))["parameters"]
    assert parameters["members"] == [
        {"topic": "requests", "partition": 0, "first_offset": 10, "last_offset": 14, "rows": 3},
        {"topic": "requests", "partition": 1, "first_offset": 11, "last_offset": 13, "rows": 2},
    ]
    assert (parameters["first_timestamp"], parameters["last_timestamp"]) == (1_000, 1_004)


def test_the_flag_is_read_back_from_the_report() -> None:
    found = read_report(reported(STEP, chunk(REFERENCE[:300])))
    assert found is not None
    flag = found.flag()
    assert flag is not None
    assert (found.window.pipeline, flag.is_drift, flag.state, flag.window) == ("p", 0, "OK", 12)
    assert flag.closed_at


def test_what_is_no_verdict_gives_no_flag() -> None:
    found = read_report(superseded_report(lineage_of(chunk(REFERENCE[:3])), 2, 4))
    assert found is not None
    assert found.flag() is None
    assert read_report(b'{"outputs": [], "parameters": {}}') is None


def test_a_report_contains_enough_to_draw_the_columns_that_moved() -> None:
    moved = REFERENCE[:400].copy()
    moved[:100, 1] = 7
    parameters = msgspec.json.decode(reported(STEP, chunk(moved)))["parameters"]
    work, age = parameters["histograms"]
    assert work["column"] == "work"
    assert work["categories"] == ["Private", "State-gov", "Self-emp", "7"]
    assert len(work["window"]) == len(work["reference"]) == 5
    assert work["window"][3] == 0.25
    assert len(age["window"]) == len(age["edges"]) + 1 == 10
    assert abs(sum(age["reference"]) - 1) < 1e-3
    assert parameters["features"][1]["unseen"] == 100
    assert parameters["features"][1]["drifted"] is True


def test_a_report_contains_what_windows_in_a_row_confirmed() -> None:
    parameters = msgspec.json.decode(reported(STEP, chunk(REFERENCE[:300]), Streak(True, 7)))["parameters"]
    assert (parameters["confirmed"], parameters["confirmed_since_window"]) == (True, 7)


def test_a_calibrated_detector_reports_its_calibration_and_least_effect() -> None:
    held_out = np.column_stack([RNG.normal(size=2_000), RNG.integers(0, 3, 2_000)])
    calibration = calibrate(STEP.detector, held_out, window=100, rate=0.05, windows=200)
    step = DriftModel(STEP.detector, ["age", "work"], ["age", "work"], calibrations=[calibration])
    parameters = msgspec.json.decode(reported(step, chunk(held_out[:100])))["parameters"]
    assert parameters["state"] == "OK", "100 rows are enough for what was calibrated for 100"
    assert parameters["calibrated"] == [{"window": 100, "rate": 0.05}]
    assert 0.1 < parameters["features"][0]["least_effect"] < 0.25


def test_a_report_names_a_feature_without_values_and_is_not_ok() -> None:
    rows = REFERENCE[:400].copy()
    rows[:, 0] = np.nan
    body = msgspec.json.decode(reported(STEP, chunk(rows)))
    parameters = body["parameters"]
    assert parameters["state"] == "INSUFFICIENT_DATA"
    assert parameters["ranked"] == ["age", "work"]
    age, work = parameters["features"]
    assert (age["insufficient"], age["n"], age["missing"]) == (True, 0, 400)
    assert work["insufficient"] is False
    assert parameters["histograms"][0]["column"] == "age"
    assert {one["name"]: one["data"] for one in body["outputs"]}["is_drift"] == [0]


@pytest.mark.parametrize("confirmed", [Streak(), Streak(True, 7)])
def test_windows_without_values_of_a_feature_neither_confirm_nor_resolve(confirmed: Streak) -> None:
    rows = REFERENCE[:400].copy()
    rows[:, 0] = np.nan
    verdict = STEP.judge(STEP.count(rows), len(rows), WindowRules())
    streak, rule = confirmed, StepRule("WeirDrift", None)
    for window in range(8, 14):
        streak = Confirmation().after(streak, verdict.state, window)
        _, found = evaluate_window(rule, lineage_of(chunk(rows)), window, verdict, streak)
        assert found is (UNKNOWN if confirmed.confirmed else None)
    assert streak == confirmed


def test_a_report_contains_the_features_own_values_of_prepared_columns() -> None:
    people = np.column_stack([RNG.integers(17, 90, 2_000), RNG.integers(0, 2, 2_000)]).astype(float)
    scaler = StandardScaler().fit(people[:, :1])
    prepared = np.column_stack([scaler.transform(people[:, :1]), people[:, 1]])
    origins = {
        "age": Origin(float(scaler.scale_[0]), float(scaler.mean_[0])),
        "work=Private": Origin(category="Private"),
    }
    columns, detector = list(origins), TabularDrift(prepared, categories_per_feature={1: None})
    step = DriftModel(detector, columns, ["age", "work"], origins=origins)
    histograms = msgspec.json.decode(reported(step, chunk(prepared[:400])))["parameters"]["histograms"]
    age, work = sorted(histograms, key=lambda one: str(one["column"]))
    assert age["raw"] == pytest.approx(
        scaler.inverse_transform(np.array(age["edges"])[:, None])[:, 0], rel=1e-5
    )
    assert set(age["raw"]) <= set(people[:, 0].tolist()), "bins end on values that people had"
    assert (work["categories"], work["raw"]) == (["0", "1"], ["not Private", "Private"])


def test_without_an_origin_a_report_is_as_before() -> None:
    histograms = msgspec.json.decode(reported(STEP, chunk(REFERENCE[:400])))["parameters"]["histograms"]
    assert all("raw" not in one for one in histograms)


def test_bins_that_differ_in_late_digits_stay_apart() -> None:
    moments = 1_700_000_000 + np.arange(8.0)
    step = DriftModel(TabularDrift(np.repeat(moments, 50)[:, None]), ["at"], ["at"])
    (histogram,) = msgspec.json.decode(reported(step, chunk(moments[:, None])))["parameters"]["histograms"]
    assert histogram["edges"] == moments[:-1].tolist()
