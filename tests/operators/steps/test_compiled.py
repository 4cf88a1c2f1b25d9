from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from operators.steps.compiled import FEW_ROWS, compiled


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
    quick = compiled(fitted)
    assert quick is not fitted
    rows = table(n).astype(dtype)
    rows[0, 1] = 77
    expected = fitted.transform(rows)
    answer = quick.transform(rows)
    assert answer.dtype == expected.dtype
    assert np.array_equal(answer, expected)


@pytest.mark.parametrize("n", [1, 3, FEW_ROWS, FEW_ROWS + 1])
@pytest.mark.parametrize("forest", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("classes", [2, 4])
def test_a_pipeline_predicts_what_scikit_learn_predicts(forest: Any, classes: int, n: int) -> None:
    rows = table(800)
    labels = np.random.default_rng(1).integers(0, classes, 800) * 10
    whole = Pipeline([("p", columns()), ("f", forest(n_estimators=20, random_state=0))]).fit(rows, labels)
    quick = compiled(whole)
    asked = table(n)
    assert np.array_equal(quick.predict_proba(asked), whole.predict_proba(asked))
    assert np.array_equal(quick.predict(asked), whole.predict(asked))
    assert quick.predict(asked).dtype == whole.predict(asked).dtype


def test_labels_that_are_words_stay_words() -> None:
    rows, labels = table(300, missing=False), np.where(np.arange(300) % 2, "yes", "no")
    forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(rows, labels)
    assert np.array_equal(compiled(forest).predict(rows[:4]), forest.predict(rows[:4]))


@pytest.mark.parametrize("bad", [np.inf, 1e300])
@pytest.mark.parametrize("n", [1, FEW_ROWS + 1])
def test_values_that_scikit_learn_refuses_stay_refused(bad: float, n: int) -> None:
    rows = table(800)
    whole = Pipeline([("p", columns()), ("f", RandomForestClassifier(5, random_state=0))])
    whole.fit(rows, np.arange(800) % 2)
    wrong = table(n)
    wrong[0, 0] = bad
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="infinity"):
        compiled(whole).predict(wrong)


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
    assert compiled(fitted) is fitted
