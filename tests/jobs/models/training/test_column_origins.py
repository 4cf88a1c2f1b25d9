"""Prepared columns in their features' own values: what scikit-learn's `inverse_transform` returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from jobs.data.synthetic_census import TARGET, census_like
from jobs.models.train import train_monitors_only
from jobs.models.training.column_origins import origins_of
from jobs.models.training.options import Options
from operators.models.column_origins import Origin
from operators.models.formats.feature_names import read_names

RNG = np.random.default_rng(0)
ROWS = np.column_stack([RNG.integers(17, 90, 500), RNG.exponential(2_000, 500), RNG.normal(-5, 0.1, 500)])
NAMES = ["age", "gain", "weight"]
FRAME = pd.DataFrame({**dict(zip(NAMES, ROWS.T, strict=True)), "work": RNG.choice(["State", "Private"], 500)})
AFFINE: dict[str, Any] = {
    "standard": StandardScaler(),
    "standard without mean": StandardScaler(with_mean=False),
    "standard without spread": StandardScaler(with_std=False),
    "min-max": MinMaxScaler(),
    "min-max of another range": MinMaxScaler((-3, 5)),
    "max-abs": MaxAbsScaler(),
    "robust": RobustScaler(),
    "robust without centre": RobustScaler(with_centering=False),
    "robust without scale": RobustScaler(with_scaling=False),
    "two in a row": make_pipeline(StandardScaler(), MinMaxScaler()),
    "three in a row": make_pipeline(RobustScaler(), MaxAbsScaler(), StandardScaler()),
    "identity": FunctionTransformer(feature_names_out="one-to-one"),
}


@pytest.mark.parametrize("name", AFFINE)
def test_an_affine_scaler_is_turned_round_as_it_does_itself(name: str) -> None:
    scaler = clone(AFFINE[name]).fit(ROWS)
    origins = origins_of(scaler, NAMES, {}, NAMES)
    prepared = scaler.transform(ROWS)
    expected = scaler.inverse_transform(prepared)
    for i, column in enumerate(NAMES):
        raw = [origins[column].raw(value) for value in prepared[:, i]]
        assert raw == pytest.approx(expected[:, i].tolist(), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", AFFINE)
def test_a_scaler_behind_an_imputer_and_in_a_column_transformer_is_found(name: str) -> None:
    parts = [
        ("words", OneHotEncoder(sparse_output=False), ["work"]),
        ("numbers", make_pipeline(SimpleImputer(), clone(AFFINE[name])), ["gain", "age"]),
    ]
    fitted = ColumnTransformer(parts, remainder="passthrough").fit(FRAME)
    columns = fitted.get_feature_names_out().tolist()
    origins = origins_of(fitted, list(FRAME.columns), {}, columns)
    assert list(origins) == columns, "each column has one"
    prepared = pd.DataFrame(fitted.transform(FRAME), columns=columns)
    for column in ("numbers__age", "numbers__gain", "remainder__weight"):
        raw = origins[column].raw(1.0) * prepared[column] + origins[column].raw(0.0) * (1 - prepared[column])
        assert raw.to_numpy() == pytest.approx(
            FRAME[column.partition("__")[2]].to_numpy(), rel=1e-9, abs=1e-6
        )


@pytest.mark.parametrize(
    "unknown",
    [
        MinMaxScaler(clip=True),
        PowerTransformer(),
        QuantileTransformer(n_quantiles=50),
        KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
        FunctionTransformer(np.cbrt),
        SimpleImputer(add_indicator=True),
        make_pipeline(StandardScaler(), PowerTransformer()),
        make_pipeline(PowerTransformer(), StandardScaler()),
    ],
    ids=str,
)
def test_columns_of_a_transformer_that_is_not_affine_have_no_origin(unknown: Any) -> None:
    fitted = ColumnTransformer([("odd", unknown, [0, 1]), ("fine", StandardScaler(), [2])]).fit(ROWS)
    width = fitted.transform(ROWS).shape[1]
    columns = [f"column_{i}" for i in range(width)]
    assert list(origins_of(fitted, NAMES, {}, columns)) == columns[-1:], (
        "its neighbour has an origin all the same"
    )
    alone = clone(unknown).fit(ROWS)
    assert origins_of(alone, NAMES, {}, NAMES) == {}


@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
@pytest.mark.parametrize("sparse", [True, False])
def test_the_columns_of_a_one_hot_encoder_are_their_categories(drop: str | None, sparse: bool) -> None:
    words = pd.DataFrame({"work": ["State", "Private", "None"] * 20, "sex": ["f", "m", "m"] * 20})
    encoder = OneHotEncoder(drop=drop, sparse_output=sparse).fit(words)
    columns = encoder.get_feature_names_out().tolist()
    origins = origins_of(encoder, list(words.columns), {}, columns)
    found = {f"{name.partition('_')[0]}_{origin.category}" for name, origin in origins.items()}
    assert found == set(columns)


def test_origins_of_codes_are_their_texts_and_not_numbers() -> None:
    codes = np.column_stack([RNG.integers(0, 3, 200), RNG.integers(0, 2, 200)]).astype(float)
    texts = {"work": ["Private", "State", "None"], "sex": ["f", "m"]}
    fitted = ColumnTransformer([("one", OneHotEncoder(), [0])], remainder="passthrough").fit(codes)
    origins = origins_of(fitted, ["work", "sex"], texts, ["a", "b", "c", "codes of sex"])
    assert [origins[column].category for column in "abc"] == texts["work"]
    assert "codes of sex" not in origins, "a code that is passed through has no unit"


@pytest.mark.parametrize(
    "chosen",
    [["age", "weight"], [0, 2], [-4, -2], slice(0, 3, 2), [True, False, True, False], ("age", "weight")],
    ids=str,
)
def test_columns_are_found_however_they_were_chosen(chosen: Any) -> None:
    chosen = list(chosen) if isinstance(chosen, tuple) else chosen
    fitted = ColumnTransformer([("numbers", StandardScaler(), chosen)]).fit(FRAME)
    origins = origins_of(fitted, list(FRAME.columns), {}, ["a", "b"])
    assert origins["a"].offset == pytest.approx(FRAME["age"].mean())
    assert origins["b"].offset == pytest.approx(FRAME["weight"].mean())


@pytest.mark.parametrize(
    "chosen",
    [slice("age", "weight"), make_column_selector(dtype_include="number")],
    ids=["slice", "selector"],
)
def test_columns_are_found_by_slices_of_names_and_by_selectors(chosen: Any) -> None:
    fitted = ColumnTransformer([("numbers", StandardScaler(), chosen)]).fit(FRAME)
    origins = origins_of(fitted, list(FRAME.columns), {}, NAMES)
    assert [origins[name].offset for name in NAMES] == pytest.approx(ROWS.mean(axis=0).tolist())


def test_what_is_dropped_or_encoded_in_an_unknown_way_moves_no_neighbour() -> None:
    parts = [
        ("none", "drop", ["age"]),
        ("codes", OrdinalEncoder(), ["work"]),
        ("fine", RobustScaler(), ["gain"]),
    ]
    fitted = Pipeline([("all", ColumnTransformer(parts))]).fit(FRAME)
    origins = origins_of(fitted, list(FRAME.columns), {}, ["work", "gain"])
    assert list(origins) == ["gain"]
    assert origins["gain"].offset == pytest.approx(FRAME["gain"].median())


def test_training_writes_what_its_own_preprocessor_does(models: Path) -> None:
    names = read_names(models / "income-drift-preprocessed", 0 + _width(models))
    assert names is not None
    fitted = joblib.load(models / "income-preprocess" / "model.joblib")
    numbers = fitted.named_transformers_["numeric"].named_steps["scale"]
    x_ref = np.load(models / "income-drift-preprocessed" / "x_ref.npy")
    quantities = [name for name in names.columns if "=" not in name]
    expected = numbers.inverse_transform(x_ref[:, : len(quantities)])
    for i, name in enumerate(quantities):
        raw = [names.origins[name].raw(value) for value in x_ref[:200, i]]
        assert raw == pytest.approx(expected[:200, i].tolist(), abs=1e-6)
    for name in names.columns[len(quantities) :]:
        assert names.origins[name] == Origin(category=name.partition("=")[2])


def _width(models: Path) -> int:
    return int(np.load(models / "income-drift-preprocessed" / "x_ref.npy").shape[1])


def test_raw_columns_and_predictions_have_no_origin(models: Path) -> None:
    for folder in ("income-drift", "income-prediction-drift"):
        width = np.load(models / folder / "x_ref.npy").shape[1]
        names = read_names(models / folder, width)
        assert names is not None
        assert names.origins == {}


def test_a_preprocessor_that_a_team_has_is_turned_round_too(tmp_path: Path) -> None:
    table = census_like(400, 5).drop(columns=[TARGET])
    numbers = ["age", "hours-per-week"]
    parts = [
        ("num", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("gain", PowerTransformer(), ["capital-gain"]),
    ]
    parts += [("cat", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["sex"])]
    fitted = ColumnTransformer(parts).fit(table)
    joblib.dump(fitted, tmp_path / "theirs.joblib")
    options = Options(name="theirs", windows=())
    train_monitors_only(
        table,
        tmp_path / "out",
        options,
        preprocessor=tmp_path / "theirs.joblib",
        on_progress=lambda line: None,
    )
    folder = tmp_path / "out" / "theirs-drift-preprocessed"
    names = read_names(folder, np.load(folder / "x_ref.npy").shape[1])
    assert names is not None
    scaler = fitted.named_transformers_["num"].named_steps["standardscaler"]
    (expected,) = scaler.inverse_transform([[-2.0, 1.5]]).tolist()
    raw = [names.origins["num__age"].raw(-2.0), names.origins["num__hours-per-week"].raw(1.5)]
    assert raw == pytest.approx(expected)
    assert "gain__capital-gain" not in names.origins
    sexes = fitted.named_transformers_["cat"].categories_[0].tolist()
    assert [names.origins[f"cat__sex_{sex}"].category for sex in sexes] == sexes
