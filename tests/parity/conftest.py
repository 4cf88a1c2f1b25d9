"""The same model folders on both sides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from jobs.data.synthetic_census import TARGET
from jobs.models.train import Trained
from tests.parity.mlserver import MLServer, serving
from tests.parity.one_step import Weir

TRAINED = ("income", "income-preprocess", "income-classifier")
AMOUNTS = ["age", "capital-gain", "capital-loss"]


@pytest.fixture(scope="session")
def known(people: pd.DataFrame) -> pd.DataFrame:
    """People of whom everything is known, without the target."""
    return people.dropna().drop(columns=TARGET).reset_index(drop=True)


@pytest.fixture(scope="session")
def rows(models: Path) -> NDArray[np.float64]:
    """People that no model was trained on, 12 encoded columns, missing values as NaN."""
    return np.load(models / "holdout.npy")


@pytest.fixture(scope="session")
def complete(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of them of whom everything is known."""
    return rows[~np.isnan(rows).any(axis=1)]


@pytest.fixture(scope="session")
def folders(
    models: Path,
    trained: Trained,
    people: pd.DataFrame,
    known: pd.DataFrame,
    rows: NDArray[np.float64],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """Model folders of scikit-learn by name: what was trained, and other kinds of models."""
    root = tmp_path_factory.mktemp("models")
    for name in TRAINED:
        shutil.copytree(models / name, root / name)
    income, prepare = (joblib.load(root / name / "model.joblib") for name in TRAINED[:2])
    labels = income.predict(rows)
    prepared = prepare.transform(rows)

    def after_preparing(estimator: Any, target: Any) -> Pipeline:
        return Pipeline([("prepare", prepare), ("estimator", estimator.fit(prepared, target))])

    _save(root / "probabilities", income, predict_fn="predict_proba")
    _save(root / "margins", after_preparing(LogisticRegression(), labels), predict_fn="decision_function")
    _save(root / "hours", after_preparing(LinearRegression(), rows[:, 10]))
    forest = RandomForestClassifier(20, random_state=0)
    _save(root / "words", after_preparing(forest, np.where(labels == 1, ">50K", "<=50K")))
    scaler = StandardScaler().set_output(transform="pandas")
    _save(root / "frames", scaler.fit(rows), predict_fn="transform")
    _save(root / "sparse", OneHotEncoder(handle_unknown="ignore").fit(rows[:, :2]), predict_fn="transform")
    _save(root / "logarithms", FunctionTransformer(np.log), predict_fn="transform")
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(people[["workclass"]])
    _save(root / "missing-words", words, content_type="pd", predict_fn="transform")
    table = people[["race", "sex"]].to_numpy()
    _save(root / "word-rows", OneHotEncoder(sparse_output=False).fit(table), predict_fn="transform")
    _save(root / "amounts", LinearRegression().fit(known[AMOUNTS], known["hours-per-week"]))
    named = _on_named_columns(known)
    target = people.dropna()[TARGET] == ">50K"
    _save(root / "named", named.fit(known, target.to_numpy().astype(int)))
    _save(root / "named-by-settings", named, content_type="pd")
    parts = [("numbers", StandardScaler(), AMOUNTS), ("words", "passthrough", ["workclass", "race"])]
    frames = ColumnTransformer(parts).set_output(transform="pandas")
    _save(root / "named-frames", frames.fit(known), content_type="pd", predict_fn="transform")
    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, [1, 0, 1, 0])
    _save(root / "texts", texts)
    _save(root / "texts-by-settings", texts, content_type="str")
    return {folder.name: folder for folder in sorted(root.iterdir())}


TEXTS = ["a good film", "a bad film", "good, good", "an awful thing"]


def _on_named_columns(people: pd.DataFrame) -> Pipeline:
    numbers = people.select_dtypes("number").columns.tolist()
    words = people.select_dtypes(object).columns.tolist()
    parts = [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("words", OneHotEncoder(handle_unknown="ignore"), words),
    ]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression(max_iter=1_000))


def _save(folder: Path, estimator: Any, content_type: str = "", **extra: str) -> None:
    folder.mkdir()
    joblib.dump(estimator, folder / "model.joblib")
    parameters: dict[str, Any] = {"uri": "./model.joblib"}
    if content_type:
        parameters["content_type"] = content_type
    if extra:
        parameters["extra"] = extra
    settings = {"name": folder.name, "implementation": "mlserver_sklearn.SKLearnModel"}
    (folder / "model-settings.json").write_text(json.dumps({**settings, "parameters": parameters}))


@pytest.fixture(scope="session")
def weir(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Weir:
    """Weir over the folders."""
    return Weir(folders, tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="session")
def mlserver(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLServer]:
    """MLServer over a copy of the folders."""
    root = tmp_path_factory.mktemp("mlserver")
    for name, folder in folders.items():
        shutil.copytree(folder, root / name)
    with serving(root) as server:
        yield server
