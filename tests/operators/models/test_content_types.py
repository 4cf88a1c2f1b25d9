"""What each content type means to each runtime: right values are MLServer's codecs' and scikit-learn's."""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from operators.core.errors import DeploymentError, MismatchError
from operators.core.tensors import TensorColumn, Tensors
from operators.models.content_types import ContentTypes, decode
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.python_class import PythonModel
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.models.step import InferenceOptions, Step
from tests.operators.storage.model import load, settings

TEXTS = ["good film", "bad film", "good good", "awful bad thing", "a good one", "bad"]
LABELS = [1, 0, 1, 0, 1, 0]
MODEL = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)


def column(values: list[Any], content_type: str = "", *, nested: bool = True) -> TensorColumn:
    data = np.empty(len(values), dtype=object)
    data[:] = values
    shape = (-1, 1) if nested else (-1,)
    return TensorColumn(data.reshape(shape), np.array([len(values)]), content_type=content_type)


def answer(step: Step, tensors: Tensors, options: InferenceOptions = InferenceOptions()) -> Any:  # noqa: B008
    answers = step.infer(tensors, options)
    assert isinstance(answers, dict)
    return answers


@pytest.mark.parametrize("nested", [True, False], ids=["[n, 1]", "[n]"])
@pytest.mark.parametrize(
    ("of_tensor", "of_request", "of_settings"),
    [
        ("str", "", ContentTypes()),
        ("", "str", ContentTypes()),
        ("", "", ContentTypes("str")),
        ("", "", ContentTypes(tensors={"x": "str"})),
        ("str", "np", ContentTypes()),
    ],
    ids=["tensor", "request", "settings", "settings of the input", "tensor before request"],
)
def test_a_model_of_texts_takes_a_text_a_row(
    of_tensor: str, of_request: str, of_settings: ContentTypes, nested: bool
) -> None:
    step = SklearnModel(MODEL, "predict_proba", of_settings)
    tensors = {"x": column(TEXTS, of_tensor, nested=nested)}
    expected = MODEL.predict_proba(TEXTS)
    np.testing.assert_array_equal(
        answer(step, tensors, InferenceOptions(of_request))["predict_proba"].data, expected
    )


def test_a_model_of_texts_takes_base64_of_them() -> None:
    coded = [base64.b64encode(text.encode()).decode() for text in TEXTS]
    answers = answer(SklearnModel(MODEL, "predict"), {"x": column(coded, "base64")})
    assert answers["predict"].data.tolist() == MODEL.predict([text.encode() for text in TEXTS]).tolist()


def test_rows_of_several_texts_are_refused_by_a_model_of_texts() -> None:
    data = np.array([["a", "b"], ["c", "d"]], dtype=object)
    with pytest.raises(
        MismatchError, match=r"content_type str takes one value per row, got rows of shape \[2\]"
    ):
        SklearnModel(MODEL, "predict").infer(
            {"x": TensorColumn(data, np.array([2]), content_type="str")}, InferenceOptions()
        )


def test_rows_of_one_text_without_a_content_type_are_refused_with_the_remedy() -> None:
    with pytest.raises(MismatchError, match="if the model takes texts, send them with content_type str"):
        SklearnModel(MODEL, "predict").infer({"x": column(TEXTS)}, InferenceOptions())


def hours(frame: Any) -> Any:
    return pd.DataFrame({"hour": frame["at"].dt.hour, "size": frame["raw"].map(len)})


def test_named_columns_are_decoded_each_by_its_content_type() -> None:
    times = ["2026-01-31T12:30:00", "2026-02-01T07:00:00+00:00"[:19]]
    raw = [base64.b64encode(value).decode() for value in (b"abc", b"\x00\xff")]
    frame = pd.DataFrame(
        {"at": [datetime.fromisoformat(time) for time in times], "raw": [b"abc", b"\x00\xff"]}
    )
    step = SklearnModel(FunctionTransformer(hours).fit(frame), "transform", ContentTypes("pd"))
    answers = answer(step, {"at": column(times, "datetime"), "raw": column(raw, "base64")})
    expected = hours(frame)
    assert answers["hour"].data.tolist() == expected["hour"].tolist() == [12, 7]
    assert answers["size"].data.tolist() == expected["size"].tolist() == [3, 2]


class Keeps:
    """A model that remembers what it was sent."""

    row_by_row = True
    seen: Any = None

    def predict(self, tensors: Any) -> Any:
        self.seen = tensors
        return {"n": np.zeros(len(tensors["x"]))}


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        ("", ["a", "b"], ["a", "b"]),
        ("np", ["a", "b"], ["a", "b"]),
        ("str", ["a", np.nan], ["a", None]),
        ("base64", ["AAH/", "not base64"], [b"\x00\x01\xff", b"not base64"]),
        ("datetime", ["2026-01-31"], [datetime(2026, 1, 31)]),
    ],
)
def test_a_class_of_ones_own_gets_decoded_values(kind: str, sent: list[Any], expected: list[Any]) -> None:
    model = Keeps()
    PythonModel(model).infer({"x": column(sent, kind)}, InferenceOptions())
    assert model.seen["x"].ravel().tolist() == expected
    PythonModel(model, ContentTypes(tensors={"x": kind})).infer({"x": column(sent)}, InferenceOptions())
    assert model.seen["x"].ravel().tolist() == expected


def test_a_time_that_is_none_is_an_error_that_quotes_it() -> None:
    with pytest.raises(ValueError, match="content_type datetime takes times in ISO 8601, got 'tomorrow'"):
        decode(column(["tomorrow"]).data, "datetime")


@pytest.mark.parametrize("kind", ["base64", "datetime"])
def test_detectors_and_boosters_refuse_what_they_cannot_compare(kind: str, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match=f"takes numbers or categories, but 'x' has content_type {kind}"):
        FeatureRows(1).read({"x": column(["AAAA"], kind)}, InferenceOptions())
    inputs = [{"name": "x", "datatype": "BYTES", "shape": [-1, 1], "parameters": {"content_type": kind}}]
    folder = settings(tmp_path / "q", implementation="weir.DataQuality", inputs=inputs)
    (folder / "quality.json").write_text('{"features": [{"name": "a", "missing": 0}]}')
    with pytest.raises(DeploymentError, match=f"declares content_type {kind} for 'x': remove it"):
        load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"parameters": {"content_type": "base64"}},
            "parameters.content_type is 'base64'; it must be one of np, pd, str",
        ),
        (
            {"inputs": [{"name": "x", "parameters": {"content_type": "hf"}}]},
            "content_type of input 'x' is 'hf'; it must be one of np, str, base64, datetime",
        ),
    ],
)
def test_settings_with_another_content_type_are_refused(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    folder = settings(tmp_path / "m", implementation="mlserver_sklearn.SKLearnModel", **content)
    joblib.dump(MODEL, folder / "model.joblib")
    with pytest.raises(DeploymentError, match=message):
        load(folder)
