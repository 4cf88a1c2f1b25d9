from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from alibi_detect.cd import TabularDrift
from alibi_detect.saving import save_detector
from typer.testing import CliRunner

from detectors.drift.alibi_detect_files import read_drift
from detectors.drift.confirmation import Confirmation
from jobs.cli.app import app
from jobs.models.calibrate import calibrate_folder, describe, false_alarms, warnings
from operators.core.errors import DeploymentError
from operators.models.formats.calibration import read_calibrations
from operators.models.runtimes.drift import DriftModel
from tests.operators.storage.model import load, settings

ALIBI = "mlserver_alibi_detect.AlibiDetectRuntime"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A detector of one quantity and one category, with rows held out of its reference."""
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=4_000), rng.integers(0, 3, 4_000)])
    settings(tmp_path / "d", implementation=ALIBI)
    save_detector(TabularDrift(rows[:2_000], categories_per_feature={1: None}), tmp_path / "d")
    names = {"columns": ["age", "work"], "categories": {"work": ["a", "b", "c"]}}
    (tmp_path / "d" / "features.json").write_text(json.dumps(names))
    np.save(tmp_path / "d" / "held_out.npy", rows[2_000:])
    return tmp_path / "d"


def test_what_was_calibrated_is_used_by_the_step(folder: Path) -> None:
    done = calibrate_folder(folder, 100, 0.05, draws=200)
    step = load(folder)
    assert isinstance(step, DriftModel)
    assert [one.window for one in step.calibrations] == [100]
    assert np.allclose(step.calibrations[0].effect, done.calibration.effect)


def test_other_windows_stay_and_the_same_one_is_replaced(folder: Path) -> None:
    for window, rate in ((300, 0.05), (100, 0.05), (300, 0.02)):
        calibrate_folder(folder, window, rate, draws=200)
    assert [(one.window, one.rate) for one in read_calibrations(folder, 2)] == [(100, 0.05), (300, 0.02)]


@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
def test_rows_may_come_from_a_file_of_named_columns(folder: Path, tmp_path: Path, kind: str) -> None:
    import pandas as pd

    rows = np.load(folder / "held_out.npy")
    expected = calibrate_folder(folder, 100, 0.05, draws=100).calibration.effect
    table = pd.DataFrame({"age": rows[:, 0], "work": np.array(["a", "b", "c"])[rows[:, 1].astype(int)]})
    path = tmp_path / f"rows.{kind}"
    if kind == "npy":
        np.save(path, rows)
    elif kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    assert np.allclose(calibrate_folder(folder, 100, 0.05, path, draws=100).calibration.effect, expected)


def test_it_describes_what_to_expect_in_a_day(folder: Path) -> None:
    lines = "\n".join(describe(calibrate_folder(folder, 500, 0.05, draws=100), 288.0, Confirmation(2, 2)))
    assert "at most 5.00% of those without drift are DRIFT" in lines
    assert "at 288 windows a day: at most 14 false alarms a day" in lines
    assert "0.68 confirmed by 2 consecutive windows" in lines
    assert "warning: 2,000 reference rows are fewer than 10 windows of 500" in lines


def test_enough_rows_give_no_warning() -> None:
    assert not list(warnings(100, 1_000, 1_000))
    assert len(list(warnings(100, 999, 999))) == 2


def test_the_share_of_false_alarms_is_measured_on_fresh_rows(folder: Path) -> None:
    rng = np.random.default_rng(1)
    fresh = np.column_stack([rng.normal(size=4_000), rng.integers(0, 3, 4_000)])
    detector, calibration = read_drift(folder), calibrate_folder(folder, 100, 0.05, draws=200).calibration
    assert false_alarms(detector, fresh, 100, [calibration]).state < 0.1
    moved = false_alarms(detector, fresh + 1, 100, [calibration])
    assert min(moved) > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "held_out.npy").unlink(), "held_out.npy does not exist: set --data"),
        (lambda folder: (folder / "config.toml").unlink(), "is not the folder of a drift detector"),
        (
            lambda folder: np.save(folder / "held_out.npy", np.zeros((500, 3))),
            "has rows of 3 columns; the detector needs 2",
        ),
        (
            lambda folder: np.save(folder / "held_out.npy", np.zeros((99, 2))),
            "needs at least 100 held-out rows, got 99",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(folder: Path, change: object, message: str) -> None:
    change(folder)  # type: ignore[operator]
    with pytest.raises(DeploymentError, match=message):
        calibrate_folder(folder, 100, 0.05, draws=100)


def test_a_folder_of_another_monitor_is_refused(models: Path) -> None:
    with pytest.raises(DeploymentError, match="income-quality is not the folder of a drift detector"):
        calibrate_folder(models / "income-quality", 100, 0.05)


@pytest.mark.parametrize("option", ["--window", "--draws"])
def test_options_below_one_are_refused(folder: Path, option: str) -> None:
    options = {"--window": "100", option: "0"}
    arguments = [word for pair in options.items() for word in pair]
    done = CliRunner().invoke(app, ["calibrate", str(folder), *arguments])
    assert done.exit_code == 2
    assert "0 is not in the range x>=1" in done.output


def test_a_calibration_of_another_width_is_refused(folder: Path) -> None:
    saved = [{"window": 100, "rate": 0.05, "effect": [0.1], "rows": 5, "windows": 5}]
    (folder / "calibration.json").write_text(json.dumps(saved))
    with pytest.raises(
        DeploymentError, match=r"found 1 effects for a window of .* there must be 2, one per feature"
    ):
        load(folder)
