from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from jobs.data.feature_encoding import encode
from jobs.data.synthetic_census import TARGET, census_like
from jobs.kafka.pipeline_client import request_body
from jobs.models.retraining.comparison import compare
from jobs.models.retraining.refit import rebuild
from jobs.models.retraining.replay import MonitorInput, replay
from jobs.models.train import Trained, train_monitors_only
from jobs.models.training.model_folders import Folders
from jobs.models.training.options import Options
from jobs.releases.validation.manifests import check
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics
from operators.models.formats.data_quality import FILE, read_quality
from operators.models.formats.feature_names import read_names
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.pipeline.load import LoadedPipeline, ModelCache, load_pipeline
from operators.protocol.inference_pb2 import ModelInferRequest
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import load

OPTIONS = Options(rate=0.05, draws=200)
MONITORS = {
    "income-drift": DriftModel,
    "income-drift-preprocessed": DriftModel,
    "income-prediction-drift": DriftModel,
    "income-outlier": OutlierModel,
    "income-quality": DataQualityModel,
}


@pytest.fixture(scope="module")
def served(models: Path) -> LoadedPipeline:
    """The pipeline that training wrote, ready to answer."""
    site = make_policy(str(models), "")
    (release,) = check([models / "income.yaml"], Topics(), site).require().releases
    return load_pipeline(release, ModelCache(site))


@pytest.fixture(scope="module")
def recent(people: pd.DataFrame, trained: Trained) -> list[bytes]:
    """A request for each of the people, a bad one among them."""
    rows = encode(people.drop(columns=TARGET), trained.features)
    bodies = [request_body(row[np.newaxis], str(i)) for i, row in enumerate(rows)]
    return [*bodies[:10], b"junk", *bodies[10:]]


@pytest.fixture(scope="module")
def watched(served: LoadedPipeline, recent: list[bytes]) -> dict[str, MonitorInput]:
    return {one.name: one for one in replay(served, recent)}


def test_every_monitor_gets_the_rows_that_it_reads_in_order(
    watched: dict[str, MonitorInput], people: pd.DataFrame, trained: Trained
) -> None:
    rows = encode(people.drop(columns=TARGET), trained.features)
    assert {name: type(one.step) for name, one in watched.items()} == MONITORS
    assert np.array_equal(watched["income-drift"].rows, rows, equal_nan=True)
    assert watched["income-prediction-drift"].rows.shape == (6_000, 3)
    assert watched["income-drift"].window == 300


@pytest.mark.parametrize("name", MONITORS)
def test_a_new_detector_is_as_good_on_the_same_traffic(
    name: str, watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    folder = rebuild(watched[name], models / name, Folders(tmp_path, ""), OPTIONS)
    new = load(folder)
    assert type(new) is MONITORS[name]
    checks = list(compare(watched[name], new, OPTIONS))
    assert all(one.passed for one in checks), checks
    settings = [json.loads((one / "model-settings.json").read_text()) for one in (folder, models / name)]
    assert settings[0] == settings[1]
    if isinstance(new, DriftModel):
        assert [one.window for one in new.calibrations] == [300]
        assert new.columns == watched[name].step.columns  # type: ignore[union-attr]


def test_a_new_detector_behind_the_preprocessor_still_knows_the_features_own_values(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    name = "income-drift-preprocessed"
    folder = rebuild(watched[name], models / name, Folders(tmp_path, ""), OPTIONS)
    width = watched[name].step.width
    old, new = read_names(models / name, width), read_names(folder, width)
    assert old is not None
    assert new is not None
    assert new.origins == old.origins != {}


def test_a_new_detector_knows_what_recent_requests_miss(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    one = watched["income-drift"]
    age = np.where(np.arange(len(one.rows)) % 2, np.nan, one.columns[0])
    holed = one._replace(columns=[age, *one.columns[1:]])
    folder = rebuild(holed, models / one.name, Folders(tmp_path, ""), OPTIONS)
    new = load(folder)
    assert isinstance(new, DriftModel)
    assert new.detector.reference_missing[0] == pytest.approx(0.5, abs=0.05)


def test_a_detector_of_moved_traffic_takes_it_for_ordinary(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    old = watched["income-drift"]
    moved = old._replace(columns=[old.columns[0] + 10.0, *old.columns[1:]])
    new = load(rebuild(moved, models / "income-drift", Folders(tmp_path, ""), OPTIONS))
    (message,) = [one.message for one in compare(moved, new, OPTIONS) if "old detector" in one.message]
    assert message.startswith("DRIFT in 100.0% of test windows with the old detector, 0.0%")


def test_a_column_that_lost_its_variety_fails_the_check(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    old = watched["income-drift"]
    stuck = old._replace(columns=[np.full(6_000, 40.0), *old.columns[1:]])
    new = load(rebuild(stuck, models / "income-drift", Folders(tmp_path, ""), OPTIONS))
    failed = [one.message for one in compare(stuck, new, OPTIONS) if not one.passed]
    assert failed == ["age has a single value in recent traffic; it had several before"]


def test_too_few_rows_fail_the_check(watched: dict[str, MonitorInput], models: Path, tmp_path: Path) -> None:
    old = watched["income-drift"]
    few = old._replace(columns=[column[:2_000] for column in old.columns])
    new = load(rebuild(few, models / "income-drift", Folders(tmp_path, ""), OPTIONS))
    failed = [one.message for one in compare(few, new, OPTIONS) if not one.passed]
    assert failed == ["1,200 reference rows for windows of 300 (at least 10 windows)"]


def test_a_column_without_any_value_is_refused(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    old = watched["income-drift"]
    empty = old._replace(columns=[np.full(6_000, np.nan), *old.columns[1:]])
    with pytest.raises(DeploymentError, match="column age has no usable value in recent requests"):
        rebuild(empty, models / "income-drift", Folders(tmp_path, ""), OPTIONS)


def test_quality_learns_ranges_categories_and_what_is_missing(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    old = watched["income-quality"]
    words = np.array(["Private", "Gig"] * 2_999 + ["typo", None], dtype=object)
    changed = old._replace(columns=[old.columns[0] + 50.0, words, *old.columns[2:]])
    new = load(rebuild(changed, models / "income-quality", Folders(tmp_path, ""), OPTIONS))
    assert isinstance(new, DataQualityModel)
    assert isinstance(old.step, DataQualityModel)
    age, work = new.quality.features[:2]
    assert age.high == np.nanmax(old.columns[0]) + 50
    known = old.step.quality.features[1].categories or ()
    assert work.categories == (*known, "Gig"), "what comes once is a slip"
    messages = [one.message for one in compare(changed, new, OPTIONS)]
    assert any("new categories Gig" in one for one in messages)


def test_traffic_that_no_monitor_reads_is_refused(served: LoadedPipeline) -> None:
    with pytest.raises(DeploymentError, match="no monitor of pipeline income-monitored read any of the 2"):
        replay(served, [b"junk", b"{}"])


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedPipeline, Path]:
    """A pipeline of nothing but monitors, which no model's error protects from odd values."""
    out = tmp_path_factory.mktemp("watching") / "models"
    table = census_like(1_000, 1).drop(columns=TARGET)
    train_monitors_only(
        table, out, OPTIONS._replace(name="income", windows=(50,)), on_progress=lambda line: None
    )
    site = make_policy(str(out), "")
    (release,) = check([out / "income.yaml"], Topics(), site).require().releases
    return load_pipeline(release, ModelCache(site)), out


def protobuf(row: NDArray[np.float64]) -> bytes:
    """Write a request as protobuf, which can hold what JSON cannot: infinity."""
    request = ModelInferRequest(id="p")
    tensor = request.inputs.add(name="input_1", datatype="FP64", shape=[1, len(row)])
    tensor.contents.fp64_contents.extend(row.tolist())
    return request.SerializeToString()


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e200, -1e39])
def test_a_number_that_no_reference_holds_costs_no_other_request(
    watching: tuple[LoadedPipeline, Path], people: pd.DataFrame, trained: Trained, tmp_path: Path, odd: float
) -> None:
    """Each detector learns from all other requests, and names what it left out."""
    served, models = watching
    rows = encode(people.drop(columns=TARGET), trained.features)[:600]
    rows[4, 0] = odd
    some = [protobuf(row) for row in rows]
    watched = {one.name: one for one in replay(served, some)}
    assert watched.keys() == {"income-drift", "income-outlier", "income-quality"}
    messages = []
    for name, one in watched.items():
        refused = sum(one.refused.values())
        assert refused == np.isinf(odd), "the job answers such a request with an error"
        assert len(one.columns[0]) == len(some) - refused
        new = load(rebuild(one, models / name, Folders(tmp_path, ""), OPTIONS._replace(draws=100)))
        messages += [check.message for check in compare(one, new, OPTIONS)]
    assert np.abs(np.load(tmp_path / "income-drift" / "x_ref.npy")).max() < 1e6
    assert read_quality(tmp_path / "income-quality" / FILE).features[0].high <= 90
    value = f"column 'age' contains 1 value that is infinite or beyond 3.4e+38, first {odd:g} in row 4"
    expected = "1 request is left out: ValueError: the rows contain infinity" if np.isinf(odd) else value
    assert any(line.startswith(expected) for line in messages), messages


def test_values_of_a_wrong_type_are_not_learned_as_missing(
    watched: dict[str, MonitorInput], models: Path, tmp_path: Path
) -> None:
    old = watched["income-quality"]
    ages = old.columns[0].astype(object)
    ages[:600] = "unknown"
    ages[600] = 10**400
    changed = old._replace(columns=[ages, *old.columns[1:]])
    new = load(rebuild(changed, models / "income-quality", Folders(tmp_path, ""), OPTIONS))
    assert isinstance(new, DataQualityModel)
    age = new.quality.features[0]
    assert (age.missing, age.low, age.high) == (0.0, min(ages[601:]), max(ages[601:]))
