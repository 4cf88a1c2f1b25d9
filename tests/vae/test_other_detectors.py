"""What alibi-detect saves with TensorFlow at hand is read here, and what is trained here loads there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from detectors.drift.alibi_detect_files import read_drift
from detectors.outliers.isolation_forest import IsolationForest
from jobs.models.convert.alibi_detect_files import convert
from operators.models.formats.outlier_detector import read_mahalanobis
from tests.operators.storage.model import TRUSTING
from tests.vae.environment import run_there


def converted(folder: Path, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    copy = shutil.copytree(folder, tmp_path / folder.name)
    convert(copy, TRUSTING)
    return copy, dict(np.load(copy / "answers.npz"))


@pytest.mark.parametrize(("name", "relative"), [("all", 1e-9), ("codes", 1e-4), ("one-hot", 1e-4)])
def test_a_distance_scores_as_the_first_row_after_loading(
    saved: Path, tmp_path: Path, name: str, relative: float
) -> None:
    """alibi-detect takes categories' rows in float32."""
    folder, theirs = converted(saved / f"mahalanobis-{name}", tmp_path)
    ours = read_mahalanobis(folder)
    np.testing.assert_allclose(ours.score(theirs["rows"]), theirs["score"], rtol=relative)
    assert ours.threshold == theirs["threshold"]


def test_with_fewer_components_it_scores_nearly_the_same(saved: Path, tmp_path: Path) -> None:
    folder, theirs = converted(saved / "mahalanobis-three", tmp_path)
    difference = np.abs(read_mahalanobis(folder).score(theirs["rows"]) / theirs["score"] - 1)
    assert np.median(difference) < 0.002
    assert difference.max() < 0.01


@pytest.mark.parametrize("kind", ["toml", "legacy"])
@pytest.mark.parametrize("name", ["KSDrift", "ChiSquareDrift", "TabularDrift"])
def test_drift_is_judged_as_there(saved: Path, tmp_path: Path, name: str, kind: str) -> None:
    folder = saved / f"{name}-{kind}"
    theirs = dict(np.load(folder / "answers.npz"))
    if kind == "legacy":
        folder, theirs = converted(folder, tmp_path)
    ours = read_drift(folder).test(theirs["window"])
    assert ours.is_drift == theirs["is_drift"]
    assert np.array_equal(ours.p_val, theirs["p_val"])
    assert np.array_equal(ours.distance, theirs["distance"])
    assert np.array_equal(ours.threshold, theirs["threshold"])


def test_a_forest_that_was_trained_here_loads_there_and_scores_the_same(models: Path, tmp_path: Path) -> None:
    folder = models / "income-outlier"
    prepared = joblib.load(models / "income-preprocess" / "model.joblib").transform(
        np.load(models / "holdout.npy")
    )
    np.save(tmp_path / "rows.npy", prepared)
    run_there("tests.vae.load_there", folder, tmp_path / "rows.npy", tmp_path / "answers.npz")
    theirs = dict(np.load(tmp_path / "answers.npz"))
    threshold = json.loads((folder / "IForest.json").read_text())["threshold"]
    ours = IsolationForest(joblib.load(folder / "IForest.joblib"), threshold).predict(prepared)
    np.testing.assert_allclose(ours.instance_score, theirs["instance_score"], rtol=0, atol=1e-12)
    assert np.array_equal(ours.is_outlier, theirs["is_outlier"])
    assert 0 < ours.is_outlier.sum() < len(prepared)
