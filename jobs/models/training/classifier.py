"""Training a preprocessor and a classifier, and scoring them on test rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import confusion_matrix, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from jobs.data.feature_encoding import Features
from jobs.models.training.column_origins import origins_of
from jobs.models.training.model_folders import SKLEARN, Folders
from jobs.models.training.split import Rows, Split
from jobs.models.training.training_data import Stage
from operators.models.formats.feature_names import FeatureNames
from operators.models.probe import write_probe

_PROBE_ROWS = 5


class Scores(NamedTuple):
    """The scores of a classifier on test rows.

    `confusion`, shape (classes, classes), has one row per true class and one column per predicted class.
    `auc` is the mean area under the ROC curve of each class against the others.
    """

    classes: list[str]
    confusion: NDArray[np.int64]
    auc: float

    @property
    def accuracy(self) -> float:
        """The share of rows whose class is predicted correctly."""
        return float(np.trace(self.confusion) / self.confusion.sum())


class Classifier(NamedTuple):
    """A preprocessor and a random forest fitted to the reference rows, with their scores."""

    preprocessor: ColumnTransformer
    forest: RandomForestClassifier
    scores: Scores

    def prepare(self, rows: Rows) -> Rows:
        """Return preprocessed rows, which the classifier reads."""
        return np.asarray(self.preprocessor.transform(rows))

    def predict(self, prepared: Rows) -> Rows:
        """Return class and scores of preprocessed rows, shape (n, 1 + classes), for drift detection."""
        return np.column_stack([self.forest.predict(prepared), self.forest.predict_proba(prepared)])


def fit(
    rows: Rows, labels: NDArray[np.int64], classes: list[str], features: Features, split: Split, seed: int
) -> Classifier:
    """Fit a classifier to the reference rows, and score it on the test rows."""
    preprocessor = _preprocessor(features)
    prepared = preprocessor.fit_transform(rows[split.reference])
    forest = RandomForestClassifier(n_estimators=50, min_samples_leaf=2, random_state=seed, n_jobs=-1)
    forest.fit(prepared, labels[split.reference])
    forest.n_jobs = 1
    test, truth = preprocessor.transform(rows[split.test]), labels[split.test]
    confusion = confusion_matrix(truth, forest.predict(test), labels=range(len(classes)))
    return Classifier(preprocessor, forest, Scores(classes, confusion, _auc(truth, forest, test)))


def write(classifier: Classifier, reference: Rows, folders: Folders) -> None:
    """Write the whole pipeline, the preprocessor and the classifier, each with its outputs for a probe."""
    preprocessor, forest = classifier.preprocessor, classifier.forest
    whole = Pipeline([("preprocessor", preprocessor), ("classifier", forest)])
    probe = reference[:_PROBE_ROWS]
    _write(folders, "", whole, "predict", probe)
    _write(folders, "-preprocess", preprocessor, "transform", probe)
    _write(folders, "-classifier", forest, "predict", classifier.prepare(probe))


def prepared_stage(classifier: Classifier, rows: Rows, features: Features) -> Stage:
    """Return all rows preprocessed, with the names of their columns."""
    prepared = classifier.prepare(rows)
    encoded = range(len(features.numeric), prepared.shape[1])
    return Stage(prepared, encoded, _prepared_names(features, classifier.preprocessor))


def prediction_stage(classifier: Classifier, prepared: Stage) -> Stage:
    """Return the class and the scores of preprocessed rows."""
    return Stage(classifier.predict(prepared.rows), [0], _prediction_names(classifier.scores.classes))


def _prepared_names(features: Features, preprocessor: ColumnTransformer) -> FeatureNames:
    """Return the names of the preprocessed columns, each with the feature that it encodes."""
    names = [features.names[i] for i in features.numeric]
    sources = list(names)
    encoded = (
        preprocessor.named_transformers_["categorical"]["encode"].categories_ if features.categorical else []
    )
    for i, codes in zip(features.categorical, encoded, strict=True):
        feature = features.names[i]
        names += [f"{feature}={features.categories[feature][int(code)]}" for code in codes]
        sources += [feature] * len(codes)
    origins = origins_of(preprocessor, features.names, features.categories, names)
    return FeatureNames(names, sources, origins=origins)


def _prediction_names(classes: list[str]) -> FeatureNames:
    """Return the names of the columns of class and scores."""
    scores = [f"predict_proba={name}" for name in classes]
    return FeatureNames(["predict", *scores], ["class", *["score"] * len(scores)], {"predict": classes})


def _auc(truth: NDArray[np.int64], forest: RandomForestClassifier, test: Rows) -> float:
    scores = forest.predict_proba(test)
    classes = forest.classes_
    scorable = [k for k in classes if 0 < (truth == k).sum() < len(truth)]
    if not scorable:
        return float("nan")
    return float(np.mean([roc_auc_score(truth == k, scores[:, list(classes).index(k)]) for k in scorable]))


def _write(folders: Folders, suffix: str, estimator: Any, function: str, probe: Rows) -> Path:
    folder = folders.make(suffix, SKLEARN, "./model.joblib", {"predict_fn": function})
    joblib.dump(estimator, folder / "model.joblib", compress=1)
    write_probe(folder, probe, {function: getattr(estimator, function)(probe)})
    return folder


def _preprocessor(features: Features) -> ColumnTransformer:
    numeric = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    categorical = Pipeline([("impute", SimpleImputer(strategy="most_frequent")), ("encode", encoder)])
    parts = [("numeric", numeric, features.numeric), ("categorical", categorical, features.categorical)]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)
