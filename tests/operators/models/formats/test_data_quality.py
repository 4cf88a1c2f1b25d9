from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.quality.data_quality import Feature, Quality, quality_of
from operators.core.errors import DeploymentError
from operators.models.formats.data_quality import FILE, read_quality, write_quality
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.step import InferenceOptions
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import load, one_request, settings

QUALITY = quality_of([[17.0, 0.0], [90.0, 1.0]], ["age", "work"], {"work": ["Private", "State"]})
finite = st.floats(allow_nan=False, allow_infinity=False)
numeric = st.builds(
    lambda ends, open_, missing: (
        "a",
        -np.inf if open_[0] else min(ends),
        np.inf if open_[1] else max(ends),
        None,
        missing,
    ),
    st.tuples(finite, finite),
    st.tuples(st.booleans(), st.booleans()),
    st.floats(0, 1),
)
texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, unique=True)
categorical = st.builds(
    lambda some, missing: ("b", -np.inf, np.inf, tuple(some), missing), texts, st.floats(0, 1)
)


def folder_of(folder: Path, implementation: str = "weir.DataQuality", **parameters: Any) -> Path:
    settings(folder, implementation=implementation, parameters=parameters)
    write_quality(folder, QUALITY)
    return folder


@given(numeric, categorical)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, one: tuple[Any, ...], other: tuple[Any, ...]
) -> None:
    quality = Quality([Feature(*one), Feature(*other)])
    folder = tmp_path_factory.getbasetemp()
    write_quality(folder, quality)
    assert read_quality(folder / FILE).features == quality.features


def test_a_folder_is_loaded_without_trust(tmp_path: Path) -> None:
    step = load(folder_of(tmp_path), make_policy("", ""))
    assert isinstance(step, DataQualityModel)
    answers = step.infer(one_request(np.array([[30.0, 1.0], [10.0, np.nan]])), InferenceOptions())
    assert answers["issues"].data.tolist() == [[0, 0], [2, 1]]


def test_the_requirement_chooses_the_runtime_where_there_are_no_settings(tmp_path: Path) -> None:
    write_quality(tmp_path, QUALITY)
    assert isinstance(load(tmp_path, requirements=["weir-quality"]), DataQualityModel)


def test_the_settings_content_type_and_file_count(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, uri="./other.json", content_type="pd")
    (folder / "quality.json").rename(folder / "other.json")
    step = load(folder)
    columns = {name: one_request(np.array([[value]]))["x"] for name, value in (("work", 1.0), ("age", 30.0))}
    assert step.infer(columns, InferenceOptions())["issues"].data.tolist() == [[0, 0]]  # type: ignore[index]


def test_a_recorded_probe_is_compared(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    probe = {
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [30, 7]}],
        "outputs": [{"name": "issues", "shape": [1, 2], "datatype": "UINT8", "data": [0, 3]}],
    }
    (folder / "probe.json").write_text(json.dumps(probe))
    assert isinstance(load(folder), DataQualityModel)
    (folder / "probe.json").write_text(json.dumps(probe).replace("[0, 3]", "[0, 0]"))
    with pytest.raises(DeploymentError, match="1 of 2 values of issues differ"):
        load(folder)


def test_parameters_that_nothing_reads_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with pytest.raises(DeploymentError, match=r"quality\.json: .* takes no extra parameters, got tolerance"):
        load(folder, parameters=[{"name": "tolerance", "value": "0.1"}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "quality.json: Input data was truncated"),
        ("{}", "quality.json: Object missing required field `features`"),
        ('{"features": []}', "quality.json: there must be at least one feature"),
        ('{"features": [{"name": "a", "hihg": 1}]}', "quality.json: Object contains unknown field `hihg`"),
        ('{"features": [{"name": "a", "low": "1"}]}', "quality.json: Expected `float | null`, got `str`"),
        (
            '{"features": [{"name": "a", "low": 2, "high": 1}]}',
            "'a': the range is from 2.0 to 1.0; low must not be above high",
        ),
        (
            '{"features": [{"name": "a", "low": 2, "categories": ["x"]}]}',
            "feature 'a' has categories, so it cannot have low or high",
        ),
        ('{"features": [{"name": "a"}, {"name": "a"}]}', "feature 'a' is listed twice; names must be unique"),
        ('{"features": [{"name": "a", "missing": 2}]}', "the share of missing values is 2.0"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "quality.json").write_text(text)
    with pytest.raises(DeploymentError) as caught:
        read_quality(tmp_path / FILE)
    assert str(tmp_path / "quality.json") in str(caught.value)
    assert message in str(caught.value)


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    settings(tmp_path, implementation="weir.DataQuality")
    with pytest.raises(DeploymentError, match=r"contains none of quality\.json"):
        load(tmp_path)
    with pytest.raises(DeploymentError, match=r"quality\.json does not exist"):
        read_quality(tmp_path / FILE)
