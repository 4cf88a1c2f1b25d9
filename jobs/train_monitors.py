"""Reference data → classifier, preprocessor, outlier and drift detectors, in the folders MLServer expects.

    python -m jobs.train_monitors --data adult.csv --target income-per-year --out models   (or: weir train)

Needs the extra `train` (alibi-detect 0.11.4, the last release under Apache-2.0); what it writes is read
without it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jobs.data.features import Features, encode, infer_features
from operators.artifacts.probes import write_probe
from operators.errors import DeploymentError

Rows = NDArray[np.float64]
MOST_REFERENCE = 10_000
PROBE_ROWS = 5
OUTLIER_PERCENT = 5.0
_ALIBI = "mlserver_alibi_detect.AlibiDetectRuntime"
_SKLEARN = "mlserver_sklearn.SKLearnModel"


class Trained(NamedTuple):
    """What training found out, for people."""

    reference_rows: int
    holdout_rows: int
    features: Features
    accuracy: float
    outlier_threshold: float
    folders: list[Path]


def train(
    table: pd.DataFrame,
    target: str,
    out: Path,
    name: str = "income",
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> Trained:
    """Train everything on half of the rows (at most 10,000), keep the others as `holdout.npy`.

    Raises DeploymentError for a table that cannot be used.
    """
    if target not in table.columns:
        raise DeploymentError(
            f"the table has no column {target!r}; it has {', '.join(map(str, table.columns))}"
        )
    table = table[table[target].notna()]
    inputs = table.drop(columns=[target])
    features = infer_features(inputs)
    rows = encode(inputs, features)
    labels = pd.Categorical(table[target]).codes.astype(np.int64)
    if len(rows) < 100 or len(np.unique(labels)) < 2:
        raise DeploymentError("the table needs at least 100 rows and two values of the target")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    reference, holdout = np.split(order, [min(MOST_REFERENCE, len(rows) // 2)])

    empty = [
        name
        for name, known in zip(features.names, ~np.isnan(rows[reference].T), strict=True)
        if not known.any()
    ]
    if empty:
        raise DeploymentError(f"column {empty[0]!r} has no value at all in the reference rows: leave it out")

    say("training the classifier")
    preprocessor = _preprocessor(features)
    prepared = preprocessor.fit_transform(rows[reference])
    forest = RandomForestClassifier(n_estimators=50, min_samples_leaf=2, random_state=seed, n_jobs=-1)
    forest.fit(prepared, labels[reference])
    forest.n_jobs = 1
    say("training the outlier detector")
    outlier = _train_outlier(prepared, seed)
    say("training the drift detectors")
    filled = _hot_deck(rows[reference], rng)
    plain, columns = _names(features, preprocessor)

    models = _Folders(out, name)
    probe = rows[reference][:PROBE_ROWS]
    whole = Pipeline([("preprocessor", preprocessor), ("classifier", forest)])
    models.sklearn("", whole, "predict", probe)
    models.sklearn("-preprocess", preprocessor, "transform", probe)
    models.sklearn("-classifier", forest, "predict", prepared[:PROBE_ROWS])
    models.outlier("-outlier", outlier)
    models.drift("-drift", filled, features.categorical, plain)
    models.drift("-drift-preprocessed", prepared, range(len(features.numeric), prepared.shape[1]), columns)
    (out / "features.json").write_bytes(msgspec.json.format(msgspec.json.encode(features)))
    np.save(out / "holdout.npy", rows[holdout])
    accuracy = float(forest.score(preprocessor.transform(rows[holdout]), labels[holdout]))
    return Trained(len(reference), len(holdout), features, accuracy, float(outlier.threshold), models.written)


def _preprocessor(features: Features) -> ColumnTransformer:
    numeric = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    categorical = Pipeline([("impute", SimpleImputer(strategy="most_frequent")), ("encode", encoder)])
    parts = [("numeric", numeric, features.numeric), ("categorical", categorical, features.categorical)]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)


def _train_outlier(prepared: Rows, seed: int) -> Any:
    # alibi-detect imports transformers, which misses PyTorch aloud.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from alibi_detect.od import IForest

    # alibi-detect hands no seed on to scikit-learn, which then takes numpy's global one.
    np.random.seed(seed)
    detector = IForest(threshold=0.0, n_estimators=100, data_type="tabular")
    detector.fit(prepared)
    detector.infer_threshold(prepared, threshold_perc=100 - OUTLIER_PERCENT)
    return detector


def _hot_deck(rows: Rows, rng: np.random.Generator) -> Rows:
    """Fill missing values with values drawn from the same column, which leaves its distribution alone."""
    filled = rows.copy()
    for column in filled.T:
        unknown = np.isnan(column)
        column[unknown] = rng.choice(column[~unknown], int(unknown.sum()))
    return filled


def _names(features: Features, preprocessor: ColumnTransformer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Name the raw columns and the prepared ones, each with the feature it encodes."""
    names = [features.names[i] for i in features.numeric]
    sources = list(names)
    encoded = (
        preprocessor.named_transformers_["categorical"]["encode"].categories_ if features.categorical else []
    )
    for i, codes in zip(features.categorical, encoded, strict=True):
        feature = features.names[i]
        names += [f"{feature}={features.categories[feature][int(code)]}" for code in codes]
        sources += [feature] * len(codes)
    raw = {"columns": features.names, "features": features.names, "categories": features.categories}
    return raw, {"columns": names, "features": sources}


class _Folders:
    """Writes model folders side by side."""

    def __init__(self, out: Path, name: str) -> None:
        self._out = out
        self._name = name
        self.written: list[Path] = []

    def sklearn(self, suffix: str, estimator: Any, predict_fn: str, probe: Rows) -> None:
        """Write an estimator, and what it answers to a probe under the versions here."""
        folder = self._folder(suffix, _SKLEARN, {"predict_fn": predict_fn}, "./model.joblib")
        joblib.dump(estimator, folder / "model.joblib", compress=1)
        write_probe(folder, probe, {predict_fn: getattr(estimator, predict_fn)(probe)})

    def outlier(self, suffix: str, detector: Any) -> None:
        """Write alibi-detect's own files, and beside them what the runtime reads without dill."""
        import dill

        folder = self._folder(suffix, _ALIBI, {}, "./")
        state = {"threshold": detector.threshold, "isolationforest": detector.isolationforest}
        for file, content in (("meta", detector.meta), ("IForest", state)):
            with (folder / f"{file}.dill").open("wb") as stream:
                dill.dump(content, stream)
        joblib.dump(detector.isolationforest, folder / "IForest.joblib", compress=1)
        saved = {"threshold": float(detector.threshold), "estimator": "IForest.joblib"}
        (folder / "IForest.json").write_text(json.dumps(saved), "utf-8")

    def drift(self, suffix: str, x_ref: Rows, categorical: Any, names: dict[str, Any]) -> None:
        from alibi_detect.cd import TabularDrift
        from alibi_detect.saving import save_detector

        folder = self._folder(suffix, _ALIBI, {}, "./")
        categories: Any = {int(column): None for column in categorical}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_detector(TabularDrift(x_ref, p_val=0.05, categories_per_feature=categories), folder)
        (folder / "features.json").write_text(json.dumps(names, indent=1), "utf-8")

    def _folder(self, suffix: str, implementation: str, extra: dict[str, str], uri: str) -> Path:
        folder = self._out / f"{self._name}{suffix}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = {
            "name": folder.name,
            "implementation": implementation,
            "parameters": {"uri": uri, "version": "v1", **({"extra": extra} if extra else {})},
        }
        (folder / "model-settings.json").write_text(json.dumps(settings, indent=2), "utf-8")
        self.written.append(folder)
        return folder


def describe(trained: Trained) -> Iterator[str]:
    """Tell what was trained, a line each."""
    features = trained.features
    yield f"{trained.reference_rows:,} reference rows, {trained.holdout_rows:,} held out"
    yield "numeric      " + ", ".join(features.names[i] for i in features.numeric)
    yield "categorical  " + ", ".join(features.names[i] for i in features.categorical)
    yield f"classifier   accuracy {trained.accuracy:.3f} on held-out rows"
    yield f"outliers     score above {trained.outlier_threshold:.4f}: {OUTLIER_PERCENT:g} % of the reference"
    yield from (f"wrote        {folder}" for folder in trained.folders)


if __name__ == "__main__":
    from jobs.cli import main

    sys.argv.insert(1, "train")
    main()
