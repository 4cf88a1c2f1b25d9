"""Converted autoencoders beside alibi-detect's own, which TensorFlow computes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.outliers.vae import VariationalAutoencoder
from jobs.models.convert.alibi_detect_files import convert
from operators.core.errors import DeploymentError
from operators.models.formats.outlier_detector import read_vae
from operators.models.settings import ALIBI_DETECT
from operators.models.step import InferenceOptions
from operators.protocol.encode import encode_responses
from tests.operators.storage.model import TRUSTING, load, one_request, settings

Answers = dict[str, NDArray[Any]]
NAMES = [
    "relu",
    "tanh",
    "sigmoid",
    "linear",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "softmax",
    "swish",
    "gelu",
]
NAMES += ["exponential", "leaky_relu", "activation-layers", "more-activation-layers", "layer-as-activation"]
NAMES += ["activation-after-activation", "batch-normalization", "idle-layers", "no-bias", "trained"]
# TensorFlow computes in float32: seven digits, of sums of some ten numbers that may cancel.
RELATIVE, ABSOLUTE = 2e-5, 1e-6


def opened(saved: Path, name: str) -> tuple[VariationalAutoencoder, Answers]:
    folder = saved / f"vae-{name}"
    return read_vae(folder), dict(np.load(folder / "answers.npz"))


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_alibi_detects_for_the_same_draws(saved: Path, name: str) -> None:
    ours, theirs = opened(saved, name)
    feature_score = ours.feature_score(theirs["rows"], theirs["draws"])
    np.testing.assert_allclose(feature_score, theirs["feature_score"], RELATIVE, ABSOLUTE)
    instance_score = ours.instance_score(feature_score)
    np.testing.assert_allclose(instance_score, theirs["instance_score"], RELATIVE, ABSOLUTE)


@pytest.mark.parametrize("name", ["relu", "trained"])
def test_the_strangest_half_of_the_features_scores_the_same(saved: Path, name: str) -> None:
    theirs = opened(saved, name)[1]
    ours = read_vae(saved / f"vae-{name}", "instance", 50.0)
    half = ours.instance_score(ours.feature_score(theirs["rows"], theirs["draws"]))
    np.testing.assert_allclose(half, theirs["half"], RELATIVE, ABSOLUTE)


@pytest.mark.parametrize("kind", ["instance", "feature"])
@pytest.mark.parametrize("name", NAMES)
def test_flags_are_alibi_detects_for_a_rows_own_draws(saved: Path, name: str, kind: Any) -> None:
    theirs = opened(saved, name)[1]
    ours = read_vae(saved / f"vae-{name}", kind).predict(theirs["rows"])
    np.testing.assert_allclose(ours.instance_score, theirs[f"{kind}_instance_score"], RELATIVE, ABSOLUTE)
    assert np.array_equal(ours.is_outlier, theirs[f"{kind}_is_outlier"])


def test_the_trained_detector_flags_some_rows_by_the_feature_that_deviates(saved: Path) -> None:
    ours, theirs = opened(saved, "trained")
    result = ours.predict(theirs["rows"])
    assert 0 < result.is_outlier.sum() < len(result.is_outlier)
    assert (np.argmax(ours.contributions(theirs["rows"])[::5], axis=1) == 3).mean() > 0.8
    assert ours.threshold == theirs["threshold"]


def test_scores_vary_over_rows_as_alibi_detects_do_over_calls(saved: Path) -> None:
    """alibi-detect scored each row 200 times: our score is one more of these, within statistical error."""
    ours, theirs = opened(saved, "trained")
    again = np.load(saved / "vae-trained" / "again.npy")
    distance = (ours.score(theirs["rows"]) - again.mean(axis=0)) / again.std(axis=0)
    assert abs(distance.mean()) < 4 / np.sqrt(len(distance))
    assert 0.7 < distance.std() < 1.3
    assert np.abs(distance).max() < 5


@pytest.mark.parametrize("kind", ["instance", "feature"])
def test_tensors_have_the_names_shapes_and_order_of_mlserver(saved: Path, tmp_path: Path, kind: str) -> None:
    folder = shutil.copytree(saved / "vae-trained", tmp_path / "served")
    extra = {"predict_parameters": {"outlier_type": kind}}
    settings(folder, implementation=ALIBI_DETECT, parameters={"uri": "./", "extra": extra})
    rows = opened(saved, "trained")[1]["rows"].astype(float)
    answer = load(folder).infer(one_request(rows), InferenceOptions())
    assert isinstance(answer, dict)
    (body,) = encode_responses(answer, ["a"], "p", "1")
    shown = [[o["name"], o["shape"], o["datatype"]] for o in msgspec.json.decode(body)["outputs"]]
    datatypes = {"float64": "FP64", "int64": "INT64"}
    expected = json.loads((folder / f"{kind}.json").read_text())
    assert shown == [[name, shape, datatypes[dtype]] for name, shape, dtype in expected]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "prelu",
            r"layer 'p_re_lu' \(PReLU\) cannot be exported: its type is not one of Activation",
        ),
        ("hard-sigmoid", r"\(Dense\) cannot be exported: its activation 'hard_sigmoid' is not one of linear"),
        ("capped", r"\(ReLU\) cannot be exported: it has a max_value or a threshold"),
        (
            "lstm",
            r"\(Reshape\) cannot be exported: its input or output has the shape \(None, 6, 1\), "
            "which is not rows",
        ),
        ("score_type", "score_type is 'proba', which alibi-detect cannot score"),
        ("threshold", "has no threshold: call infer_threshold before saving it"),
    ],
)
def test_what_cannot_be_exported_is_named(saved: Path, name: str, message: str) -> None:
    refusal = json.loads((saved / "refusals.json").read_text())[name]
    assert re.search(message, refusal)


def test_without_tensorflow_converting_names_the_extra(saved: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(saved / "vae-trained", tmp_path / "there")
    with pytest.raises(
        DeploymentError, match=r"OutlierVAE\.dill contains networks .* pip install 'weir\[vae\]'"
    ):
        convert(folder, TRUSTING)
