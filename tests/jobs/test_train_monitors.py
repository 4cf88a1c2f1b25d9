from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import dill
import joblib
import numpy as np
import pandas as pd
import pytest
from alibi_detect.saving import load_detector

from detectors.saved import read_drift
from jobs.data.census_like import TARGET, census_like
from jobs.data.features import read_table
from jobs.train_monitors import train
from operators.errors import DeploymentError


def test_training_writes_the_folders_that_mlserver_reads(models: Path) -> None:
    settings = {
        folder.name: json.loads((folder / "model-settings.json").read_text())
        for folder in models.iterdir()
        if folder.is_dir()
    }
    assert {name: content["implementation"] for name, content in settings.items()} == {
        "income": "mlserver_sklearn.SKLearnModel",
        "income-preprocess": "mlserver_sklearn.SKLearnModel",
        "income-classifier": "mlserver_sklearn.SKLearnModel",
        "income-outlier": "mlserver_alibi_detect.AlibiDetectRuntime",
        "income-drift": "mlserver_alibi_detect.AlibiDetectRuntime",
        "income-drift-preprocessed": "mlserver_alibi_detect.AlibiDetectRuntime",
    }
    assert settings["income-preprocess"]["parameters"]["extra"] == {"predict_fn": "transform"}


@pytest.mark.parametrize("name", ["income-drift", "income-drift-preprocessed"])
def test_the_drift_detectors_load_in_alibi_detect_and_judge_the_same(models: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = load_detector(models / name)
    ours = read_drift(models / name)
    window = ours_rows(models, name)
    expected = theirs.predict(window)["data"]
    result = ours.test(window)
    assert result.is_drift == expected["is_drift"]
    assert np.array_equal(result.p_val, expected["p_val"])
    assert np.array_equal(result.distance, expected["distance"])


def ours_rows(models: Path, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    holdout = np.load(models / "holdout.npy")
    complete = holdout[~np.isnan(holdout).any(axis=1)][:300]
    if name == "income-drift":
        return complete
    prepared = joblib.load(models / "income-preprocess" / "model.joblib").transform(complete)
    return np.asarray(prepared)


def test_the_outlier_folder_holds_alibi_detects_own_form(models: Path) -> None:
    """What `load_detector` reads: meta.dill, IForest.dill; and the same beside it without dill."""
    folder = models / "income-outlier"
    with (folder / "meta.dill").open("rb") as meta, (folder / "IForest.dill").open("rb") as state:
        assert dill.load(meta)["name"] == "IForest"
        saved = dill.load(state)
    ours = json.loads((folder / "IForest.json").read_text())
    estimator = joblib.load(folder / ours["estimator"])
    rows = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    assert saved["threshold"] == ours["threshold"]
    assert np.array_equal(saved["isolationforest"].decision_function(rows), estimator.decision_function(rows))


def test_the_threshold_flags_the_nominal_share_of_rows_that_were_held_out(models: Path) -> None:
    folder = models / "income-outlier"
    ours = json.loads((folder / "IForest.json").read_text())
    rows = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    share = (-joblib.load(folder / ours["estimator"]).decision_function(rows) > ours["threshold"]).mean()
    assert 0.025 < share < 0.10


def test_reference_and_holdout_share_no_row(tmp_path: Path) -> None:
    table = census_like(400, seed=2).assign(age=np.arange(400.0))
    trained = train(table, TARGET, tmp_path, say=lambda line: None)
    reference = set(np.load(tmp_path / "income-drift" / "x_ref.npy")[:, 0])
    kept = set(np.load(tmp_path / "holdout.npy")[:, 0])
    assert not reference & kept
    assert len(reference) + len(kept) == 400 == trained.reference_rows + trained.holdout_rows


def test_the_drift_reference_has_no_missing_values(models: Path) -> None:
    assert np.isfinite(np.load(models / "income-drift" / "x_ref.npy")).all()


def test_the_same_seed_trains_the_same(tmp_path: Path) -> None:
    table = census_like(400, seed=1)
    for name in ("one", "two"):
        train(table, TARGET, tmp_path / name, seed=3, say=lambda line: None)
    for file in ("income-outlier/IForest.json", "income-drift/x_ref.npy", "holdout.npy"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("columns", [["age", "hours-per-week"], ["workclass", "sex"]])
def test_a_table_of_one_kind_of_column_is_trained_too(tmp_path: Path, columns: list[str]) -> None:
    trained = train(census_like(400, 1)[[*columns, TARGET]], TARGET, tmp_path, say=lambda line: None)
    assert trained.features.names == columns


def test_the_real_census_is_trained(tmp_path: Path) -> None:
    path = os.environ.get("WEIR_CENSUS_CSV")
    if not path:
        pytest.skip("WEIR_CENSUS_CSV does not name the census extract")
    trained = train(read_table(Path(path)), TARGET, tmp_path, say=lambda line: None)
    assert trained.reference_rows == 10_000
    assert trained.accuracy > 0.84


@pytest.mark.parametrize(
    ("table", "target", "message"),
    [
        (census_like(300, 0), "wage", "the table has no column 'wage'; it has age, workclass"),
        (census_like(50, 0), TARGET, "at least 100 rows"),
        (census_like(300, 0).assign(**{TARGET: "same"}), TARGET, "two values of the target"),
        (census_like(300, 0).assign(age=np.nan), TARGET, "no value at all"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, table: pd.DataFrame, target: str, message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        train(table, target, tmp_path, say=lambda line: None)
