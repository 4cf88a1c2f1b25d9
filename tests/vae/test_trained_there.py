"""What `weir train` writes where TensorFlow is, read here and by alibi-detect."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest

from jobs.data.synthetic_census import TARGET, census_like
from jobs.models.train import train
from jobs.models.training.options import Options
from operators.models.runtimes.outlier import OutlierModel
from tests.operators.storage.model import load
from tests.vae.environment import run_there


def scored_there(folder: Path, rows: np.ndarray, tmp_path: Path) -> dict[str, np.ndarray]:
    np.save(tmp_path / "rows.npy", rows)
    run_there("tests.vae.load_there", folder, tmp_path / "rows.npy", tmp_path / "answers.npz")
    return dict(np.load(tmp_path / "answers.npz"))


def test_an_autoencoder_is_trained_there_and_scored_here_without_tensorflow(tmp_path: Path) -> None:
    run_there("tests.vae.train_there", "vae", tmp_path)
    step = load(tmp_path / "income-outlier")
    assert isinstance(step, OutlierModel)
    rows = np.load(tmp_path / "holdout.npy")
    prepared = joblib.load(tmp_path / "income-preprocess" / "model.joblib").transform(rows)
    ours = step.detector.predict(prepared)
    theirs = scored_there(tmp_path / "income-outlier", prepared.astype(np.float32), tmp_path)
    # Each draws for itself: the scores are two samples of the same mean.
    assert np.corrcoef(ours.instance_score, theirs["instance_score"])[0, 1] > 0.99
    assert np.median(ours.instance_score / theirs["instance_score"]) == pytest.approx(1, abs=0.05)
    assert (ours.is_outlier == theirs["is_outlier"]).mean() > 0.97


def test_a_distance_that_was_trained_here_loads_there_and_scores_the_same(tmp_path: Path) -> None:
    options = Options(outlier="mahalanobis", windows=())
    table = census_like(1_500, 4)[["age", "capital-gain", "hours-per-week", TARGET]]
    train(table, TARGET, tmp_path, options, on_progress=lambda line: None)
    step = load(tmp_path / "income-outlier")
    assert isinstance(step, OutlierModel)
    prepared = joblib.load(tmp_path / "income-preprocess" / "model.joblib").transform(
        np.load(tmp_path / "holdout.npy")
    )
    ours = step.detector.predict(prepared[:1])
    theirs = scored_there(tmp_path / "income-outlier", prepared[:1], tmp_path)
    np.testing.assert_allclose(ours.instance_score, theirs["instance_score"], rtol=1e-9)
    assert ours.is_outlier.tolist() == theirs["is_outlier"].tolist()
