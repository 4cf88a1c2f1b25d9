from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from operators.core.errors import DeploymentError, MismatchError
from operators.core.tensors import TensorColumn, Tensors
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.models.step import InferenceOptions

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def one(data: Any) -> Tensors:
    return {"x": TensorColumn(np.asarray(data), np.array([len(data)], dtype=np.int64))}


def words(*rows: list[object]) -> Tensors:
    return one(np.array(rows, dtype=object))


def test_an_answer_for_each_target_is_refused_in_words() -> None:
    """A list of arrays would be stacked into something of as many rows as there are targets."""
    forest = RandomForestClassifier(5, random_state=0).fit(X, np.column_stack([Y, 1 - Y]))
    step = SklearnModel(forest, "predict")
    with pytest.raises(MismatchError, match="predict_proba returns 2 arrays, one for each target"):
        step.infer(one(X[:3]), InferenceOptions(outputs=("predict_proba",)))
    assert step.infer(one(X[:3]), InferenceOptions())["predict"].data.shape == (3, 2)


def test_an_answer_of_other_rows_is_refused() -> None:
    class Odd:
        n_features_in_ = 3

        def predict(self, x: Any) -> Any:
            return np.zeros(len(x) + 1)

    with pytest.raises(MismatchError, match=r"predict returns shape \[4\] for 3 rows"):
        SklearnModel(Odd(), "predict").infer(one(X[:3]), InferenceOptions())


def test_words_are_refused_by_an_estimator_of_numbers_and_known_to_one_of_words() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit([["a"], ["b"]])
    assert SklearnModel(encoder, "transform").infer(words(["b"]), InferenceOptions())[
        "transform"
    ].data.tolist() == [[0, 1]]
    codes = OneHotEncoder(handle_unknown="ignore").fit([[0.0], [1.0]])
    with pytest.raises((TypeError, ValueError)):
        SklearnModel(codes, "transform").infer(words(["a"]), InferenceOptions())


def test_predict_fn_may_name_any_function_of_the_estimator() -> None:
    step = SklearnModel(StandardScaler().fit(X), "inverse_transform")
    assert list(step.infer(one(X[:2]), InferenceOptions())) == ["inverse_transform"]
    for name in ("nothing", "_check_n_features", "scale_", "fit"):
        with pytest.raises(
            DeploymentError, match=f"predict_fn is '{name}', which a StandardScaler does not offer"
        ):
            SklearnModel(StandardScaler().fit(X), name)
