"""Folders made in other environments (tests/folders): they answer their probe, or name their versions."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import dill
import numpy as np
import pytest

from jobs.models.convert.alibi_detect_files import convert
from operators.core.errors import DeploymentError
from operators.core.tensors import Tensors
from operators.models.step import InferenceOptions
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import TRUSTING, load, one_request, settings
from tests.support.paths import FOLDERS

EQUAL = [
    "numpy-2-linear",
    "numpy-2-forest",
    *(f"xgboost-{kind}" for kind in ("binary", "multi", "regression")),
]
EQUAL += [f"lightgbm-{kind}" for kind in ("binary", "multi", "regression")]
OLDER = {
    "sklearn-1.2-linear": "1.2.2",
    "sklearn-1.2-forest": "1.2.2",
    "sklearn-1.5-linear": "1.5.2",
    "sklearn-1.5-forest": "1.5.2",
}
DILLS = ["dill-iforest", "dill-tabular-drift", "dill-ks-drift", "dill-chisquare-drift"]


def probe(folder: Path) -> tuple[np.ndarray, dict[str, dict[str, object]]]:
    recorded = json.loads((folder / "probe.json").read_text())
    (sent,) = recorded["inputs"]
    rows = np.array(sent["data"], dtype=float).reshape(sent["shape"])
    return rows, {tensor["name"]: tensor for tensor in recorded["outputs"]}


@pytest.mark.parametrize("name", EQUAL)
def test_the_probe_is_answered_as_the_original_library_did(name: str) -> None:
    step = load(FOLDERS / name)
    rows, recorded = probe(FOLDERS / name)
    answers = step.infer(one_request(rows), InferenceOptions(outputs=tuple(recorded)))
    assert isinstance(answers, dict)
    for output, tensor in recorded.items():
        data = answers[output].data
        expected = np.array(tensor["data"], dtype=float)
        np.testing.assert_allclose(data.ravel(), expected, rtol=1e-6, atol=1e-6)
        kinds = {"INT64": np.int64, "FP32": np.float32, "FP64": np.float64}
        assert data.dtype == kinds[str(tensor["datatype"])]
        assert data.reshape(len(data), -1).shape == tuple(tensor["shape"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OLDER)
def test_a_folder_that_cannot_answer_names_both_versions_and_the_remedy(name: str) -> None:
    with pytest.raises(DeploymentError, match=rf"scikit-learn {OLDER[name]} \(installed: 1\.") as caught:
        load(FOLDERS / name)
    assert "export it again with the installed versions" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", OLDER)
def test_it_does_so_without_a_recorded_probe(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(FOLDERS / name, tmp_path / name)
    (folder / "probe.json").unlink()
    with pytest.raises(DeploymentError, match=rf"scikit-learn {OLDER[name]} \(installed: 1\."):
        load(folder)


def test_an_answer_that_differs_from_the_recorded_one_is_not_served(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDERS / "xgboost-binary", tmp_path / "x")
    recorded = json.loads((folder / "probe.json").read_text())
    recorded["outputs"][1]["data"][0] += 0.01
    recorded["outputs"][1]["data"][1] -= 0.01
    (folder / "probe.json").write_text(json.dumps(recorded))
    with pytest.raises(DeploymentError, match="2 of 16 values of predict_proba differ"):
        load(folder)


@pytest.mark.parametrize("suffix", [".dill", ".pickle"])
@pytest.mark.parametrize("name", DILLS)
def test_what_alibi_detect_pickled_is_read_by_convert_only(tmp_path: Path, name: str, suffix: str) -> None:
    folder = shutil.copytree(FOLDERS / name, tmp_path / name)
    for path in folder.glob("*.dill"):
        path.rename(path.with_suffix(suffix))
    with pytest.raises(DeploymentError, match=rf"\{suffix}.*convert it once, `weir convert"):
        load(folder)
    convert(folder, TRUSTING)
    rows, recorded = probe(folder)
    answers = load(folder).infer(one_request(rows), InferenceOptions())
    assert isinstance(answers, dict)
    for output, tensor in recorded.items():
        expected = np.array(tensor["data"], dtype=float)
        np.testing.assert_allclose(answers[output].data.ravel(), expected, rtol=1e-6, atol=1e-12)


def test_convert_reads_nothing_outside_the_trusted_roots(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDERS / "dill-ks-drift", tmp_path / "there")
    with pytest.raises(DeploymentError, match="is below no trusted root"):
        convert(folder, make_policy(str(tmp_path / "elsewhere"), ""))
    assert not (folder / "config.toml").exists()


def test_convert_names_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "OutlierAE.dill").write_bytes(b"")
    with pytest.raises(DeploymentError, match=r"contains OutlierAE\.dill; it must contain one of IForest, "):
        convert(tmp_path, TRUSTING)
    (tmp_path / "KSDrift.dill").write_bytes(b"junk")
    with pytest.raises(DeploymentError, match=r"KSDrift\.dill cannot be read here"):
        convert(tmp_path, TRUSTING)


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("Mahalanobis", {}, r"Mahalanobis\.dill has not been fitted: score rows with it before saving it"),
        ("Mahalanobis", {"threshold": None}, r"Mahalanobis\.dill has no threshold: call infer_threshold"),
        (
            "Mahalanobis",
            {"threshold": np.nan},
            r"Mahalanobis\.dill has the threshold nan, which is not a fin",
        ),
        ("IForest", {"threshold": np.inf}, r"IForest\.dill has the threshold inf, which is not a finite num"),
        ("IForest", {"threshold": -np.inf}, r"IForest\.dill has the threshold -inf, .*call infer_threshold"),
        ("OutlierVAE", {"threshold": np.inf}, "the detector has the threshold inf, which is not a finite"),
        ("OutlierVAE", {"threshold": None}, "the detector has no threshold: call infer_threshold"),
        ("OutlierVAE", {"score_type": "proba"}, "score_type is 'proba', which alibi-detect cannot score"),
    ],
)
def test_convert_names_what_a_detector_lacks(
    tmp_path: Path, name: str, changed: dict[str, object], message: str
) -> None:
    distance = {"n_components": 3, "cat_vars": None, "ohe": False, "d_abs": {}, "mean": 0, "C": 0}
    distance |= {"isolationforest": None}
    state = {"threshold": 1.0, "score_type": "mse", "samples": 5, **distance, **changed}
    (tmp_path / f"{name}.dill").write_bytes(dill.dumps(state))
    with pytest.raises(DeploymentError, match=message):
        convert(tmp_path, TRUSTING)


def test_a_native_booster_answers_with_its_scores_as_mlserver_lets_it(tmp_path: Path) -> None:
    folder = settings(tmp_path / "x", implementation="mlserver_xgboost.XGBoostModel")
    text = (FOLDERS / "xgboost-binary" / "model.json").read_text()
    (folder / "model.json").write_text(text.replace("_estimator_type", "_other"))
    step = load(folder)
    assert step.functions == ("predict",)
    rows, recorded = probe(FOLDERS / "xgboost-binary")
    answers = step.infer(one_request(rows), InferenceOptions())
    assert isinstance(answers, dict)
    positive = np.array(recorded["predict_proba"]["data"]).reshape(-1, 2)[:, 1]
    assert answers["predict"].data.dtype == np.float32
    np.testing.assert_allclose(answers["predict"].data, positive, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "requirement"), [("xgboost-multi", "xgboost"), ("lightgbm-multi", "lightgbm")]
)
def test_boosted_trees_are_served_by_requirement(tmp_path: Path, name: str, requirement: str) -> None:
    folder = shutil.copytree(FOLDERS / name, tmp_path / name)
    (folder / "model-settings.json").unlink()
    (folder / "probe.json").unlink()
    rows, _ = probe(FOLDERS / name)
    answers: Tensors = load(folder, requirements=["unknown", requirement]).infer(
        one_request(rows), InferenceOptions()
    )  # type: ignore[assignment]
    assert len(answers["predict"].data) == len(rows)


def test_trees_check_the_width_which_treelite_does_not() -> None:
    step = load(FOLDERS / "lightgbm-binary")
    with pytest.raises(Exception, match=r"takes rows of 6 values, got rows of shape \[5\]"):
        step.infer(one_request(np.zeros((2, 5))), InferenceOptions())


def test_a_file_that_is_no_booster_is_refused(tmp_path: Path) -> None:
    folder = settings(tmp_path / "x", implementation="mlserver_lightgbm.LightGBMModel")
    (folder / "model.bst").write_text("junk")
    with pytest.raises(DeploymentError, match=r"model\.bst is not a booster that LightGBM saved as text"):
        load(folder)


@pytest.mark.parametrize("types", ["abc", "2 2 x", "1.5"])
def test_a_damaged_file_of_lightgbm_is_named(tmp_path: Path, types: str) -> None:
    folder = shutil.copytree(FOLDERS / "lightgbm-binary", tmp_path / "x")
    text = (folder / "model.bst").read_text("utf-8")
    (folder / "model.bst").write_text(re.sub(r"decision_type=.*", f"decision_type={types}", text), "utf-8")
    with pytest.raises(
        DeploymentError, match=rf"model\.bst is damaged: 'decision_type={types}' must contain"
    ):
        load(folder)
