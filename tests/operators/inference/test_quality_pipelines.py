"""Data quality checks in pipelines: answers of each request, and rows for windows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.quality.data_quality import quality_of
from operators.core.errors import DeploymentError
from operators.core.tensors import TensorColumn
from operators.models.formats.data_quality import write_quality
from operators.models.runtimes.batched import WindowRules, WindowVerdict
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.step import InferenceOptions
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.load import LoadedPipeline, ModelCache, batched_step_config
from operators.storage.trusted_roots import make_policy
from tests.builders.pipelines import engine, live, pipeline, released
from tests.builders.requests import GOOD, chunks_in, chunks_of, outputs, records, request

NAMES = [f"f{i}" for i in range(len(GOOD))]
TEXTS = {"f1": [str(i) for i in range(9)]}
MISSING = [None, *GOOD[1:]]


@pytest.fixture
def checked(tmp_path: Path, models: Path) -> Path:
    """The trained models with a data quality check beside them."""
    copy = shutil.copytree(models, tmp_path / "models")
    (copy / "quality").mkdir()
    (copy / "quality" / "model-settings.json").write_text('{"implementation": "weir.DataQuality"}')
    rows = np.load(models / "holdout.npy")
    write_quality(copy / "quality", quality_of(np.nan_to_num(rows), NAMES, TEXTS))
    return copy


def with_batch(output: list[str] | None = None, **batch: Any) -> dict[str, Any]:
    steps = [{"name": "income"}, {"name": "quality", **({"batch": batch} if batch else {})}]
    return pipeline("p", steps, output={"steps": output or ["income", "quality"]})


def served(folder: Path, models: Path, spec: dict[str, Any]) -> list[LoadedPipeline]:
    return live(folder / "manifests", models, spec)


def by_name(**changes: dict[str, Any]) -> bytes:
    tensors = [
        {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
        for name, value in zip(NAMES, GOOD, strict=True)
    ]
    tensors = [{**tensor, **changes.get(str(tensor["name"]), {})} for tensor in reversed(tensors)]
    return msgspec.json.encode({"inputs": tensors, "parameters": {"content_type": "pd"}})


@pytest.mark.parametrize("batch", [{}, {"size": 100}])
def test_every_response_contains_the_issues_of_its_request(
    tmp_path: Path, checked: Path, batch: dict[str, int]
) -> None:
    answers = engine(served(tmp_path, checked, with_batch(**batch))).answer(
        records(request(GOOD), request(GOOD, MISSING), request([1e9, 77, *GOOD[2:]]), pipeline="p")
    )
    assert list(outputs(answers, 0)) == ["predict", "issues", "violations"]
    assert outputs(answers, 0)["violations"]["data"] == [0]
    tensors = outputs(answers, 1)
    assert (tensors["issues"]["shape"], tensors["issues"]["datatype"]) == ([2, 12], "UINT8")
    assert tensors["issues"]["data"] == [0] * 12 + [1] + [0] * 11
    assert (tensors["violations"]["shape"], tensors["violations"]["data"]) == ([2, 1], [0, 1])
    assert outputs(answers, 2)["issues"]["data"][:2] == [2, 3]
    assert [bool(chunks_in(chunks)) for chunks in answers.chunks] == [False, False, bool(batch)]


def test_a_window_gathers_the_codes_whether_or_not_the_response_shows_them(
    tmp_path: Path, checked: Path
) -> None:
    spec = with_batch(["income"], size=100)
    answers = engine(served(tmp_path, checked, spec)).answer(
        records(request(GOOD, MISSING), request(MISSING), pipeline="p")
    )
    assert list(outputs(answers, 0)) == ["predict"]
    rows = np.concatenate([chunk.rows for chunk in chunks_of(answers)])
    assert (rows.dtype, rows.shape) == (np.uint8, (3, 12))
    assert rows[:, 0].tolist() == [0, 1, 1]


def test_text_where_a_number_belongs_is_counted_and_refused_by_nobody(tmp_path: Path, checked: Path) -> None:
    spec = pipeline("p", [{"name": "quality", "batch": {"size": 9}}], output={"steps": ["quality"]})
    answers = engine(served(tmp_path, checked, spec)).answer(
        records(
            by_name(f0={"datatype": "BYTES", "data": ["old"]}, f1={"datatype": "BYTES", "data": ["Mars"]}),
            by_name(f0={"datatype": "BYTES", "data": [None]}, f1={"datatype": "BOOL", "data": [True]}),
            by_name(f2={"datatype": "INT64", "data": [2**60]}),
            by_name(),
            pipeline="p",
        )
    )
    assert answers.reasons == [None] * 4
    first = [outputs(answers, i)["issues"]["data"][:3] for i in range(4)]
    assert first == [[4, 3, 0], [1, 0, 0], [0, 0, 2], [0, 0, 0]]


def test_another_number_of_columns_costs_no_answer_that_does_not_show_it(
    tmp_path: Path, checked: Path
) -> None:
    steps = [{"name": "income"}, {"name": "quality", "inputs": ["income"], "batch": {"size": 9}}]
    spec = pipeline("p", steps, output={"steps": ["income"]})
    answers = engine(served(tmp_path, checked, spec)).answer(records(request(GOOD), pipeline="p"))
    assert (answers.statuses, answers.reasons) == (["answered"], ["MONITOR_FAILED"])
    assert answers.errors == ["takes rows of 12 values, got rows of 1"]
    assert chunks_of(answers) == []


def test_a_check_with_a_time_beats_with_every_tick(tmp_path: Path, checked: Path) -> None:
    spec = with_batch(windowMs=1_000)
    tick = records(None)._replace(topics=[None])
    (messages,) = chunks_of(engine(served(tmp_path, checked, spec)).answer(tick))
    assert (messages.key, messages.rows.shape) == ("p/quality", (0, 0))


def test_a_flag_of_drift_is_not_shown_in_the_place_of_the_answers(tmp_path: Path, checked: Path) -> None:
    spec = with_batch(["quality"], size=5)
    (one,) = served(tmp_path, checked, spec)
    assert one.plan is not None
    tensors = {"x": TensorColumn(np.array([GOOD]), np.ones(1, dtype=np.int64))}
    outcome = one.plan.run(
        tensors, InferenceOptions(), {"quality": WindowVerdict(1, "DRIFT", 1, "")}, Budget()
    )
    assert list(outcome.parts[0].outputs or ()) == ["issues", "violations"]


def test_the_monitor_judges_windows_of_it(tmp_path: Path, checked: Path) -> None:
    (release,) = released(tmp_path / "m", checked, with_batch(size=5, rolling=True))
    watched = batched_step_config(
        release, "quality", ModelCache(make_policy(str(checked), "")), WindowRules(tolerance=0.3)
    )
    assert isinstance(watched.step, DataQualityModel)
    assert (watched.batch.size, watched.rules.tolerance) == (5, 0.3)


def test_a_response_shows_of_a_batched_check_only_what_it_answers(tmp_path: Path, checked: Path) -> None:
    with pytest.raises(DeploymentError, match="of a data quality check: issues and violations"):
        served(tmp_path, checked, with_batch(["quality.outputs.is_violation"], size=5))
    spec = with_batch(["quality.outputs.violations"], size=5)
    answers = engine(served(tmp_path, checked, spec)).answer(records(request(MISSING), pipeline="p"))
    assert outputs(answers, 0)["violations"]["data"] == [1]
