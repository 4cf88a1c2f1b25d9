"""Trained detectors through one-step pipelines and through alibi-detect's own `predict`."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from alibi_detect.saving import load_detector
from numpy.typing import NDArray

from tests.parity.one_step import Weir
from tests.parity.tensors import Tensor, assert_same, table, tensors

Rows = NDArray[np.float64]
DRIFT = ("income-drift", "income-drift-preprocessed")
OUTLIER = "income-outlier"
DATATYPES = {"int64": "INT64", "float32": "FP32", "float64": "FP64"}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def weir(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Weir:
    """The detectors as they were trained, and with arguments to `predict`."""
    root = tmp_path_factory.mktemp("detectors")
    folders = {name: models / name for name in (*DRIFT, OUTLIER)}
    for name in DRIFT:
        folders[f"{name}-feature"] = copy_with(models / name, root / f"{name}-feature", drift_type="feature")
    folders["no-distance"] = copy_with(models / DRIFT[0], root / "no-distance", return_distance=False)
    folders["no-p-val"] = copy_with(models / DRIFT[0], root / "no-p-val", return_p_val=False)
    folders["flag-alone"] = copy_with(models / OUTLIER, root / "flag-alone", return_instance_score=False)
    return Weir(folders, tmp_path_factory.mktemp("manifests"))


def copy_with(folder: Path, copy: Path, **predict_parameters: Any) -> Path:
    """Copy a folder and give its detector arguments, as MLServer's settings do."""
    shutil.copytree(folder, copy)
    file = copy / "model-settings.json"
    settings = json.loads(file.read_text())
    settings["parameters"]["extra"] = {"predict_parameters": predict_parameters}
    file.write_text(json.dumps({**settings, "name": copy.name}))
    return copy


@pytest.fixture(scope="module")
def forest(models: Path) -> Any:
    """alibi-detect's detector; it would load its own file only with TensorFlow."""
    from alibi_detect.od import IForest

    saved = json.loads((models / OUTLIER / "IForest.json").read_text())
    detector = IForest(threshold=saved["threshold"])
    detector.isolationforest = joblib.load(models / OUTLIER / saved["estimator"])
    return detector


def as_mlserver_shows(prediction: dict[str, Any]) -> list[Tensor]:
    """Arrange what `predict` returned as MLServer's runtime does: an axis of 1 in front of each value."""
    arrays = {name: np.array([value]) for name, value in prediction["data"].items() if value is not None}
    return [
        Tensor(name, DATATYPES[str(array.dtype)], [1, array.size], array.ravel().tolist())
        for name, array in arrays.items()
    ]


def answered(weir: Weir, model: str, *requests: bytes) -> list[list[Tensor]]:
    answers = weir.infer(model, *requests)
    assert {answer.status for answer in answers} == {"answered"}, answers[0].body
    return [tensors(answer.body) for answer in answers]


def window(people: Rows, size: int, *, drifted: bool) -> Rows:
    """Draw people; where they drifted they are older, and many work where nobody worked before."""
    drawn = people[np.random.default_rng(size).choice(len(people), size, replace=False)].copy()
    if drifted:
        drawn[:, 0] += 9
        drawn[: size // 3, 1] = 99
    return drawn


def as_seen_by(model: str, models: Path, people: Rows) -> Rows:
    """Return the rows that a detector takes: people as they are, or preprocessed."""
    if model == "income-drift":
        return people
    return joblib.load(models / "income-preprocess" / "model.joblib").transform(people)


@pytest.mark.parametrize("drift_type", ["batch", "feature"])
@pytest.mark.parametrize("datatype", ["FP64", "FP32"])
@pytest.mark.parametrize("drifted", [False, True], ids=["the same people", "other people"])
@pytest.mark.parametrize("size", [20, 200, 1_000])
@pytest.mark.parametrize("model", DRIFT)
def test_a_window_is_judged_as_by_alibi_detect(
    weir: Weir,
    models: Path,
    complete: Rows,
    model: str,
    size: int,
    drifted: bool,
    datatype: str,
    drift_type: str,
) -> None:
    rows = as_seen_by(model, models, window(complete, size, drifted=drifted))
    sent = rows.astype(np.float32 if datatype == "FP32" else np.float64)
    detector = load_detector(models / model)
    expected = as_mlserver_shows(detector.predict(sent, drift_type=drift_type))
    served = f"{model}-feature" if drift_type == "feature" else model
    (answer,) = answered(weir, served, table(sent, datatype))
    assert_same(answer, expected, ulps=0)

    width, by_feature = rows.shape[1], drift_type == "feature"
    assert [tensor.name for tensor in answer] == ["is_drift", "distance", "p_val", "threshold"]
    assert [tensor.shape[1] for tensor in answer] == [width if by_feature else 1, width, width, 1]
    assert any(answer[0].data) or not drifted


def test_each_request_of_a_micro_batch_is_a_window_of_its_own(
    weir: Weir, models: Path, complete: Rows
) -> None:
    windows = [window(complete, size, drifted=size > 30) for size in (20, 50, 35)]
    detector = load_detector(models / DRIFT[0])
    answers = answered(weir, DRIFT[0], *map(table, windows))
    for answer, rows in zip(answers, windows, strict=True):
        assert_same(answer, as_mlserver_shows(detector.predict(rows)), ulps=0)


def test_distances_are_left_out_where_return_distance_is_false(
    weir: Weir, models: Path, complete: Rows
) -> None:
    rows = window(complete, 50, drifted=True)
    expected = load_detector(models / DRIFT[0]).predict(rows, return_distance=False)
    (answer,) = answered(weir, "no-distance", table(rows))
    assert_same(answer, as_mlserver_shows(expected), ulps=0)
    assert [tensor.name for tensor in answer] == ["is_drift", "p_val", "threshold"]


def test_p_values_take_the_threshold_with_them(weir: Weir, models: Path, complete: Rows) -> None:
    rows = window(complete, 50, drifted=True)
    expected = load_detector(models / DRIFT[0]).predict(rows, return_p_val=False)
    (answer,) = answered(weir, "no-p-val", table(rows))
    assert_same(answer, as_mlserver_shows(expected), ulps=0)
    assert [tensor.name for tensor in answer] == ["is_drift", "distance"]


@pytest.mark.parametrize("size", [1, 3, 40, 1_000])
@pytest.mark.parametrize("datatype", ["FP64", "FP32"])
def test_rows_are_scored_as_by_alibi_detect(
    weir: Weir, models: Path, forest: Any, complete: Rows, datatype: str, size: int
) -> None:
    rows = as_seen_by(OUTLIER, models, complete[:size])
    rows[::3] *= 9
    sent = rows.astype(np.float32 if datatype == "FP32" else np.float64)
    scores, flags = as_mlserver_shows(forest.predict(sent))
    (answer,) = answered(weir, OUTLIER, table(sent, datatype))
    assert answer[1] == flags
    assert answer[0][:3] == scores[:3] == ("instance_score", "FP64", [1, size])
    assert answer[0].data == pytest.approx(scores.data, rel=0, abs=1e-12)
    assert size < 40 or set(flags.data) == {0, 1}

    expected = as_mlserver_shows(forest.predict(sent, return_instance_score=False))
    assert answered(weir, "flag-alone", table(sent, datatype)) == [expected] == [[flags]]


# Where the two differ on purpose.


def test_a_missing_number_is_the_largest_to_alibi_detect_and_no_member_of_the_sample_here(
    weir: Weir, models: Path, complete: Rows
) -> None:
    detector = load_detector(models / DRIFT[0])
    rows = window(complete, 200, drifted=False)
    expected = as_mlserver_shows(detector.predict(rows[60:]))
    largest = rows.copy()
    rows[:60, 0], largest[:60, 0] = np.nan, 1e9
    theirs, as_largest = (as_mlserver_shows(detector.predict(each)) for each in (rows, largest))
    (ours,) = answered(weir, DRIFT[0], table(rows))
    assert_same(theirs, as_largest, ulps=0)
    assert (ours[0].data, theirs[0].data) == ([0], [1])
    for tensor, other, one in zip(ours[1:3], theirs[1:3], expected[1:3], strict=True):
        assert tensor.data == [one.data[0], *other.data[1:]]


def test_what_alibi_detect_leaves_empty_is_no_tensor_here(weir: Weir, models: Path, forest: Any) -> None:
    rows = as_seen_by(OUTLIER, models, np.zeros((1, 12)))
    assert forest.predict(rows)["data"]["feature_score"] is None
    (answer,) = answered(weir, OUTLIER, table(rows))
    assert [tensor.name for tensor in answer] == ["instance_score", "is_outlier"]
