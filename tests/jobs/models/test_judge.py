from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detectors.drift.alibi_detect_files import read_drift
from jobs.data.synthetic_census import TARGET, census_like
from jobs.models.judge import judge_windows, load_monitor, score
from jobs.models.rows_to_judge import read_rows
from jobs.models.train import train_monitors_only
from jobs.models.training.options import Options
from operators.core.errors import DeploymentError, MismatchError
from operators.models.runtimes.batched import BatchedStep, WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.runtimes.verdict_details import DriftDetails
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import TRUSTING

WEIR = (sys.executable, "-c", "from jobs.cli.main import main; main()")


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 people as a CSV; the later half is older, and the last 300 work on Mars."""
    table = census_like(3_000, 9)
    table.loc[1_500:, "age"] += 20
    table.loc[2_700:, "workclass"] = "Mars"
    table["odd"] = (np.arange(3_000) % 50 == 0).astype(int)
    table.loc[::50, ["capital-gain", "capital-loss"]] = [9e5, 9e4]
    path = tmp_path_factory.mktemp("stream") / "stream.csv"
    table.to_csv(path, index=False)
    return path


def test_windows_of_a_table_are_judged_by_name(models: Path, stream: Path) -> None:
    step = load_monitor(models / "income-drift", TRUSTING)
    assert isinstance(step, DriftModel)
    windows = list(
        judge_windows(step, read_rows(stream, step, models / "income-drift").tensors, 300, WindowRules())
    )
    assert [one.verdict.state for one in windows] == ["OK"] * 5 + ["DRIFT"] * 5
    assert [one.streak.confirmed for one in windows] == [False] * 6 + [True] * 4
    details = windows[-1].verdict.details
    assert isinstance(details, DriftDetails)
    last = {one.feature: one for one in details.features}
    assert last["workclass"].unseen == 300, "an unknown word is a category that the reference never held"


def test_rows_of_numbers_are_judged_as_they_are(models: Path) -> None:
    folder = models / "income-drift"
    step = load_monitor(folder, TRUSTING)
    assert isinstance(step, DriftModel)
    rows = np.load(models / "holdout.npy")
    windows = list(
        judge_windows(step, read_rows(models / "holdout.npy", step, folder).tensors, 300, WindowRules())
    )
    assert len(windows) == 4
    expected = read_drift(folder).test(rows[300:600]).p_val
    assert np.array_equal(windows[1].verdict.tensors["p_val"][0], expected)


def test_quality_is_judged_on_the_values_as_they_came(models: Path, stream: Path) -> None:
    step = load_monitor(models / "income-quality", TRUSTING)
    assert isinstance(step, DataQualityModel)
    windows = list(
        judge_windows(step, read_rows(stream, step, models / "income-quality").tensors, 300, WindowRules())
    )
    assert windows[-1].verdict.state == "VIOLATION"
    assert windows[-1].verdict.tensors["unseen"][0, 1] == 300


def test_outliers_are_scored_behind_their_preprocessor(models: Path, stream: Path) -> None:
    step = load_monitor(models / "income-outlier", TRUSTING)
    assert isinstance(step, OutlierModel)
    before = load_monitor(models / "income-preprocess", TRUSTING)
    found = score(step, read_rows(stream, step, models / "income-outlier", before).tensors)
    marks = pd.read_csv(stream)["odd"] == 1
    assert found.score[marks].mean() > found.score[~marks].mean()
    assert found.is_outlier.shape == (3_000,)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*WEIR, "judge", *arguments], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def command(*arguments: str, code: int = 0) -> str:
    done = run(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if code == 1 else "")


def test_the_command_prints_a_line_or_a_report_for_each_window(models: Path, stream: Path) -> None:
    arguments = (str(models / "income-drift"), "--data", str(stream), "--window", "300")
    lines = command(*arguments, code=3).splitlines()
    assert len(lines) == 10
    assert "rows 2,100-2,399  DRIFT confirmed  age 0." in lines[7]
    reports = [json.loads(line) for line in command(*arguments, "--json", code=3).splitlines()]
    assert [one["window"] for one in reports] == list(range(1, 11))
    assert reports[0].keys() >= {"state", "is_drift", "p_val", "histograms", "ranked"}
    assert not any(one["partial"] for one in reports)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 people like those of the training."""
    path = tmp_path_factory.mktemp("ordinary") / "ordinary.csv"
    census_like(1_000, 10).to_csv(path, index=False)
    return path


def test_rows_that_do_not_fill_the_last_window_are_judged_too(models: Path, ordinary: Path) -> None:
    arguments = (str(models / "income-drift"), "--data", str(ordinary), "--window", "700")
    reports = [json.loads(line) for line in command(*arguments, "--json").splitlines()]
    assert [(one["first_row"], one["last_row"], one["n"], one["partial"]) for one in reports] == [
        (0, 699, 700, False),
        (700, 999, 300, True),
    ]
    lines = command(*arguments).splitlines()
    assert lines[1].endswith("(the last 300 rows, of 700)")
    assert "rows 700-999  OK" in lines[1]


def test_a_short_window_is_judged_as_the_whole_detector_would(models: Path, stream: Path) -> None:
    """The last 200 rows, all of them drifted: beyond --min-n they are judged, by the calibration."""
    step = load_monitor(models / "income-drift", TRUSTING)
    assert isinstance(step, DriftModel)
    tensors = read_rows(stream, step, models / "income-drift").tensors
    *_, last = judge_windows(step, tensors, 1_400, WindowRules())
    assert (last.first, last.last, last.rows) == (2_800, 2_999, 200)
    expected = read_drift(models / "income-drift").test(tensors["rows"].data[2_800:]).p_val
    assert np.array_equal(last.verdict.tensors["p_val"][0], expected)
    assert last.verdict.state == "DRIFT"


@pytest.mark.parametrize("name", ["income-drift", "income-quality"])
@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_too_few_rows_have_a_message_and_an_exit_code(
    models: Path, tmp_path: Path, name: str, json_too: tuple[str, ...]
) -> None:
    census_like(150, 3).to_csv(tmp_path / "few.csv", index=False)
    done = run(str(models / name), "--data", str(tmp_path / "few.csv"), "--window", "500", *json_too)
    assert done.returncode == 4
    assert "INSUFFICIENT_DATA" in done.stdout
    assert "nothing was judged" in done.stderr
    if json_too:
        (report,) = map(json.loads, done.stdout.splitlines())
        assert (report["state"], report["n"], report["partial"]) == ("INSUFFICIENT_DATA", 150, True)
    else:
        assert "150 rows are too few to judge; at least 200 are needed (--min-n)" in done.stdout


def test_an_empty_column_is_the_reason_why_nothing_was_judged(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    census_like(1_000, 3).assign(age=np.nan).to_csv(file, index=False)
    done = run(str(models / "income-drift"), "--data", str(file), "--window", "500")
    assert done.returncode == 4
    reason = "nothing was judged, because these columns have too few values: age (0 of 500 values)"
    assert reason in done.stderr


def test_exit_codes_distinguish_drift_and_violations_from_errors(
    models: Path, stream: Path, ordinary: Path, tmp_path: Path
) -> None:
    assert run(str(models / "income-drift"), "--data", str(ordinary)).returncode == 0
    assert run(str(models / "income-quality"), "--data", str(ordinary)).returncode == 0
    assert run(str(models / "income-quality"), "--data", str(stream)).returncode == 3
    assert run(str(models / "income-drift"), "--data", str(tmp_path / "none.csv")).returncode == 1
    assert run(str(models / "income-drift"), "--data", str(ordinary), "--window", "0").returncode == 2


def test_outliers_have_an_exit_code_where_it_is_asked_for(models: Path, stream: Path) -> None:
    through = ("--through", str(models / "income-preprocess"), "--trusted-roots", str(models))
    arguments = (str(models / "income-outlier"), "--data", str(stream), *through, "--label", "odd", "--json")
    about = json.loads(command(*arguments))
    assert (about["n"], about["marked"]) == (3_000, 60)
    assert about["share"] == pytest.approx(about["outliers"] / 3_000)
    assert json.loads(command(*arguments, "--most-outliers", "1", code=3)) == about


def test_the_command_prints_how_outliers_fit_marks(models: Path, stream: Path) -> None:
    through = ("--through", str(models / "income-preprocess"), "--trusted-roots", str(models))
    output = command(str(models / "income-outlier"), "--data", str(stream), *through, "--label", "odd")
    assert "of 3,000 rows are outliers" in output
    assert "of 60 marked rows" in output


def test_a_window_in_which_a_column_has_no_value_is_not_ok(
    models: Path, stream: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(stream).head(600)
    table.loc[300:, "hours-per-week"] = np.nan
    table.to_csv(tmp_path / "holed.csv", index=False)
    before, after = command(
        str(models / "income-drift"), "--data", str(tmp_path / "holed.csv"), "--window", "300"
    ).splitlines()
    assert "rows 0-299  OK" in before
    assert "rows 300-599  INSUFFICIENT_DATA  hours-per-week 0 of 300 values, " in after
    output = command(
        str(models / "income-quality"), "--data", str(tmp_path / "holed.csv"), "--window", "300", code=3
    )
    assert "rows 300-599  VIOLATION  hours-per-week missing" in output


def test_what_does_not_fit_is_refused(models: Path, stream: Path, tmp_path: Path) -> None:
    roots = ("--trusted-roots", str(models))
    output = command(str(models / "income-outlier"), "--data", str(stream), *roots, code=1)
    assert "takes columns by name, but 'workclass=Federal-gov'" in output
    assert "if it needs a preprocessor, set --through" in output
    output = command(str(models / "income"), "--data", str(stream), *roots, code=1)
    assert "is not a monitor" in output
    np.save(tmp_path / "rows.npy", np.zeros((500, 3)))
    output = command(str(models / "income-drift"), "--data", str(tmp_path / "rows.npy"), code=1)
    assert "takes rows of 12 values, got rows of shape [3]" in output


@pytest.mark.parametrize("name", ["income-drift", "income-quality"])
@pytest.mark.parametrize("columns", [["age"], ["capital-gain", "sex", "age"], []])
def test_a_file_without_the_columns_of_a_monitor_is_refused(
    models: Path, tmp_path: Path, name: str, columns: list[str]
) -> None:
    """Also of as many columns under other names: they are never taken by position."""
    table = census_like(300, 3).drop(columns=TARGET)
    path = tmp_path / "new.csv"
    (table[columns] if columns else table.rename(columns=lambda one: f"{one}_new")).to_csv(path, index=False)
    step = load_monitor(models / name, TRUSTING)
    assert isinstance(step, BatchedStep)
    with pytest.raises(
        (DeploymentError, MismatchError), match=r"the table has no column|takes columns by name"
    ):
        list(judge_windows(step, read_rows(path, step, models / name).tensors, 300, WindowRules()))


def test_a_monitor_of_one_column_is_judged_by_its_name(tmp_path: Path) -> None:
    table = census_like(600, 3)[["age"]]
    options = Options(windows=(50,), rate=0.05, draws=100)
    train_monitors_only(table, tmp_path / "m", options, on_progress=lambda line: None)
    table.to_csv(tmp_path / "one.csv", index=False)
    table.rename(columns={"age": "years"}).to_csv(tmp_path / "other.csv", index=False)
    for name in ("income-drift", "income-quality", "income-outlier"):
        step = load_monitor(tmp_path / "m" / name, make_policy(str(tmp_path), ""))
        given = read_rows(tmp_path / "one.csv", step, tmp_path / "m" / name)
        if isinstance(step, OutlierModel):
            assert score(step, given.tensors).is_outlier.shape == (600,)
        else:
            assert isinstance(step, BatchedStep)
            assert [one.rows for one in judge_windows(step, given.tensors, 400, WindowRules())] == [400, 200]
        with pytest.raises(DeploymentError, match="the table has no column 'age'; it has years"):
            read_rows(tmp_path / "other.csv", step, tmp_path / "m" / name)
