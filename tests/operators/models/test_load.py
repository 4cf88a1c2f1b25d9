from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from operators.core.errors import DeploymentError, MismatchError
from operators.core.tensors import TensorColumn
from operators.models.load import load_step
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.models.step import InferenceOptions
from operators.storage.digest import digest
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import load, model, settings


def rows(*values: float) -> dict[str, TensorColumn]:
    return {"x": TensorColumn(np.array(values)[:, None], np.ones(len(values), dtype=np.int64))}


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("income", SklearnModel),
        ("income-preprocess", SklearnModel),
        ("income-outlier", OutlierModel),
        ("income-drift", DriftModel),
        ("income-drift-preprocessed", DriftModel),
    ],
)
def test_what_training_wrote_is_loaded(models: Path, folder: str, kind: type) -> None:
    assert isinstance(load(models / folder), kind)


def test_a_drift_detector_knows_the_features_its_columns_encode(models: Path) -> None:
    step = load(models / "income-drift-preprocessed")
    assert isinstance(step, DriftModel)
    at = step.columns.index("workclass=Private")
    assert step.features[at] == "workclass"
    assert len(step.columns) == step.detector.n_features


def test_a_drift_detector_knows_what_its_reference_missed(models: Path) -> None:
    step = load(models / "income-drift")
    assert isinstance(step, DriftModel)
    missed = step.detector.reference_missing
    held_out = np.isnan(np.load(models / "income-drift" / "held_out.npy")).mean(axis=0)
    assert missed.tolist() == pytest.approx(held_out.tolist(), abs=0.03)
    assert missed[step.columns.index("workclass")] > 0
    assert missed[step.columns.index("age")] == 0


def test_names_of_an_earlier_version_are_read(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "income-drift-preprocessed"
    shutil.copytree(models / folder.name, folder)
    path = folder / "features.json"
    names = json.loads(path.read_text())
    path.write_text(json.dumps({key: names[key] for key in ("columns", "features")} | {"categories": {}}))
    step = load(folder)
    assert isinstance(step, DriftModel)
    assert step.detector.reference_missing.tolist() == [0] * len(step.columns)


@pytest.mark.parametrize(
    ("field", "given", "wrong"),
    [
        ("origins", {"years": {"scale": 2}}, "origins names 'years'"),
        ("origins", {"age": {"scale": 0}}, "scale"),
        ("origins", {"age": {"scale": -1}}, "scale"),
        ("missing", {"years": 0.5}, "missing names 'years'"),
        ("missing", {"age": 1.0}, "missing"),
        ("missing", {"age": -0.1}, "missing"),
    ],
)
def test_wrong_words_on_columns_are_refused_with_their_file(
    tmp_path: Path, models: Path, field: str, given: object, wrong: str
) -> None:
    folder = tmp_path / "income-drift"
    shutil.copytree(models / folder.name, folder)
    path = folder / "features.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: given}))
    with pytest.raises(DeploymentError, match=r"features\.json") as refused:
        load(folder)
    assert wrong in str(refused.value)


def test_the_method_is_chosen_by_predict_fn(tmp_path: Path) -> None:
    folder = settings(
        tmp_path,
        implementation="mlserver_sklearn.SKLearnModel",
        parameters={"extra": {"predict_fn": "transform"}},
    )
    joblib.dump(StandardScaler().fit([[0.0], [2.0]]), folder / "model.joblib")
    assert load(folder).infer(rows(3.0), InferenceOptions())["transform"].data.tolist() == [[2.0]]


def test_the_manifests_parameters_win_over_the_folders(tmp_path: Path) -> None:
    folder = settings(tmp_path, implementation="mlserver_sklearn.SKLearnModel")
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), folder / "model.joblib")
    step = load(folder, parameters=[{"name": "predict_fn", "value": "predict_proba"}])
    assert step.infer(rows(0.0), InferenceOptions())["predict_proba"].data.shape == (1, 2)


def test_a_folder_without_settings_is_served_by_what_the_model_requires(tmp_path: Path) -> None:
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), tmp_path / "model.pkl")
    assert "predict" in load(tmp_path, requirements=["sklearn"]).infer(rows(1.0), InferenceOptions())


def test_named_columns_reach_an_estimator_that_wants_them(tmp_path: Path, models: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"age": [20.0, 60.0, 30.0], "hours": [10.0, 50.0, 40.0]})
    joblib.dump(LogisticRegression().fit(frame, [0, 1, 0]), tmp_path / "model.joblib")
    step = load(tmp_path, requirements=["sklearn"])
    one = np.ones(1, dtype=np.int64)
    columns = {"age": TensorColumn(np.array([[60.0]]), one), "hours": TensorColumn(np.array([[50.0]]), one)}
    assert step.infer(columns, InferenceOptions("pd"))["predict"].data.tolist() == [1]
    with pytest.raises(MismatchError, match="takes a single tensor, got 2"):
        step.infer(columns, InferenceOptions("np"))


def test_a_changed_folder_is_not_opened(tmp_path: Path, models: Path) -> None:
    folder = shutil.copytree(models / "income-outlier", tmp_path / "copy")
    recorded = digest(folder)
    (folder / "IForest.joblib").write_bytes(b"something else")
    with pytest.raises(DeploymentError, match="has changed since it was applied"):
        load_step(model(), str(folder), recorded, make_policy("/", str(tmp_path / "cache")))


def test_the_digest_depends_on_names_and_contents_only(tmp_path: Path, models: Path) -> None:
    copy = shutil.copytree(models / "income", tmp_path / "copy")
    assert digest(copy) == digest(models / "income")
    (copy / "model.joblib").rename(copy / "other.joblib")
    assert digest(copy) != digest(models / "income")


@pytest.mark.parametrize(
    ("content", "files", "message"),
    [
        (
            {"implementation": "mlserver_mlflow.MLflowRuntime"},
            {},
            "no runtime for implementation 'mlserver_mlflow",
        ),
        ({"implementation": "mlserver_sklearn.SKLearnModel"}, {}, "contains none of model.joblib"),
        (
            {"implementation": "mlserver_sklearn.SKLearnModel"},
            {"model.joblib": b"junk"},
            r"model\.joblib cannot be read: .*: export it again with the installed versions",
        ),
        (
            {"parameters": {"extra": {"limit": float("nan")}}},
            {},
            r"model-settings\.json: it contains NaN at byte 35, which JSON does not have; write null or",
        ),
        (
            {"implementation": "mlserver_alibi_detect.AlibiDetectRuntime"},
            {"IForest.json": b'{"threshold": -Infinity}'},
            r"IForest\.json: it contains -Infinity at byte 14, which JSON does not have",
        ),
        ({"implementation": "mlserver_alibi_detect.AlibiDetectRuntime"}, {}, "contains neither config.toml"),
        (
            {"implementation": "mlserver_alibi_detect.AlibiDetectRuntime"},
            {"config.toml": b"name ="},
            "is not TOML",
        ),
        ({"parameters": {}}, {}, "names no implementation, and the Model has no requirements"),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused_with_the_reason(
    tmp_path: Path, content: dict[str, Any], files: dict[str, bytes], message: str
) -> None:
    folder = settings(tmp_path / "f", **content)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    with pytest.raises(DeploymentError, match=message):
        load(folder)


def test_a_package_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "there" / "gradient_toolkit"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("class Booster:\n    pass\n")
    folder = settings(tmp_path / "f", implementation="mlserver_sklearn.SKLearnModel")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "there")
        joblib.dump(import_module("gradient_toolkit").Booster(), folder / "model.joblib")
        del sys.modules["gradient_toolkit"]
    with pytest.raises(DeploymentError, match=r"pip install gradient_toolkit\), or export") as caught:
        load(folder)
    assert "needs the package gradient_toolkit, which is not installed" in str(caught.value)


def test_what_is_no_estimator_is_named(tmp_path: Path) -> None:
    folder = settings(tmp_path / "f", implementation="mlserver_sklearn.SKLearnModel")
    joblib.dump({"model": LogisticRegression()}, folder / "model.joblib")
    with pytest.raises(
        DeploymentError, match=r"contains a dict, which is not a fitted estimator.*save the est"
    ):
        load(folder)


def test_a_folder_that_is_not_there_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="is not a folder: check storageUri, or train the model first"):
        load(tmp_path / "away")
