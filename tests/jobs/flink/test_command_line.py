"""Verbs that need no cluster, as a user types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jobs.data.synthetic_census import TARGET, census_like

WEIR = Path(sys.executable).with_name("weir")


def weir(folder: Path, *arguments: str, fails: bool = False) -> str:
    done = subprocess.run([WEIR, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_monitors_are_trained_from_a_parquet_file_then_calibrated_and_checked(tmp_path: Path) -> None:
    table = census_like(1_200, 8).drop(columns=TARGET).assign(label=[0, 1] * 600)
    table.to_parquet(tmp_path / "ref.parquet")
    arguments = ("--monitors-only", "--reference", "ref.parquet", "--name", "theirs", "--window", "50")
    output = weir(
        tmp_path, "train", *arguments, "--rate", "0.05", "--predictions", "label", "--categorical", "label"
    )
    assert "workclass       categorical (inferred): 5 categories" in output
    assert "theirs-prediction-drift" in output
    output = weir(tmp_path, "calibrate", "models/theirs-drift", "--window", "100", "--rows-per-second", "10")
    assert "at most 1.00% of those without drift are DRIFT" in output
    assert "at 8,640 windows a day: at most 86 false alarms a day" in output
    output = weir(tmp_path, "validate", "-f", "models/theirs.yaml")
    assert "theirs-monitored: theirs-outlier, theirs-drift, theirs-quality" in output
    assert "fewer than ten windows of 50" in output


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    output = weir(tmp_path, "train", "--preprocessor", "model.joblib", fails=True)
    assert "--preprocessor and --predictions need --monitors-only" in output
    output = weir(tmp_path, "train", "--data", "nowhere.csv", fails=True)
    assert "nowhere.csv cannot be read as CSV" in output
    output = weir(tmp_path, "train", "--rows", "300", "--outlier", "vae", fails=True)
    assert "--outlier vae needs TensorFlow" in output
    output = weir(tmp_path, "retrain", "p", "--out", "new", "--drifted", "some", fails=True)
    assert "--drifted is 'some'; it must be exclude, include or only" in output
