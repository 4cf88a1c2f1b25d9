"""Code in what the command line names: it runs where it is the caller's own, and nobody else's."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from jobs.cli.trusted_paths import load_named
from jobs.models.judge import load_monitor
from operators.core.errors import DeploymentError
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import arm
from tests.operators.storage.other_users import STRANGER, as_root, give_away
from tests.support.paths import FOLDERS

WEIR = Path(sys.executable).with_name("weir")
DILL = FOLDERS / "dill-iforest"


def weir(folder: Path, *arguments: str | Path, fails: bool = False, umask: int = -1) -> tuple[str, str]:
    """Run the command in a folder; returns standard output and standard error."""
    done = subprocess.run(
        [WEIR, *arguments], cwd=folder, capture_output=True, text=True, check=False, umask=umask
    )
    assert done.returncode == (1 if fails else 0), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def owner() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def trusting_line(folder: Path) -> str:
    return f"trusting {folder}: it belongs to you ({owner()}) and no other user can write to it"


def test_judge_names_why_a_folder_is_not_trusted(x: Path) -> None:
    reason = opened(x / "income-outlier")
    arguments = ("--data", x / "holdout.npy", "--through", x / "income-preprocess")
    out, error = weir(x.parent, "judge", x / "income-outlier", *arguments, fails=True)
    assert (out, error.startswith("error: Model income-outlier: ")) == ("", True)
    assert error.endswith(f"because {reason}\n")


@pytest.fixture
def x(models: Path, tmp_path: Path) -> Path:
    """What `weir train --out X` wrote, for tests that change it."""
    return Path(shutil.copytree(models, tmp_path / "X"))


def judge(x: Path, *more: str | Path) -> tuple[str, str]:
    data = ("--data", x / "holdout.npy", "--through", x / "income-preprocess")
    return weir(x.parent, "judge", x / "income-outlier", *data, *more)


def test_judge_loads_what_training_just_wrote_wherever_that_is(x: Path) -> None:
    """How many rows are flagged is scikit-learn's own answer."""
    estimator, prepare = (
        joblib.load(x / name) for name in ("income-outlier/IForest.joblib", "income-preprocess/model.joblib")
    )
    threshold = json.loads((x / "income-outlier/IForest.json").read_text())["threshold"]
    rows = prepare.transform(np.load(x / "holdout.npy"))
    flagged = int((-estimator.decision_function(rows) > threshold).sum())
    out, error = judge(x)
    assert out.startswith(f"{flagged} of {len(rows):,} rows are outliers")
    assert error.splitlines() == [trusting_line(x / "income-outlier"), trusting_line(x / "income-preprocess")]


def test_nothing_is_printed_where_a_root_is_named_or_nothing_runs(x: Path) -> None:
    assert judge(x, "--trusted-roots", x)[1] == ""
    assert weir(x.parent, "judge", x / "income-drift", "--data", x / "holdout.npy")[1] == ""


def test_calibrate_reads_what_training_just_wrote(x: Path) -> None:
    out, _ = weir(x.parent, "calibrate", x / "income-drift", "--window", "200", "--rate", "0.05")
    assert f"wrote {x}/income-drift/calibration.json" in out


def opened(path: Path) -> str:
    path.chmod(path.stat().st_mode | 0o002)
    return f"{path} is writable by everyone: chmod o-w {path}"


def opened_to_a_group(path: Path) -> str:
    give_away(path, group=True).chmod(path.stat().st_mode | 0o020)
    return f"{path} is writable by group {STRANGER}: chmod g-w {path}"


def given_away(path: Path) -> str:
    give_away(path)
    return f"{path} belongs to user {STRANGER}"


@pytest.mark.parametrize("name", ["", "outlier", "outlier/model.joblib"])
@pytest.mark.parametrize(
    "change",
    [opened, pytest.param(opened_to_a_group, marks=as_root), pytest.param(given_away, marks=as_root)],
)
def test_what_others_can_write_is_named_with_the_remedy_and_not_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, change: Callable[[Path], str]
) -> None:
    x, trace = tmp_path / "X", tmp_path / "trace"
    folder = arm(x / "outlier", trace)
    reason = change(x / name)
    with pytest.raises(DeploymentError) as raised:
        load_named(folder, make_policy("models", str(tmp_path / "cache")), load_monitor)
    assert f"it is not trusted as your own, because {reason}" in str(raised.value)
    assert "add its root to --trusted-roots" in str(raised.value)
    assert not trace.exists()
    assert capsys.readouterr().err == ""


def test_what_is_not_ones_own_is_read_where_nothing_runs(x: Path) -> None:
    opened(x / "income-drift")
    out, _ = weir(x.parent, "judge", x / "income-drift", "--data", x / "holdout.npy", "--window", "300")
    assert "rows 0-299" in out


def test_a_link_to_ones_own_folder_is_trusted_by_the_folders_name(x: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(x)
    data = ("--data", x / "holdout.npy", "--through", tmp_path / "link" / "income-preprocess")
    _, error = weir(tmp_path, "judge", tmp_path / "link" / "income-outlier", *data)
    assert trusting_line(x / "income-outlier") in error


def test_convert_reads_ones_own_dill_and_nobody_elses(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DILL, tmp_path / "old"))
    reason = opened(folder)
    assert (
        f"it is not trusted as your own, because {reason}" in weir(tmp_path, "convert", "old", fails=True)[1]
    )
    folder.chmod(0o755)
    out, error = weir(tmp_path, "convert", "old")
    assert out.splitlines() == ["wrote old/IForest.json", "wrote old/IForest.joblib"]
    assert error.splitlines() == [trusting_line(folder)]


def test_convert_reads_no_dill_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "IForest.dill").symlink_to(DILL / "IForest.dill")
    error = weir(tmp_path, "convert", "old", fails=True)[1]
    assert f"is a link to {DILL.resolve()}/IForest.dill, which is outside the model's folder" in error


def test_training_loads_ones_own_preprocessor_and_writes_for_oneself_whatever_the_umask(
    tmp_path: Path, people: pd.DataFrame
) -> None:
    numbers = people[["age", "hours-per-week"]].astype(float).iloc[:600]
    numbers.to_csv(tmp_path / "rows.csv", index=False)
    joblib.dump(StandardScaler().fit(numbers.to_numpy()), tmp_path / "scale.joblib")
    arguments = (
        "train",
        "--monitors-only",
        "--data",
        "rows.csv",
        "--preprocessor",
        "scale.joblib",
        "--window",
        "50",
    )
    reason = opened(tmp_path / "scale.joblib")
    error = weir(tmp_path, *arguments, "--out", "X", fails=True)[1]
    assert (
        f"scale.joblib runs code when it is loaded, and {tmp_path}/scale.joblib is below no trusted" in error
    )
    assert f"it is not trusted as your own, because {reason}" in error
    (tmp_path / "scale.joblib").chmod(0o644)
    assert trusting_line(tmp_path / "scale.joblib") in weir(tmp_path, *arguments, "--out", "X", umask=0)[1]
    x = tmp_path / "X"
    written = list(x.rglob("*"))
    assert len(written) > 20
    assert [path for path in (x, *written) if stat.S_IMODE(path.stat().st_mode) & 0o022] == []
    assert trusting_line(x / "income-outlier") in judge(x)[1], "what training writes is the caller's own"
    missing = (*arguments[:-3], "no.joblib", "--out", "X")
    assert "no.joblib cannot be loaded: FileNotFoundError" in weir(tmp_path, *missing, fails=True)[1]
