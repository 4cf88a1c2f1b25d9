from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest as Estimator
from sklearn.linear_model import LinearRegression

from detectors.outliers.isolation_forest import IsolationForest
from detectors.outliers.mahalanobis import fit_mahalanobis
from detectors.outliers.network import Layer
from detectors.outliers.vae import Networks, VariationalAutoencoder
from operators.core.errors import DeploymentError
from operators.core.tensors import TensorColumn, Tensors
from operators.models.formats.outlier_detector import write_mahalanobis, write_vae
from operators.models.runtimes.outlier import OutlierModel
from operators.models.settings import ALIBI_DETECT
from operators.models.step import InferenceOptions
from operators.protocol.encode import encode_responses
from operators.storage.trusted_roots import make_policy
from tests.operators.storage.model import load, one_request, settings

Rows = NDArray[np.float64]
FEATURES = 4
RNG = np.random.default_rng(0)
TRAINED: Rows = RNG.normal(size=(600, FEATURES))
ROWS: Rows = TRAINED[:10] + np.outer(np.arange(10) == 9, [0, 9, 0, 0])
WEIGHTS = RNG.normal(size=(FEATURES, 2)).astype(np.float32)
NETWORKS = Networks(
    (Layer(WEIGHTS, np.zeros(2)),),
    Layer(np.eye(2), np.zeros(2)),
    Layer(np.zeros((2, 2)), np.full(2, -9.0)),
    (Layer(np.linalg.pinv(WEIGHTS), np.zeros(FEATURES)),),
)
VAE = VariationalAutoencoder(NETWORKS, 0.5, samples=3)
MAHALANOBIS = fit_mahalanobis(TRAINED, 99)
FOREST = Estimator(random_state=0).fit(TRAINED)


def folder(path: Path, kind: str, **predict_parameters: Any) -> Path:
    extra = {"predict_parameters": predict_parameters}
    settings(path, implementation=ALIBI_DETECT, parameters={"uri": "./", "extra": extra})
    if kind == "vae":
        write_vae(VAE, path)
    elif kind == "mahalanobis":
        write_mahalanobis(MAHALANOBIS, path)
    else:
        joblib.dump(FOREST, path / ("IForest.joblib" if kind == "forest" else "model.joblib"))
    if kind == "forest":
        (path / "IForest.json").write_text('{"threshold": 0.02}')
    return path


def answered(path: Path, rows: Rows = ROWS) -> Tensors:
    answer = load(path).infer(one_request(rows), InferenceOptions())
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    ("kind", "detector"),
    [
        ("vae", VAE),
        ("mahalanobis", MAHALANOBIS),
        ("forest", IsolationForest(FOREST, 0.02)),
        ("model.joblib", IsolationForest(FOREST, 0.0)),
    ],
)
def test_a_folder_answers_as_the_detector_that_was_saved(tmp_path: Path, kind: str, detector: Any) -> None:
    answer, expected = answered(folder(tmp_path, kind)), detector.predict(ROWS)
    np.testing.assert_allclose(answer["instance_score"].data, expected.instance_score, rtol=1e-6)
    assert answer["is_outlier"].data.tolist() == expected.is_outlier.tolist()
    assert answer["is_outlier"].data[-1] == 1


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("vae", ["instance_score", "feature_score", "is_outlier"]),
        ("mahalanobis", ["instance_score", "is_outlier"]),
        ("forest", ["instance_score", "is_outlier"]),
    ],
)
def test_tensors_come_in_the_order_of_mlserver(tmp_path: Path, kind: str, names: list[str]) -> None:
    assert list(answered(folder(tmp_path, kind))) == names


@pytest.mark.parametrize("kind", ["vae", "mahalanobis", "forest", "model.joblib"])
def test_scores_of_features_are_shown_where_asked(tmp_path: Path, kind: str) -> None:
    path = folder(tmp_path, kind, return_feature_score=True, return_instance_score=False)
    answer = answered(path)
    assert list(answer) == ["feature_score", "is_outlier"]
    assert np.nanargmax(answer["feature_score"].data[-1]) == 1


@pytest.mark.parametrize(
    ("kind", "detector"), [("mahalanobis", MAHALANOBIS), ("forest", IsolationForest(FOREST, 0.02))]
)
def test_contributions_are_those_of_the_flagged_rows(tmp_path: Path, kind: str, detector: Any) -> None:
    answer = answered(folder(tmp_path, kind, return_feature_score=True))
    flagged, scores = answer["is_outlier"].data == 1, answer["feature_score"].data
    assert 0 < flagged.sum() < len(ROWS)
    assert np.isnan(scores[~flagged]).all()
    np.testing.assert_allclose(scores[flagged], detector.contributions(ROWS[flagged]), rtol=1e-9)


def test_nothing_flagged_shows_nothing(tmp_path: Path) -> None:
    answer = answered(folder(tmp_path, "forest", return_feature_score=True), np.zeros((2, FEATURES)))
    assert answer["is_outlier"].data.tolist() == [0, 0]
    assert np.isnan(answer["feature_score"].data).all()


def test_an_autoencoder_takes_the_arguments_of_alibi_detects_predict(tmp_path: Path) -> None:
    given = {"outlier_type": "feature", "outlier_perc": 50, "batch_size": 64, "return_feature_score": False}
    answer = answered(folder(tmp_path, "vae", **given))
    expected = VariationalAutoencoder(NETWORKS, 0.5, 3, "feature", 50.0).predict(ROWS)
    assert list(answer) == ["instance_score", "is_outlier"]
    assert np.array_equal(answer["is_outlier"].data, expected.is_outlier)
    np.testing.assert_allclose(answer["instance_score"].data, expected.instance_score, rtol=1e-6)


def test_rows_are_on_the_second_axis_and_features_on_the_third(tmp_path: Path) -> None:
    path = folder(tmp_path, "vae", outlier_type="feature")
    names = ["age", "hours, a week", "gain", "loss"]
    (path / "features.json").write_text(json.dumps({"columns": names}))
    two = {"x": TensorColumn(ROWS[:5], np.array([2, 3], dtype=np.int64))}
    answer = load(path).infer(two, InferenceOptions())
    assert isinstance(answer, dict)
    bodies = [msgspec.json.decode(body) for body in encode_responses(answer, ["a", "b"], "p", "1")]
    shown = [{output["name"]: output for output in body["outputs"]} for body in bodies]
    assert [tensors["instance_score"]["shape"] for tensors in shown] == [[1, 2], [1, 3]]
    for name, datatype in (("feature_score", "FP64"), ("is_outlier", "INT64")):
        assert [tensors[name]["shape"] for tensors in shown] == [[1, 2, 4], [1, 3, 4]]
        assert shown[0][name]["datatype"] == datatype
    assert json.loads(shown[0]["feature_score"]["parameters"]["columns"]) == names
    assert "columns" not in shown[0]["is_outlier"]["parameters"]


def test_a_plain_forest_flags_what_scikit_learn_calls_an_outlier(tmp_path: Path) -> None:
    rows = RNG.normal(scale=2, size=(300, FEATURES))
    flags = answered(folder(tmp_path, "model.joblib"), rows)["is_outlier"].data
    assert np.array_equal(flags == 1, FOREST.predict(rows) == -1)
    assert 0 < flags.sum() < 300


def test_its_contamination_sets_the_threshold(tmp_path: Path) -> None:
    path = folder(tmp_path, "model.joblib")
    joblib.dump(Estimator(random_state=0, contamination=0.1).fit(TRAINED), path / "model.joblib")
    assert answered(path, TRAINED)["is_outlier"].data.mean() == pytest.approx(0.1, abs=0.002)


def test_a_plain_forest_may_be_named_by_its_uri(tmp_path: Path) -> None:
    settings(tmp_path, implementation=ALIBI_DETECT, parameters={"uri": "./forest.pickle"})
    joblib.dump(FOREST, tmp_path / "forest.pickle")
    assert "is_outlier" in answered(tmp_path)


@pytest.mark.parametrize("kind", ["forest", "model.joblib"])
def test_a_pickled_forest_needs_trust(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DeploymentError, match="is below no trusted root"):
        load(folder(tmp_path, kind), make_policy("/nowhere", ""))


@pytest.mark.parametrize("kind", ["vae", "mahalanobis"])
def test_arrays_need_none(tmp_path: Path, kind: str) -> None:
    load(folder(tmp_path, kind), make_policy("", ""))


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("vae", {"outlier_perc": 0}, "extra.predict_parameters: .*outlier_perc"),
        ("vae", {"outlier_type": "row"}, "extra.predict_parameters: Invalid enum value 'row'"),
        ("forest", {"outlier_perc": 50}, "extra.predict_parameters: .* unknown field `outlier_perc`"),
    ],
)
def test_arguments_that_the_detector_has_not_are_refused(
    tmp_path: Path, kind: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        load(folder(tmp_path, kind, **given))


def test_names_must_fit_the_detector(tmp_path: Path) -> None:
    path = folder(tmp_path, "vae")
    (path / "features.json").write_text('{"columns": ["age"]}')
    with pytest.raises(
        DeploymentError, match=r"features\.json: columns has length 1 .*; both must have length 4"
    ):
        load(path)


def test_another_estimator_is_no_detector(tmp_path: Path) -> None:
    path = folder(tmp_path, "model.joblib")
    joblib.dump(LinearRegression().fit(TRAINED, TRAINED[:, 0]), path / "model.joblib")
    with pytest.raises(
        DeploymentError, match=r"model\.joblib contains a LinearRegression, which is not an isolation forest"
    ):
        load(path)


def test_rows_of_another_width_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"takes rows of 4 values, got rows of shape \[3\]"):
        answered(folder(tmp_path, "mahalanobis"), np.zeros((2, 3)))


def test_a_flagged_row_is_explained_in_the_features_own_values(models: Path) -> None:
    raw = np.load(models / "holdout.npy")[:300]
    raw = raw[~np.isnan(raw).any(axis=1)]
    raw[:, 8] *= 50
    preprocessor = joblib.load(models / "income-preprocess" / "model.joblib")
    prepared = preprocessor.transform(raw)
    step = load(models / "income-outlier")
    assert isinstance(step, OutlierModel)
    tensors = {"rows": TensorColumn(prepared, np.array([len(prepared)]))}
    flagged = step.explain(tensors, step.infer(tensors, InferenceOptions()), InferenceOptions(), limit=20)
    assert len(flagged) == 20
    numbers = preprocessor.named_transformers_["numeric"].named_steps["scale"]
    expected = numbers.inverse_transform(prepared[:, : numbers.n_features_in_])
    seen = set()
    for one in flagged:
        for name, _, value, original in one.columns:
            column = step.columns.index(name)
            assert value == prepared[one.row, column]
            if column < numbers.n_features_in_:
                assert original == pytest.approx(expected[one.row, column], abs=1e-6)
            else:
                category = name.partition("=")[2]
                assert original == (category if value else f"not {category}")
            seen.add(type(original))
    assert seen == {float, str}
