"""Trains the boosters of one library's version, in its own environment: `train_there.py LIBRARY VERSION OUT`.

Each case gets a folder with its model file, and what the library's own wrapper answers to the rows of
`rows.npy` and `odd.npy`, chosen as MLServer's runtime chooses the wrapper.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matrix import CASES, Case

ROUNDS, PATIENCE = 24, 6
TRAINED = slice(0, 400)
rng = np.random.default_rng(0)


def make_rows(n: int) -> np.ndarray:
    """Four numbers with many ties, and codes 0 to 4 and 0 to 2."""
    rows = rng.normal(size=(n, 6)).round(1)
    rows[:, 4], rows[:, 5] = rng.integers(0, 5, n), rng.integers(0, 3, n)
    return rows


X = make_rows(600)
SCORE = (
    X[:, 0] + X[:, 1] * X[:, 2] + 2 * np.isin(X[:, 4], (1, 3)) - (X[:, 5] == 1) + rng.normal(0, 0.8, len(X))
)
NUMBERS = np.column_stack([SCORE, X[:, 3] - 2 * SCORE, X[:, 0]])
TARGETS = {
    "number": SCORE,
    "amount": np.abs(SCORE).round() + 1,
    "binary": (SCORE > 0.5).astype(int),
    "class": np.digitize(SCORE, [-1, 1]),
    "numbers": NUMBERS,
    "labels": (NUMBERS > 0).astype(int),
    "two labels": (NUMBERS[:, :2] > 0).astype(int),
    "one class": np.zeros(len(X), dtype=int),
}


def odd_rows() -> np.ndarray:
    """Rows that models seldom meet: missing, huge and tiny values, codes that are none."""
    rows = make_rows(24)
    rows[::5, 0] = np.nan
    for i, value in enumerate((-1, 99, 1.5, np.nan, 1e10, -0.5, 2.9999999, 2.0**31 + 3, np.inf, -np.inf)):
        rows[i, 4] = value
    for i, value in enumerate((np.inf, -np.inf, 1e300, -1e39, 1e-40, -0.0)):
        rows[10 + i, 1] = value
    rows[20], rows[21] = np.nan, 0
    return rows


# So noisy that boosting goes on too long, and early stopping ends before the last round.
def noisy(values: np.ndarray) -> np.ndarray:
    mixed = values[400:].copy()
    some = rng.random(len(mixed)) < 0.3
    mixed[some] = rng.permutation(mixed[some])
    return mixed


def groups(case: Case, rows: int) -> Any:
    return [100] * (rows // 100) if case.objective.startswith(("rank", "lambdarank")) else None


def train_xgboost(case: Case) -> Any:
    import xgboost

    target, valid = TARGETS[case.target], noisy(TARGETS[case.target])
    options = {**case.options}
    categories, rounds = options.pop("categories", False), options.pop("rounds", ROUNDS)
    common = {"max_depth": 4, "learning_rate": 0.6, "seed": 0, "nthread": 1, **options}
    if case.saved_by == "native":
        common |= {"objective": case.objective, "booster": case.booster}
        if case.target == "class":
            common["num_class"] = 3
        if case.objective == "reg:quantileerror":
            common["quantile_alpha"] = [0.5]
        sets = []
        for rows, values in ((X[TRAINED], target[TRAINED]), (X[400:], valid)):
            types = ["q"] * 4 + ["c"] * 2 if categories else None
            data = xgboost.DMatrix(rows, values, feature_types=types, enable_categorical=bool(categories))
            if groups(case, len(rows)):
                data.set_group(groups(case, len(rows)))
            if case.objective == "survival:aft":
                data.set_float_info("label_lower_bound", values)
                data.set_float_info("label_upper_bound", values)
            sets.append(data)
        patience = PATIENCE if case.stopped else None
        return xgboost.train(
            common, sets[0], rounds, [(sets[1], "v")], early_stopping_rounds=patience, verbose_eval=False
        )
    wrapper = getattr(xgboost, case.saved_by)
    if "RF" not in case.saved_by:
        common |= {"n_estimators": ROUNDS, "booster": case.booster, "objective": case.objective}
    else:
        common = {"n_estimators": 10, "max_depth": 4}
    common.pop("nthread", None)
    fit: dict[str, Any] = {}
    if case.stopped:
        common["early_stopping_rounds"] = PATIENCE
        fit |= {"eval_set": [(X[400:], valid)], "verbose": False}
    if case.saved_by == "XGBRanker":
        fit["qid"] = np.repeat(np.arange(4), 100)
        if case.stopped:
            fit["eval_qid"] = [np.repeat(np.arange(2), 100)]
    rows: Any = X[TRAINED]
    if categories:
        rows = framed(rows, categories)
        common["enable_categorical"] = True
    return wrapper(n_jobs=1, **common).fit(rows, target[TRAINED], **fit)


def stop_before_the_end(booster: Any) -> None:
    """Let a booster whose metric improved to the last round have stopped all the same."""
    if booster.best_iteration + 1 >= booster.num_boosted_rounds():
        booster.set_attr(best_iteration=str(ROUNDS // 2))


def framed(rows: np.ndarray, categories: Any) -> Any:
    """Name the columns, the last two as categories: codes, or words in the order of the codes."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list("abcdef"))
    for name in "ef":
        codes = frame[name].astype(int)
        words = codes.map(lambda code: "vwxyz"[code]) if categories == "words" else codes
        frame[name] = pd.Categorical(words)
    return frame


def answers_of_xgboost(path: Path, case: Case, rows: np.ndarray) -> dict[str, Any]:
    """Load a file as MLServer's runtime does: a regressor, or else a classifier."""
    import xgboost

    if case.saved_by == "XGBRanker":  # which MLServer does not load
        model = xgboost.XGBRanker()
        model.load_model(path)
    else:
        try:
            model = xgboost.XGBRegressor()
            model.load_model(path)
        except TypeError:
            model = xgboost.XGBClassifier()
            model.load_model(path)
    methods = ("predict", "predict_proba") if isinstance(model, xgboost.XGBClassifier) else ("predict",)
    return {method: getattr(model, method)(rows) for method in methods}


def train_lightgbm(case: Case) -> Any:
    import lightgbm

    target, valid = TARGETS[case.target], noisy(TARGETS[case.target])
    options = {**case.options}
    rows, missing = X.copy(), options.pop("missing", 0)
    rows[rng.random(rows.shape) < missing] = np.nan
    categorical = options.pop("categorical_feature", "auto")
    common = {"num_leaves": 8, "min_data_in_leaf": 5, "learning_rate": 0.4, "verbose": -1, "num_threads": 1}
    stop = [lightgbm.early_stopping(PATIENCE, verbose=False)] if case.stopped else []
    if case.saved_by != "native":
        model = getattr(lightgbm, case.saved_by)(n_estimators=ROUNDS, **common)
        return model.fit(
            rows[TRAINED], target[TRAINED], eval_set=[(rows[400:], valid)], callbacks=stop
        ).booster_
    common |= {**options, "objective": case.objective, "boosting": case.booster}
    if case.objective == "none":
        common["objective"] = lambda margins, data: (margins - data.get_label(), np.ones(len(margins)))
    if case.target == "class":
        common["num_class"] = 3
    ranks = case.objective in ("lambdarank", "rank_xendcg")
    known = {key: value for key, value in options.items() if key != "sigmoid"}
    data = lightgbm.Dataset(
        rows[TRAINED],
        target[TRAINED],
        group=[100] * 4 if ranks else None,
        categorical_feature=categorical,
        params={"verbose": -1, **known},
    )
    checked = data.create_valid(rows[400:], valid, group=[100] * 2 if ranks else None)
    return lightgbm.train(common, data, ROUNDS, valid_sets=[checked], callbacks=stop)


def answers_of_lightgbm(path: Path, case: Case, rows: np.ndarray) -> dict[str, Any]:
    import lightgbm

    return {"predict": lightgbm.Booster(model_file=path).predict(rows)}


def main(library: str, version: str, out: Path) -> None:
    train = {"xgboost": train_xgboost, "lightgbm": train_lightgbm}[library]
    answer = {"xgboost": answers_of_xgboost, "lightgbm": answers_of_lightgbm}[library]
    runtime = {"xgboost": "mlserver_xgboost.XGBoostModel", "lightgbm": "mlserver_lightgbm.LightGBMModel"}[
        library
    ]
    probes = {"rows": make_rows(200), "odd": odd_rows()}
    for case in CASES:
        if (case.library, case.version) != (library, version):
            continue
        folder = out / case.name
        folder.mkdir()
        file = f"model.{'bst' if case.form in ('text', 'deprecated') else case.form}"
        model = train(case)
        if case.stopped and library == "xgboost":
            stop_before_the_end(model if case.saved_by == "native" else model.get_booster())
        # XGBoost chooses its form by the name's end.
        saved = folder / (f"model.{case.form}" if case.form == "deprecated" else file)
        model.save_model(saved)
        answers = {
            f"{name}-{method}": values
            for name, rows in ({} if case.refused else probes).items()
            for method, values in answer(saved, case, rows).items()
        }
        saved.rename(folder / file)
        np.savez(folder / "answers.npz", **answers)
        (folder / "model-settings.json").write_text(
            json.dumps({"name": case.name, "implementation": runtime, "parameters": {"uri": f"./{file}"}})
        )
    for name, rows in probes.items():
        np.save(out / f"{name}.npy", rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
