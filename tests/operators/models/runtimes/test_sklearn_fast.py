from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from operators.core.tensors import TensorColumn
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.models.runtimes.sklearn_fast import compile_estimator
from operators.models.step import InferenceOptions


def table(n: int, missing: bool = True) -> Any:
    rng = np.random.default_rng(0)
    rows = np.column_stack(
        [rng.normal(30, 9, n), rng.integers(0, 5, n), rng.lognormal(1, 2, n), rng.integers(0, 3, n)]
    )
    if missing:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def columns(encoder: OneHotEncoder | None = None, scaler: Any = None) -> ColumnTransformer:
    encoder = encoder or OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numeric = make_pipeline(SimpleImputer(strategy="median"), scaler or StandardScaler())
    categorical = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    return ColumnTransformer([("n", numeric, [0, 2]), ("c", categorical, [1, 3])], sparse_threshold=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 7, 900])
def test_a_column_transformer_gives_scikit_learns_values(n: int, dtype: Any) -> None:
    fitted = columns().fit(table(400))
    quick = compile_estimator(fitted)
    assert quick is not fitted
    rows = table(n).astype(dtype)
    rows[0, 1] = 77
    expected = fitted.transform(rows)
    answer = quick.transform(rows)
    assert answer.dtype == expected.dtype
    assert np.array_equal(answer, expected)


@pytest.mark.parametrize("n", [1, 3, 2_000])
@pytest.mark.parametrize("forest", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("classes", [2, 4])
def test_a_pipeline_predicts_what_scikit_learn_predicts(forest: Any, classes: int, n: int) -> None:
    rows = table(800)
    labels = np.random.default_rng(1).integers(0, classes, 800) * 10
    whole = Pipeline([("p", columns()), ("f", forest(n_estimators=20, random_state=0))]).fit(rows, labels)
    quick = compile_estimator(whole)
    asked = table(n)
    assert np.array_equal(quick.predict_proba(asked), whole.predict_proba(asked))
    assert np.array_equal(quick.predict(asked), whole.predict(asked))
    assert quick.predict(asked).dtype == whole.predict(asked).dtype


@pytest.mark.parametrize("n", [1, 3, 2_000])
@pytest.mark.parametrize("forest", [RandomForestRegressor, ExtraTreesRegressor])
def test_a_forest_regresses_as_scikit_learn_does(forest: Any, n: int) -> None:
    rows = table(800, missing=False)
    fitted = forest(n_estimators=20, random_state=0).fit(rows, rows[:, 0] * rows[:, 1])
    fast = compile_estimator(fitted)
    assert fast is not fitted
    asked = table(n, missing=False)
    assert np.array_equal(fast.predict(asked), fitted.predict(asked))
    assert fast.predict(asked).dtype == fitted.predict(asked).dtype


def test_a_forest_with_several_targets_stays_as_it_is() -> None:
    rows = table(300, missing=False)
    fitted = RandomForestRegressor(n_estimators=5, random_state=0).fit(rows, rows[:, :2])
    assert compile_estimator(fitted) is fitted


def test_labels_that_are_words_stay_words() -> None:
    rows, labels = table(300, missing=False), np.where(np.arange(300) % 2, "yes", "no")
    forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(rows, labels)
    assert np.array_equal(compile_estimator(forest).predict(rows[:4]), forest.predict(rows[:4]))


@pytest.mark.parametrize("bad", [np.inf, 1e300])
@pytest.mark.parametrize("n", [1, 501])
def test_values_that_scikit_learn_refuses_stay_refused(bad: float, n: int) -> None:
    rows = table(800)
    whole = Pipeline([("p", columns()), ("f", RandomForestClassifier(5, random_state=0))])
    whole.fit(rows, np.arange(800) % 2)
    wrong = table(n)
    wrong[0, 0] = bad
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="infinity"):
        compile_estimator(whole).predict(wrong)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        columns(scaler=MinMaxScaler()),
        columns(OneHotEncoder(handle_unknown="error", sparse_output=False)),
        columns(OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first")),
        columns(OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=150)),
    ],
)
def test_what_is_not_known_stays_as_it_is(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = estimator.fit(table(400, missing=False), np.arange(400) % 2)
    assert compile_estimator(fitted) is fitted


def forests_of_one_class() -> list[Any]:
    rows, ones = table(100, missing=False), np.ones(100, dtype=int)
    kinds = (RandomForestClassifier, ExtraTreesClassifier)
    return [kind(n_estimators=5, random_state=0).fit(rows, ones) for kind in kinds]


def of_one_kind_of_frames() -> list[Any]:
    """Estimators that answer with, or hand on, tables of pandas."""
    rows, labels = table(100, missing=False), np.arange(100) % 2
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [("n", StandardScaler(), [0, 2]), ("c", encoder, [1, 3])]
    frames = ColumnTransformer(parts).set_output(transform="pandas")
    forest, another = (RandomForestClassifier(5, random_state=0) for _ in range(2))
    whole = make_pipeline(ColumnTransformer(parts), another).set_output(transform="pandas")
    inner = ColumnTransformer([("n", StandardScaler().set_output(transform="pandas"), [0, 2])])
    return [
        frames.fit(rows),
        whole.fit(rows, labels),
        inner.fit(rows),
        make_pipeline(inner, forest).fit(rows, labels),
    ]


class Subclass(RandomForestClassifier):
    """A forest that answers otherwise than its trees."""

    def predict(self, X: Any) -> Any:
        return np.full(len(X), 7)


class Sampler(StandardScaler):
    """A step that only training takes, as imbalanced-learn's pipelines have."""

    transform = None


class WithoutSamplers(Pipeline):
    """A pipeline that leaves such steps out when it predicts."""

    def predict(self, X: Any, **params: Any) -> Any:
        return self.steps[-1][1].predict(X)


def odd_pipelines() -> list[Any]:
    rows, labels = table(100, missing=False), np.arange(100) % 2
    forest = RandomForestClassifier(5, random_state=0).fit(rows, labels)
    return [
        Subclass(5, random_state=0).fit(rows, labels),
        WithoutSamplers([("s", Sampler().fit(rows)), ("f", forest)]),
        Pipeline([("p", "passthrough"), ("n", None), ("f", forest)]),
    ]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("make", [forests_of_one_class, of_one_kind_of_frames, odd_pipelines])
@pytest.mark.parametrize("n", [1, 3, 501])
def test_whatever_the_estimator_is_it_answers_as_scikit_learn_does(make: Any, n: int) -> None:
    rows = table(n, missing=False)
    for fitted in make():
        for method in ("predict", "predict_proba", "transform"):
            if not hasattr(fitted, method) or (method != "predict" and isinstance(fitted, WithoutSamplers)):
                continue
            tensors = SklearnModel(fitted, method).infer(
                {"x": TensorColumn(rows, np.array([n]))}, InferenceOptions()
            )
            expected = getattr(fitted, method)(rows)
            answered = np.column_stack([column.data for column in tensors.values()])
            assert np.array_equal(answered, np.asarray(expected).reshape(n, -1)), (fitted, method)
            if isinstance(expected, pd.DataFrame):
                assert list(tensors) == list(expected.columns)


def test_a_quick_form_that_raises_while_it_serves_gives_way_to_the_estimator() -> None:
    rows, labels = table(100, missing=False), np.arange(100) % 2
    whole = make_pipeline(columns(), RandomForestClassifier(5, random_state=0)).fit(rows, labels)
    step = SklearnModel(whole, "predict_proba")
    words = rows[:3].astype(str)  # numbers as text, which scikit-learn reads and the quick form does not
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = whole.predict_proba(words)
        except ValueError as error:
            with pytest.raises(ValueError, match=str(error).split("\n")[0][:40]):
                step.infer({"x": TensorColumn(words, np.array([3]))}, InferenceOptions())
        else:
            answered = step.infer({"x": TensorColumn(words, np.array([3]))}, InferenceOptions())[
                "predict_proba"
            ].data
            np.testing.assert_array_equal(answered, expected)
