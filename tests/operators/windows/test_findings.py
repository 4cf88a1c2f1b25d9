from __future__ import annotations

import numpy as np
import pytest

from detectors.drift.confirmation import Streak
from detectors.quality.data_quality import quality_of
from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Unknown
from operators.alerts.rules import StepRule
from operators.models.runtimes.batched import BatchedStep, Verdict, WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from operators.rows.lineage import lineage_of
from operators.windows.findings import evaluate_window
from tests.builders.reports import REFERENCE, STEP, chunk

CONFIRMED = Streak(True, 3)
DRIFT = StepRule("WeirDrift", 0.3)


def judged(step: BatchedStep, rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Verdict:
    return step.judge(step.count(rows), len(rows), WindowRules())


def found(rule: StepRule, verdict: Verdict, streak: Streak = CONFIRMED) -> Finding | Unknown | None:
    about, finding = evaluate_window(rule, lineage_of(chunk(REFERENCE[:500])), 4, verdict, streak)
    assert about == AlertKey(rule.alert, "d")
    return finding


@pytest.mark.parametrize(("moved", "severity"), [(0.5, "warning"), (2.0, "critical")])
def test_a_confirmed_drift_names_its_culprits_and_window(moved: float, severity: str) -> None:
    finding = found(DRIFT, judged(STEP, REFERENCE[:500] + np.array([moved, 0])))
    assert isinstance(finding, Finding)
    assert finding.severity == severity
    annotations = finding.annotations
    assert annotations["features"].startswith("age (effect 0.")
    assert annotations["summary"].startswith("The data drifted in d, confirmed by window 3: age (effect")
    assert annotations["window"] == "1970-01-01T00:00:01.000Z/1970-01-01T00:00:01.499Z"
    assert annotations["window_number"] == "4"
    assert annotations["window_offsets"] == "requests-0 10 to 508; requests-1 11 to 509"


def test_unconfirmed_drift_is_no_finding_and_a_window_without_a_verdict_is_unknown() -> None:
    drifted = judged(STEP, REFERENCE[:500] + np.array([2.0, 0]))
    assert found(DRIFT, drifted, Streak(False, 0, against=1)) is None
    assert found(DRIFT, judged(STEP, REFERENCE[:500])) is UNKNOWN, "one window does not resolve it"
    assert found(DRIFT, judged(STEP, REFERENCE[:20])) is UNKNOWN


def test_confirmed_violations_name_feature_share_and_issue() -> None:
    step = DataQualityModel(quality_of(REFERENCE, ["age", "work"], {"work": ["a", "b", "c"]}))
    codes = np.zeros((500, 2), dtype=np.uint8)
    codes[:50, 0] = 1
    codes[:100, 1] = 3
    finding = found(StepRule("WeirDataQuality", None), judged(step, codes))
    assert isinstance(finding, Finding)
    assert finding.severity == "warning"
    assert finding.annotations["features"] == "work (20.0% unseen), age (10.0% missing)"
    assert finding.annotations["summary"].startswith("Values are bad in d, confirmed by window 3: work")
