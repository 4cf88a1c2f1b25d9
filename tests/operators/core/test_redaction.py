"""What a Monitor hides is hidden wherever people look."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.quality.data_quality import quality_of
from operators.core.redaction import HIDDEN, Redaction
from operators.inference.outlier_log import FlaggedRowRecord
from operators.inference.taps import Taps
from operators.metrics.pipeline_tally import decode_tally, is_tally
from operators.models.runtimes.batched import WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.verdict_details import DriftDetails
from operators.pipeline.load import LoadedPipeline
from tests.builders.pipelines import engine, live, pipeline
from tests.builders.reports import REFERENCE, STEP
from tests.builders.requests import GOOD, records, request

HIDES = Redaction(["age"])


def texts(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def test_a_verdict_names_neither_the_feature_nor_its_histogram_but_shows_that_one_moved() -> None:
    verdict = STEP.judge(STEP.count(REFERENCE[:500] + np.array([2.0, 0])), 500, WindowRules())
    hidden = verdict.redacted(HIDES)
    assert "age" in texts(verdict.details)
    assert "age" not in texts(hidden.details)
    assert hidden.details.ranked[0] == HIDDEN
    assert isinstance(hidden.details, DriftDetails)
    assert [one.column for one in hidden.details.histograms] == ["work"]
    (moved,) = [one for one in hidden.details.features if one.drifted]
    assert moved.column == HIDDEN
    assert moved.effect is not None
    assert moved.effect > 0.2
    assert hidden.tensors == verdict.tensors
    assert verdict.redacted(Redaction()) is verdict


def test_a_data_quality_verdict_too() -> None:
    step = DataQualityModel(quality_of(REFERENCE, ["age", "work"], {"work": ["a", "b", "c"]}))
    verdict = step.judge(step.count(np.ones((300, 2), dtype=np.uint8)), 300, WindowRules())
    assert [one.feature for one in verdict.redacted(HIDES).details.features] == [HIDDEN, "work"]


def redacted(tmp_path: Path, models: Path, *names: str) -> LoadedPipeline:
    steps = [
        {"name": "income-preprocess"},
        {"name": "income-quality"},
        {"name": "income-outlier", "inputs": ["income-preprocess"]},
    ]
    (one,) = live(tmp_path, models, pipeline("p", steps, output={"steps": ["income-outlier"]}))
    assert one.plan is not None
    return one._replace(plan=one.plan._replace(redaction=Redaction(names)))


def test_flagged_rows_and_bad_values_do_not_name_it(tmp_path: Path, models: Path) -> None:
    odd = [90.0, *GOOD[1:8], 99_999.0, 4_000.0, 500.0, GOOD[11]]
    served = redacted(tmp_path, models, "capital-gain", "hours-per-week")
    answers = engine([served]).answer(records(request(odd), pipeline="p"))
    (flagged_row,) = [msgspec.json.decode(one, type=FlaggedRowRecord) for one in answers.tap_bodies[0] or ()]
    columns = {one.column: one.value for one in flagged_row.features}
    assert columns[HIDDEN] is None
    assert all(one.raw is None for one in flagged_row.features if one.column == HIDDEN)
    (loss,) = [one.raw for one in flagged_row.features if one.column == "capital-loss"]
    assert loss == pytest.approx(4_000.0), "others are as the request had them"
    assert not {"capital-gain", "hours-per-week"} & columns.keys()
    assert columns["capital-loss"] is not None
    (tally,) = [decode_tally(one).tally for one in answers.chunks[-1] or () if is_tally(one)]
    bad = tally.steps["income-quality"].bad_values
    assert HIDDEN in bad
    assert not {"capital-gain", "hours-per-week"} & bad.keys()


def test_nobody_taps_its_steps(tmp_path: Path, models: Path) -> None:
    until = {"p": time() + 60}
    assert Taps([redacted(tmp_path / "a", models)], until).of("p")
    assert Taps([redacted(tmp_path / "b", models, "age")], until).of("p") == set()
