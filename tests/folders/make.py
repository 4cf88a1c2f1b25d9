"""Make the model folders beside this file, each with a probe: what the original library answered.

One environment (Python 3.11) for each group of folders:

    pip install scikit-learn==1.2.2 numpy==1.24.4     python tests/folders/make.py sklearn-1.2
    pip install scikit-learn==1.5.2 numpy==1.26.4     python tests/folders/make.py sklearn-1.5
    pip install scikit-learn==1.9.1 numpy==2.4.6      python tests/folders/make.py numpy-2
    pip install xgboost-cpu==3.2.0 scikit-learn       python tests/folders/make.py xgboost
    pip install lightgbm==4.7.0                       python tests/folders/make.py lightgbm
    make setup (for alibi-detect==0.11.4)             .venv/bin/python tests/folders/make.py dill

Every folder is loaded back from its files and has to answer its probe again, to the bit.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

SKLEARN = {"sklearn-1.2": ("1.2.2", "1.24"), "sklearn-1.5": ("1.5.2", "1.26"), "numpy-2": ("1.9.1", "2.4.")}
DATATYPES = {"int32": "INT32", "int64": "INT64", "float32": "FP32", "float64": "FP64"}
NUMERIC, CATEGORICAL = [0, 1, 2, 3], [4, 5]
Answers = dict[str, np.ndarray]


def make_rows(n: int) -> np.ndarray:
    """Four normal columns of different scale, then codes 0..4 and 0..2."""
    numeric = RNG.normal([0, 50, -3, 1000], [1, 10, 0.1, 300], size=(n, 4))
    return np.column_stack([numeric, RNG.integers(0, 5, n), RNG.integers(0, 3, n)])


RNG = np.random.default_rng(0)
X = make_rows(300)
SCORE = X[:, 0] + (X[:, 1] - 50) / 10 + 0.8 * (X[:, 4] - 2) + (X[:, 5] == 1) + RNG.normal(0, 0.3, 300)
TARGETS = {"binary": (SCORE > 0).astype(int), "multi": np.digitize(SCORE, [-1, 1]), "regression": SCORE}
PROBE = make_rows(8)
PROBE[2, 0] = np.nan


def tensor(name: str, values: np.ndarray) -> dict[str, Any]:
    """Write an array as a tensor of the Open Inference Protocol: NaN is null, [n] is [n, 1]."""
    values = values.reshape(len(values), -1)
    data = [None if value != value else value for value in values.ravel().tolist()]
    return {"name": name, "shape": list(values.shape), "datatype": DATATYPES[values.dtype.name], "data": data}


def fresh(name: str) -> Path:
    folder = Path(__file__).resolve().parent / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def finish(folder: Path, rows: Any, answers: Answers, loaded: Answers, settings: Any, *packages: str) -> None:
    """Check what the loaded model answers, and write all but its own files."""
    for key, values in answers.items():
        np.testing.assert_array_equal(values, loaded[key], err_msg=f"{folder.name} {key}", strict=True)
    name, implementation, uri = settings
    served = {"name": name, "implementation": implementation, "parameters": {"uri": uri, "version": "v0.1.0"}}
    versions = {each.removesuffix("-cpu"): version(each) for each in (*packages, "numpy")}
    probe = {
        "versions": {"python": platform.python_version(), **versions},
        "inputs": [tensor("input-0", rows)],
        "outputs": [tensor(key, values) for key, values in answers.items()],
    }
    (folder / "model-settings.json").write_text(json.dumps(served, indent=1) + "\n", "utf-8")
    (folder / "probe.json").write_text(json.dumps(probe, allow_nan=False) + "\n", "utf-8")
    print(folder.name, {file.name: file.stat().st_size for file in sorted(folder.iterdir())})


def answers_of(model: Any) -> Answers:
    """What a model answers to the probe: also probabilities where it has a method for them."""
    return {
        name: getattr(model, name)(PROBE) for name in ("predict", "predict_proba") if hasattr(model, name)
    }


def make_sklearn(group: str) -> None:
    import joblib
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    assert (version("scikit-learn"), np.__version__[:4]) == SKLEARN[group], "the environment of another group"
    forest = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0)
    for kind, estimator in {"linear": LogisticRegression(), "forest": forest}.items():
        numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        categories = OneHotEncoder(handle_unknown="ignore")
        columns = ColumnTransformer([("num", numeric, NUMERIC), ("cat", categories, CATEGORICAL)])
        model = make_pipeline(columns, estimator).fit(X, TARGETS["binary"])
        folder = fresh(f"{group}-{kind}")
        joblib.dump(model, folder / "model.joblib")
        loaded = answers_of(joblib.load(folder / "model.joblib"))
        settings = [folder.name, "mlserver_sklearn.SKLearnModel", "./model.joblib"]
        finish(folder, PROBE, answers_of(model), loaded, settings, "scikit-learn", "scipy", "joblib")


def make_xgboost(group: str) -> None:
    from xgboost import XGBClassifier, XGBRegressor

    for kind, make, file, options in (
        ("binary", XGBClassifier, "model.json", {}),
        ("multi", XGBClassifier, "model.ubj", {"objective": "multi:softprob"}),
        ("regression", XGBRegressor, "model.json", {}),
    ):
        model = make(n_estimators=8, max_depth=3, n_jobs=1, **options).fit(X, TARGETS[kind])
        folder = fresh(f"{group}-{kind}")
        model.save_model(folder / file)
        loaded = make()
        loaded.load_model(folder / file)
        settings = [folder.name, "mlserver_xgboost.XGBoostModel", f"./{file}"]
        finish(folder, PROBE, answers_of(model), answers_of(loaded), settings, "xgboost-cpu", "scikit-learn")


def make_lightgbm(group: str) -> None:
    import lightgbm

    common = {"num_leaves": 8, "max_depth": 3, "num_threads": 1, "deterministic": True, "verbose": -1}
    # So that splits take sets of categories (not one against the rest), though there are few rows.
    sets = {"max_cat_to_onehot": 1, "min_data_per_group": 5, "cat_smooth": 1, "cat_l2": 1}
    for kind, categorical, options in (
        ("binary", CATEGORICAL, {"objective": "binary", **sets}),
        ("multi", [], {"objective": "multiclass", "num_class": 3}),
        ("regression", [], {"objective": "regression"}),
    ):
        data = lightgbm.Dataset(X, TARGETS[kind], categorical_feature=categorical)
        model = lightgbm.train({**common, **options}, data, num_boost_round=8)
        folder = fresh(f"{group}-{kind}")
        model.save_model(folder / "model.bst")
        loaded = answers_of(lightgbm.Booster(model_file=folder / "model.bst"))
        settings = [folder.name, "mlserver_lightgbm.LightGBMModel", "./model.bst"]
        finish(folder, PROBE, answers_of(model), loaded, settings, "lightgbm")


def make_dill(group: str) -> None:
    """Write what alibi-detect's `save_detector(..., legacy=True)` writes, which would need TensorFlow."""
    import dill
    from alibi_detect.cd import ChiSquareDrift, KSDrift, TabularDrift
    from alibi_detect.od import IForest
    from sklearn.ensemble import IsolationForest

    def make(kind: str, detector: Any, state: dict[str, Any], rows: np.ndarray, name: str) -> None:
        folder = fresh(f"{group}-{kind}")
        for file, content in {"meta": detector.meta, detector.meta["name"]: state}.items():
            (folder / f"{file}.dill").write_bytes(dill.dumps(content))
        # Load as alibi-detect's own `load_detector_legacy` does.
        state = dill.loads((folder / f"{detector.meta['name']}.dill").read_bytes())
        if "args" in state:
            again = type(detector)(*state["args"].values(), **state["kwargs"])
        else:
            again = IForest(threshold=state["threshold"])
            again.isolationforest = state["isolationforest"]
        answers, loaded = (
            {key: np.array([value]) for key, value in each.predict(rows)["data"].items() if value is not None}
            for each in (detector, again)
        )
        settings = [name, "mlserver_alibi_detect.AlibiDetectRuntime", "./"]
        finish(folder, rows, answers, loaded, settings, "alibi-detect", "scikit-learn", "scipy", "dill")

    rows = make_rows(8)
    rows[[1, 5], :4] += [4, -45, 0.5, 1500]
    outlier = IForest(threshold=0.0)
    outlier.isolationforest = IsolationForest(n_estimators=20, max_samples=16, random_state=0).fit(X)
    outlier.infer_threshold(X, 95)
    state = {"threshold": outlier.threshold, "isolationforest": outlier.isolationforest}
    make("iforest", outlier, state, rows, "outlier")

    rows = make_rows(40) + np.array([0.8, 0, 0, 0, 0, 0])
    given = {"categories_per_feature": {4: [0, 1, 2, 3, 4], 5: [0, 1, 2]}}
    # What the saver keeps of a detector that has it, in its order.
    kept = ["p_val", "categories_per_feature", "x_ref_preprocessed", "preprocess_at_init", "update_x_ref"]
    kept += ["correction", "alternative", "n_features", "input_shape"]
    for kind, detector, columns, options in (
        ("tabular-drift", TabularDrift, NUMERIC + CATEGORICAL, given),
        ("ks-drift", KSDrift, NUMERIC, {}),
        ("chisquare-drift", ChiSquareDrift, CATEGORICAL, {}),
    ):
        drift = detector(X[:, columns], p_val=0.05, data_type="tabular", **options)
        values = {**vars(drift), "x_ref_preprocessed": True}
        if "x_ref_categories" in values:
            values["categories_per_feature"] = drift.x_ref_categories
        kwargs = {key: values[key] for key in kept if key in values}
        other = {"n": drift.n, "load_text_embedding": False, "preprocess_fn": None, "preprocess_kwargs": {}}
        state = {"args": {"x_ref": drift.x_ref}, "kwargs": kwargs, "other": other}
        make(kind, drift, state, rows[:, columns], "drift")


if __name__ == "__main__":
    makers = {"xgboost": make_xgboost, "lightgbm": make_lightgbm, "dill": make_dill}
    makers.get(sys.argv[1], make_sklearn)(sys.argv[1])
