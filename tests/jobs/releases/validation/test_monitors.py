"""Monitor documents from manifests to releases, and what `validate` and `explain` print about windows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.drift.calibration import Calibration
from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from detectors.drift.tabular import TabularDrift
from detectors.quality.data_quality import Feature, Quality, quality_of
from jobs.releases.explain import explain
from jobs.releases.validation.manifests import Checked, check
from jobs.releases.validation.monitors import warnings
from jobs.streaming.settings import Settings
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics
from operators.models.formats.data_quality import write_quality
from operators.models.runtimes.batched import WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.step import Step
from operators.pipeline.load import ModelCache, batched_step_config, load_pipeline
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Pipeline
from operators.storage.trusted_roots import make_policy

STEPS = [
    {"name": "income"},
    {"name": "income-drift", "batch": {"size": 300}},
    {"name": "income-quality", "batch": {"size": 500}},
]
DRIFT = {"step": "income-drift", "min_n": 100, "confirm": 3}
QUALITY = {"step": "income-quality", "tolerance": 0.05}


def model(name: str, folder: Path) -> dict[str, Any]:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name},
        "spec": {"storageUri": str(folder / name), "requirements": ["weir-quality"]},
    }


def pipeline(steps: list[dict[str, Any]] = STEPS) -> dict[str, Any]:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {"steps": steps, "output": {"steps": ["income"]}},
    }


def monitor(name: str = "watching", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "weir/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": name},
        "spec": {"pipeline": "p", **spec},
    }


@pytest.fixture(scope="module")
def folder(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained models, not calibrated, with a data quality check beside them that has no settings file."""
    copy = shutil.copytree(models, tmp_path_factory.mktemp("watched") / "models")
    (copy / "income-drift" / "calibration.json").unlink(missing_ok=True)
    (copy / "income-quality" / "model-settings.json").unlink()
    rows = np.load(models / "holdout.npy")
    write_quality(copy / "income-quality", quality_of(rows, [str(i) for i in range(rows.shape[1])]))
    return copy


@pytest.fixture
def checked(folder: Path, tmp_path: Path) -> Callable[..., Checked]:
    def check_(*documents: dict[str, Any]) -> Checked:
        names = [str(step["name"]) for step in STEPS]
        everything = [*(model(name, folder) for name in names), *documents]
        path = tmp_path / "all.json"
        path.write_text(json.dumps({"kind": "List", "items": everything}))
        return check([path], Topics(), make_policy(str(folder), str(tmp_path / "cache")))

    return check_


def test_a_release_holds_its_monitor(checked: Callable[..., Checked]) -> None:
    (release,) = checked(pipeline(), monitor(drift=[DRIFT], quality=[QUALITY])).require().releases
    assert release.monitor == monitor(drift=[DRIFT], quality=[QUALITY])
    (without,) = checked(pipeline()).require().releases
    assert without.monitor is None


def test_another_monitor_is_another_release_and_labels_are_not(checked: Callable[..., Checked]) -> None:
    (one,) = checked(pipeline(), monitor(drift=[DRIFT])).require().releases
    (other,) = checked(pipeline(), monitor(drift=[{**DRIFT, "min_n": 101}])).require().releases
    labelled = monitor(drift=[DRIFT])
    labelled["metadata"]["labels"] = {"team": "risk"}
    (same,) = checked(pipeline(), labelled).require().releases
    assert one.content() != other.content()
    assert one.content() == same.content()


def test_records_of_before_there_were_monitors_are_read(checked: Callable[..., Checked]) -> None:
    (release,) = checked(pipeline()).require().releases
    record = msgspec.to_builtins(release)
    del record["monitor"]
    old = msgspec.json.decode(msgspec.json.encode(record), type=Release)
    assert old.monitor is None
    assert old.content() == release.content()


def test_windows_are_judged_by_the_monitors_rules(folder: Path, checked: Callable[..., Checked]) -> None:
    (release,) = checked(pipeline(), monitor(drift=[DRIFT], quality=[QUALITY])).require().releases
    job, site = WindowRules(Judgement(200, 0.3), Confirmation(2, 2), 0.01), make_policy(str(folder), "")
    drift, quality = (
        batched_step_config(release, name, ModelCache(site), job)
        for name in ("income-drift", "income-quality")
    )
    assert drift.rules == WindowRules(Judgement(100, 0.3), Confirmation(3, 2), 0.01)
    assert quality.rules == WindowRules(Judgement(200, 0.3), Confirmation(2, 2), 0.05)
    assert isinstance(quality.step, DataQualityModel)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (monitor(drift=[{"step": "income-drift", "min_n": 0}]), "spec.drift\\[0\\].min_n must be a whole"),
        ({**monitor(), "kind": "Pipeline"}, "apiVersion must be one of"),
        (pipeline(), "release p/0: its monitor is not a Monitor"),
    ],
)
def test_a_release_whose_monitor_cannot_be_used_is_not_served(
    folder: Path, checked: Callable[..., Checked], record: dict[str, Any], message: str
) -> None:
    (release,) = checked(pipeline()).require().releases
    broken = msgspec.structs.replace(release, monitor=record)
    with pytest.raises(DeploymentError, match=message):
        load_pipeline(broken, ModelCache(make_policy(str(folder), "")))


def test_steps_under_the_wrong_heading_are_refused(checked: Callable[..., Checked]) -> None:
    mixed = monitor(drift=[{"step": "income-quality"}], quality=[{"step": "income-drift"}])
    one, other = checked(pipeline(), mixed).errors
    assert one.endswith(
        "all.json: Monitor/watching: spec.drift[0].step: income-quality is not a drift detector but a "
        "data quality check; move it to spec.quality"
    )
    assert other.endswith(
        "spec.quality[0].step: income-drift is not a data quality check but a drift detector; move it to "
        "spec.drift"
    )


def test_a_detector_that_is_not_calibrated_is_noticed_with_the_command_to_run(
    folder: Path, checked: Callable[..., Checked]
) -> None:
    small, notice = checked(pipeline()).require().notices
    assert "fewer than ten windows of 300" in small
    assert "all.json: Pipeline/p: spec.steps[1] income-drift: the detector is not calibrated" in notice
    assert notice.endswith(f"run weir calibrate {folder / 'income-drift'} --window 300")


def detector(rows: int, *windows: int) -> DriftModel:
    calibrations = [Calibration(window, 0.01, np.zeros(1), rows, 2_000) for window in windows]
    reference = TabularDrift(np.arange(float(rows))[:, None])
    return DriftModel(reference, ["x"], ["x"], calibrations=calibrations)


def doubted(step: Step, min_n: int = 200, **batch: int) -> str:
    parsed = parse_document(pipeline([{"name": "income", "batch": batch} if batch else {"name": "income"}]))
    assert isinstance(parsed, Pipeline)
    found = warnings(parsed, {"income": step}, {"income": "/m"}, {"income": min_n})
    return "\n".join(line.removeprefix("spec.steps[0] income: ") for line in found)


@pytest.mark.parametrize(
    ("rows", "windows", "batch", "begins"),
    [
        (5_000, [500], {"size": 500}, ""),
        (5_000, [100, 900], {"size": 500}, ""),
        (5_000, [100], {"windowMs": 1_000}, ""),
        (5_000, [], {}, ""),
        (
            4_999,
            [500],
            {"size": 500},
            "the detector's reference has 4999 rows, fewer than ten windows of 500, so",
        ),
        (5_000, [501], {"size": 500}, "the detector is not calibrated for windows of 500 rows"),
        (5_000, [], {"windowMs": 1_000}, "the detector is not calibrated for windows of 200 rows"),
    ],
)
def test_what_makes_a_drift_detectors_verdicts_doubtful_gives_a_warning(
    rows: int, windows: list[int], batch: dict[str, int], begins: str
) -> None:
    warning = doubted(detector(rows, *windows), **batch)
    assert warning.startswith(begins)
    assert bool(warning) == bool(begins)
    assert "\n" not in warning


def test_windows_that_are_never_judged_give_a_warning() -> None:
    never = "no window of 50 rows is judged, because min_n is 200; decrease min_n in the pipeline's Monitor"
    quality = DataQualityModel(Quality([Feature("x")]))
    assert doubted(quality, size=50).startswith(never)
    assert doubted(quality, min_n=50, size=50) == doubted(quality, windowMs=5) == doubted(quality) == ""
    assert never in doubted(detector(5_000), size=50)
    assert doubted(detector(5_000, 50), size=50) == ""


def test_explain_prints_the_rules_in_force(checked: Callable[..., Checked]) -> None:
    spec = {"drift": [DRIFT], "quality": [{"step": "income-quality", "min_n": 9, "tolerance": 0.5}]}
    (release,) = checked(pipeline(), monitor(**spec)).require().releases
    judges = [line.split("judges")[1].strip() for line in explain(release, Topics()) if "judges" in line]
    assert judges == [
        "min_n 100, confirm 3 (set by Monitor watching); min_effect 0.1, resolve 2 (default of the job)",
        "min_n 9, tolerance 0.5 (set by Monitor watching); confirm 2, resolve 2 (default of the job)",
    ]
    (plain,) = checked(pipeline()).require().releases
    lines = list(explain(plain, Topics()))
    assert any(
        "judges   min_n 200, min_effect 0.1, confirm 2, resolve 2 (default of the job)" in x for x in lines
    )
    assert Settings().rules == WindowRules(Judgement(200, 0.1), Confirmation(2, 2), 0.01)
